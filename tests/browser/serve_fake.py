"""`python -m tests.browser.serve_fake PORT [SECONDS]`: the demo over a stand-in model."""

from __future__ import annotations

import sys
import time

from mer_core.demo.build import build_demo, launch_options
from mer_core.demo.engine import Engine
from tests.browser.fake_model import FakeModel


def main() -> None:
    """Serve on the port given, loading for as long as asked."""
    port, seconds = int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0

    def load() -> FakeModel:
        time.sleep(seconds)
        return FakeModel()

    engine = Engine(load)
    demo = build_demo(engine)
    demo.launch(
        server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, **launch_options()
    )
    engine.start()
    demo.block_thread()


if __name__ == "__main__":
    main()
