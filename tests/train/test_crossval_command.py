"""`crossval` and `report` as a researcher types them: five sessions, killed and resumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

import train.__main__ as command
from mer_core.checkpoints.checkpoint import load_checkpoint
from tests.train.iemocap import PER_SESSION, tiny_study, write_iemocap
from train.report.records import read_records
from train.state import save_state

CONFIG = """
name = "tiny_iemocap"
seed = 5
pairing = "natural"
drop_modality = {{ speech = 0.1, text = 0.1 }}
[architecture]
framework = "mgcma"
width = 16
heads = 2
[architecture.speech_encoder]
family = "pretrained_speech"
source = "{speech}"
[architecture.text_encoder]
family = "pretrained_text"
source = "{text}"
[sources.speech]
corpora = {{ iemocap = 1.0 }}
[sources.text]
corpora = {{ iemocap = 1.0 }}
[optim]
epochs = 2
draws = 16
batch_size = 8
learning_rate = 3e-3
precision = "fp32"
"""


@pytest.fixture
def workplace(tmp_path: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: an IEMOCAP in `data`, and an experiment on local encoders."""
    encoders = tiny_study(tmp_path / "encoders", tokenizer).architecture
    sources = {kind: encoders[f"{kind}_encoder"]["source"] for kind in ("speech", "text")}
    (tmp_path / "tiny.toml").write_text(CONFIG.format(**sources), "utf-8")
    write_iemocap(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("train.log.save_curves", lambda *_: None)
    return tmp_path


CROSSVAL = [
    "crossval", "--config", "tiny.toml", "--data", "data", "--device", "cpu", "--seeds", "2",
    "--literature",
]  # fmt: skip


@pytest.mark.slow
def test_killed_resumed_and_reported(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command.main([*CROSSVAL, "--out", "whole"]) == 0
    tables = capsys.readouterr().out
    assert "tiny_iemocap on iemocap, by fold" in tables
    saves = 0

    def save_and_die(*arguments: object) -> None:
        nonlocal saves
        save_state(*arguments)  # type: ignore[arg-type]
        saves += 1
        if saves == 7:  # within the fourth fold
            raise KeyboardInterrupt

    monkeypatch.setattr("train.loop.save_state", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        command.main(CROSSVAL)
    runs = workplace / "runs" / "crossval_tiny_iemocap_iemocap"
    assert len(read_records(runs / "runs.jsonl")) == 3
    monkeypatch.setattr("train.loop.save_state", save_state)
    assert command.main(CROSSVAL) == 0
    expected = (workplace / "whole" / "runs.jsonl").read_text("utf-8")
    assert (runs / "runs.jsonl").read_text("utf-8") == expected
    assert (runs / "crossval.md").read_text("utf-8").strip() in capsys.readouterr().out
    records = read_records(runs / "runs.jsonl")
    assert [(record.seed, record.fold) for record in records] == [
        (seed, fold) for seed in (5, 6) for fold in range(1, 6)
    ]
    checkpoint = load_checkpoint(runs / "seed-6" / "fold-5")
    assert checkpoint.framework.labels == ("angry", "happy", "neutral", "sad")
    capsys.readouterr()
    assert command.main(["report"]) == 0  # of runs/*/runs.jsonl
    files = capsys.readouterr().out.split()
    assert [Path(file).suffix for file in files] == [".md", ".tex", ".csv", ".png"]
    text = (workplace / "runs" / "report" / "report.md").read_text("utf-8")
    assert "| tiny_iemocap | speech, text | 4 | 2 |" in text
    assert "| tiny_iemocap: best_test_epoch | speech, text | 4 | 2 |" in text
    assert "| MGCMA (2025) | speech, text | 4 | – | 78.87 | 80.24 |" in text
    assert f"| both | four | {5 * PER_SESSION} |" in text
    assert f"| transcript-duplicate-free | {5 * PER_SESSION // 2} |" in text
    assert "iemocap: paired tests" in text
    # The runs alone make the same report elsewhere.
    moved = workplace / "elsewhere.jsonl"
    moved.write_text(expected, "utf-8")
    assert command.main(["report", "--runs", str(moved), "--out", "again"]) == 0
    assert (workplace / "again" / "report.md").read_text("utf-8") == text


def test_mistakes_are_one_sentence(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in (
        (["report"], "run `crossval` first"),
        (["report", "--runs", "none.jsonl"], "none.jsonl is missing"),
        ([*CROSSVAL, "--folds", "2"], "three, or set optim.select=false"),
        ([*CROSSVAL, "--corpus", "meld"], "reads no speech of meld"),
    ):
        assert command.main(arguments) == 2
        errors = capsys.readouterr().err
        assert expected in errors
        assert "Traceback" not in errors


def test_another_configuration_needs_another_folder(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crossval = [*CROSSVAL[:-3], "--seeds", "1", "--folds", "3", "--set", "optim.epochs=1"]
    assert command.main(crossval) == 0
    lines = (workplace / "runs" / "crossval_tiny_iemocap_iemocap" / "runs.jsonl").read_text()
    assert {json.loads(line)["best_test_epoch"] for line in lines.splitlines()} == {None}
    capsys.readouterr()
    assert command.main([*crossval, "--set", "optim.learning_rate=1e-3"]) == 2
    assert "give another --out" in capsys.readouterr().err


@pytest.mark.slow
def test_strategies_on_the_same_folds_are_compared(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crossval = [*CROSSVAL[:-3], "--seeds", "1", "--folds", "3", "--set", "optim.epochs=1"]
    assert command.main([*crossval, "--strategies", "none"]) == 2
    assert "set freeze_encoders = true" in capsys.readouterr().err
    frozen = [*crossval, "--set", "freeze_encoders=true"]
    assert command.main([*frozen, "--strategies", "all"]) == 2
    assert "no strategy 'all'; strategies are none, distribution" in capsys.readouterr().err
    assert command.main([*frozen, "--strategies", "none", "distribution+token"]) == 0
    tables = capsys.readouterr().out
    assert "| tiny_iemocap/none, both | tiny_iemocap/distribution+token, both | UA |" in tables
    runs = workplace / "runs" / "crossval_tiny_iemocap_iemocap"
    assert len(read_records(runs / "runs.jsonl")) == 2 * 3
    assert (runs / "distribution+token" / "seed-5" / "fold-3" / "config.json").is_file()
