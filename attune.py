"""`attune demo|predict|info|train`: one command for the page, the library and the training.

It only hands the remaining arguments on, so that each command's `--help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mer_core import __version__

COMMANDS = {
    "demo": "open the web page (same as `python app.py`)",
    "predict": "assign a category to recordings, videos or text (`python -m mer_core predict`)",
    "info": "show the model, its labels and its metrics (`python -m mer_core info`)",
    "train": "train, evaluate and publish models (`python -m train`)",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
    if options.command == "demo":
        from mer_core.demo import command as demo

        return demo.main(options.arguments, prog="attune demo")
    if options.command == "train":
        from train.__main__ import main as train

        return train(options.arguments, prog="attune train")
    from mer_core.cli import main as recognise

    return recognise([options.command, *options.arguments], prog="attune")


def parser() -> argparse.ArgumentParser:
    """A command and whatever follows it."""
    width = max(map(len, COMMANDS)) + 2
    top = argparse.ArgumentParser(
        prog="attune",
        description="Emotion recognition from voice, words and face.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="commands:\n"
        + "\n".join(f"  {name:{width}}{text}" for name, text in COMMANDS.items())
        + "\n\n`attune COMMAND --help` shows a command's options.",
        usage="attune [--help] [--version] COMMAND ...",
    )
    top.add_argument("--version", action="version", version=f"attune {__version__}")
    top.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="what to run")
    top.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return top


if __name__ == "__main__":
    sys.exit(main())
