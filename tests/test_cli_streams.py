"""The command line as a process: start-up, pipes, encodings."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from mer_core import cli

POSIX = pytest.mark.skipif(os.name != "posix", reason="pipes and byte names of POSIX")
PROGRAM = """
import sys
from mer_core import cli
from mer_core.types import Prediction

class Model:
    labels = ()
    judges_video = False

    def predict_many(self, items, batch_size, *, transcribe=False, explain=False):
        return [Prediction("sad", {"sad": 1.0}, {}) for _ in items]

cli.load_predictor = lambda *_: Model()
sys.exit(cli.main(["predict", "--json", *sys.argv[1:]]))
"""


def test_help_is_fast_and_imports_no_torch() -> None:
    code = (
        "import sys, mer_core.cli\n"
        "try: mer_core.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "predict" in ran.stdout


@POSIX
def test_a_closed_pipe_prints_no_traceback() -> None:
    """The pipe's reading end is closed before the first row is written."""
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *["x.wav"] * 5_000],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(write)
    assert ran.returncode == cli.READER_GONE
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


@POSIX
def test_output_is_utf8_whatever_the_locale_and_the_name() -> None:
    names = ["żółć.wav".encode(), b"\xff\xfe.wav"]
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names], capture_output=True, env=environment, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.decode("utf-8").splitlines()
    assert os.fsencode(json.loads(second)["file"]) == names[1]
    assert json.loads(first)["state"] == "ok"
