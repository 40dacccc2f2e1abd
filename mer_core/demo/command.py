"""The command that opens the web page: `python app.py` and `attune demo`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None, prog: str = "app.py") -> int:
    """Serve the page, which answers before the model has loaded; return the exit code."""
    options = parse(arguments, prog)
    # Importing gradio takes seconds and reads the environment, so the arguments come first.
    from mer_core.demo.build import build_demo, launch_options
    from mer_core.demo.engine import Engine, load_predictor

    engine = Engine(
        lambda: load_predictor(
            options.model, options.device, options.face_detector, options.whisper
        )
    )
    demo = build_demo(engine)
    address = {"server_name": options.host, "server_port": options.port, "share": options.share}
    try:
        demo.launch(**address, **launch_options(), quiet=True, prevent_thread_lock=True)
    except OSError:
        ports = options.port or "7860 to 7959"
        print(
            f"{prog}: cannot listen on {options.host}, port {ports}; choose another --port or "
            "--host",
            file=sys.stderr,
        )
        return 1
    print(f"Attune answers at {demo.share_url or demo.local_url}", flush=True)
    engine.start()
    demo.block_thread()
    return 0


def parse(arguments: Sequence[str] | None = None, prog: str = "app.py") -> argparse.Namespace:
    """The command line; flags win over GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."""
    parser = argparse.ArgumentParser(
        prog=prog, description="Attune's web page: start it, then open the address it prints."
    )
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1")
    parser.add_argument("--port", type=_port, default=os.environ.get("GRADIO_SERVER_PORT") or None)
    parser.add_argument("--share", action="store_true", help="also open a public gradio.live link")
    parser.add_argument("--model", type=_model, help="folder or Hub id; default: the shipped one")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--face-detector", help="file or Hub id of a YuNet model")
    parser.add_argument(
        "--whisper", help="speech-to-text model: folder, size or Hub id; default: the shipped one"
    )
    return parser.parse_args(arguments)


def _port(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 65_535:
        raise argparse.ArgumentTypeError(f"{value!r} is not a port; a port is 1 to 65535")
    return int(value)


def _model(value: str) -> str:
    if value.startswith((".", "/", "~")) and not Path(value).expanduser().is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {value!r}")
    return str(Path(value).expanduser()) if value.startswith("~") else value
