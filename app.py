"""Attune's web page: `python app.py`, then open the address it prints."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def _port(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 65_535:
        raise argparse.ArgumentTypeError(f"{value!r} is no port; a port is 1 to 65535")
    return int(value)


def _model(value: str) -> str:
    if value.startswith((".", "/", "~")) and not Path(value).expanduser().is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {value!r}")
    return str(Path(value).expanduser()) if value.startswith("~") else value


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; flags win over GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."""
    parser = argparse.ArgumentParser(prog="app.py", description=__doc__)
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1")
    parser.add_argument("--port", type=_port, default=os.environ.get("GRADIO_SERVER_PORT") or None)
    parser.add_argument("--share", action="store_true", help="also open a public gradio.live link")
    parser.add_argument("--model", type=_model, help="folder or Hub id; default: the shipped one")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--face-detector", help="file or Hub id of a YuNet model")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Page first, so that it answers within seconds; the model loads behind it."""
    options = parse(arguments)
    from mer_core.demo.build import build_demo, launch_options
    from mer_core.demo.engine import Engine, load_predictor

    engine = Engine(lambda: load_predictor(options.model, options.device, options.face_detector))
    demo = build_demo(engine)
    where = {"server_name": options.host, "server_port": options.port, "share": options.share}
    try:
        demo.launch(**where, **launch_options(), quiet=True, prevent_thread_lock=True)
    except OSError:
        place = f"{options.host}, port {options.port or '7860 to 7959'}"
        print(f"app.py: cannot listen on {place}; choose another --port or --host", file=sys.stderr)
        raise SystemExit(1) from None
    print(f"Attune answers at {demo.share_url or demo.local_url}", flush=True)
    engine.start()
    demo.block_thread()


if __name__ == "__main__":
    main()
