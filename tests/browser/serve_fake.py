"""`python -m tests.browser.serve_fake PORT [FILE]`: the demo over a stand-in model."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from mer_core.demo.build import build_demo, launch_options
from mer_core.demo.engine import Engine
from tests.browser.fake_model import FakeModel


def main() -> None:
    """Serve on the port given; the model loads until the file is there, if one is given."""
    port, files = int(sys.argv[1]), [Path(name) for name in sys.argv[2:]]

    def load() -> FakeModel:
        while not all(file.exists() for file in files):
            time.sleep(0.1)
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
