"""The command `attune` hands its arguments on, under the name it was called by."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import attune
import mer_core

ROOT = Path(__file__).resolve().parents[1]


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        attune.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"attune {mer_core.__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        attune.main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    for command in ("demo", "predict", "info", "train"):
        assert any(line.split()[:1] == [command] for line in lines), command


@pytest.mark.parametrize("arguments", [[], ["sing"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        attune.main(arguments)
    assert ended.value.code == 2
    assert "attune: error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "usage"),
    [
        (["demo", "--help"], "usage: attune demo [-h]"),
        (["predict", "--help"], "usage: attune predict [-h]"),
        (["info", "--help"], "usage: attune info [-h]"),
        (["train", "--help"], "usage: attune train [-h]"),
        (["train", "fit", "--help"], "usage: attune train fit [-h]"),
    ],
)
def test_each_command_has_its_own_help(
    arguments: list[str], usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        attune.main(arguments)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(usage)


def test_errors_name_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        attune.main(["predict"])
    assert "attune: error: give at least one FILE" in capsys.readouterr().err


def test_help_needs_no_model() -> None:
    code = (
        "import sys, attune\n"
        "try:\n    attune.main(['predict', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(*(m for m in ('torch', 'gradio', 'train') if m in sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr.split()) == (0, [])
