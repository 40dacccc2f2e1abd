"""docs/iemocap.md, followed command by command on a tiny IEMOCAP."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tokenizers import Tokenizer

import train.__main__ as command
from tests.train.iemocap import tiny_study, write_iemocap
from train.report.records import read_records

PAGE = Path(__file__).resolve().parents[2] / "docs" / "iemocap.md"
SMALL = {
    "architecture.width": 16,
    "architecture.heads": 2,
    "architecture.feed_forward": 1.0,
    "optim.epochs": 1,
    "optim.draws": 16,
    "optim.precision": "fp32",
}


def documented() -> list[list[str]]:
    """The arguments of every command of the page, in its order."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return [line.split()[3:] for block in blocks for line in block.splitlines()]


@pytest.mark.slow
def test_the_page_followed_on_tiny_encoders(
    tmp_path: Path,
    tokenizer: Tokenizer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """MGCMA and the report run; Foal-Net asks for the films, which this copy lacks."""
    encoders = tiny_study(tmp_path / "encoders", tokenizer).architecture
    settings = SMALL | {
        f"architecture.{kind}.source": encoders[kind]["source"]
        for kind in ("speech_encoder", "text_encoder")
    }
    small = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    write_iemocap(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("train.log.save_curves", lambda *_: None)
    for name, *arguments in documented():
        given = ["data" if argument == "DIR" else argument for argument in arguments]
        if "mgcma_iemocap" in given:
            assert command.main([name, *given, "--device", "cpu", "--seeds", "1", *small]) == 0
        elif name == "report":
            assert command.main([name, *given]) == 0
        elif "iemocap" in " ".join(given):
            capsys.readouterr()
            assert command.main([name, *given, "--device", "cpu"]) == 2
            assert "No recording of iemocap has speech and video" in capsys.readouterr().err
    runs = read_records(tmp_path / "runs" / "crossval_mgcma_iemocap_iemocap" / "runs.jsonl")
    assert [record.fold for record in runs] == [1, 2, 3, 4, 5]
    assert all(record.best_test_epoch for record in runs)
    files = {file.suffix for file in (tmp_path / "runs" / "report").iterdir()}
    assert files == {".md", ".tex", ".csv", ".png"}
