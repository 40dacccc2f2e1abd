"""`predict --manifest`: options, exit codes, and the real model from end to end."""

from __future__ import annotations

import json
import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mer_core import cli
from mer_core.checkpoints.shipped import EXAMPLES
from mer_core.serving.predictor import Predictor
from tests.serving.bulk.fake_model import FakeModel, write_texts


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> list[FakeModel]:
    """Every stand-in that was loaded."""
    loaded: list[FakeModel] = []

    def load(*_: Any) -> FakeModel:
        loaded.append(FakeModel())
        return loaded[-1]

    monkeypatch.setattr(cli, "load_predictor", load)
    return loaded


def predict(manifest: Path, out: Path, *more: str) -> int:
    return cli.main(["predict", "--manifest", str(manifest), "--out", str(out), *more])


def test_a_manifest_becomes_parquet_files(
    model: list[FakeModel], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, out = write_texts(tmp_path, 25), tmp_path / "out"
    assert predict(manifest, out, "--shard-rows", "10", "--batch-size", "5") == 0
    shown, progress = capsys.readouterr()
    assert shown == f"{out}: 25 rows, 25 ok\n"
    assert "25/25" in progress
    assert model[0].batches == [5] * 5
    assert len(pd.read_parquet(out)) == 25


def test_a_second_run_loads_no_model(model: list[FakeModel], tmp_path: Path) -> None:
    manifest, out = write_texts(tmp_path, 5), tmp_path / "out"
    assert predict(manifest, out) == 0
    assert predict(manifest, out) == 0
    assert len(model) == 1


def test_a_refused_row_is_exit_code_1_each_time(
    model: list[FakeModel], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, out = tmp_path / "clips.jsonl", tmp_path / "out"
    manifest.write_text('{"text": "a"}\n{"audio": "gone.wav"}\n', "utf-8")
    for _ in range(2):
        assert predict(manifest, out) == 1
        assert capsys.readouterr().out == f"{out}: 2 rows, 1 ok, 1 refused\n"


def test_what_cannot_be_run_is_a_sentence(
    model: list[FakeModel], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, out = write_texts(tmp_path, 5), tmp_path / "out"
    assert predict(tmp_path / "gone.csv", out) == 2
    assert predict(manifest, manifest) == 2
    assert predict(manifest, manifest / "below") == 2
    assert predict(manifest, out, "--model", str(tmp_path / "gone")) == 2
    assert predict(manifest, out) == 0
    assert predict(manifest, out, "--shard-rows", "7") == 2
    lines = capsys.readouterr().err.splitlines()
    sentences = [line for line in lines if line.startswith("python -m mer_core: ")]
    expected = (
        "gone.csv cannot be read", "clips.csv cannot be written", "below cannot be written",
        "neither a folder nor a Hub id", "with other options",
    )  # fmt: skip
    for sentence, part in zip(sentences, expected, strict=True):
        assert part in sentence
    assert "Traceback" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("arguments", "mistake"),
    [
        (["--manifest", "a.csv"], "needs --out"),
        (["--manifest", "a.csv", "--out", "o", "b.wav"], "leave FILE and --text out"),
        (["--manifest", "a.csv", "--out", "o", "--text", "b"], "leave FILE and --text out"),
        (["--manifest", "a.csv", "--out", "o", "--json"], "leave --json and --csv out"),
        (["--manifest", "a.csv", "--out", "o", "--jobs", "0"], "not at least 1"),
        (["--manifest", "a.csv", "--out", "o", "--engine", "dask"], "invalid choice"),
        (["b.wav", "--out", "o"], "--out goes with --manifest"),
        (["b.wav", "--shard-rows", "5"], "--shard-rows goes with --manifest"),
        (["b.wav", "--engine", "ray"], "--engine goes with --manifest"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], mistake: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["predict", *arguments])
    assert stopped.value.code == 2
    assert mistake in capsys.readouterr().err


def test_results_are_those_of_predict(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The shipped model: the same labels as clip by clip, and probabilities within rounding."""
    monkeypatch.setattr(cli, "load_predictor", lambda *_: predictor)
    rows: list[dict[str, str]] = [
        {"audio": "even.flac"},
        {"audio": "bright.flac", "text": "I cannot believe it, how wonderful!"},
        {"text": "I miss you so much."},
        {"audio": "../clips.jsonl"},
        {"video": "face_smile.mp4"},
    ]
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("even.flac", "bright.flac", "face_smile.mp4"):
        shutil.copy(EXAMPLES / name, folder)
    manifest = folder / "list.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (tmp_path / "clips.jsonl").write_text("no sound", "utf-8")
    assert predict(manifest, tmp_path / "out") == 1
    table = pd.read_parquet(tmp_path / "out")
    assert list(table["state"]) == ["ok", "ok", "ok", "refused", "ok"]
    assert table["error"][3] == "not_audio"
    assert list(table["framework"]) == ["mgcma"] * 4 + ["foal_net"]
    for index in (0, 1, 2, 4):
        given = {k: v if k == "text" else folder / v for k, v in rows[index].items()}
        alone = predictor.predict(**given)
        assert table["emotion"][index] == alone.emotion
        for label, probability in alone.probabilities.items():
            assert table[f"p_{label}"][index] == pytest.approx(probability, abs=1e-4)


PAGE = Path(__file__).resolve().parents[1] / "docs" / "bulk.md"


def blocks(language: str) -> list[str]:
    """The page's code of one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_page_can_be_followed(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its manifest, its commands and its Python, with the shipped model and clips of these names.

    Commands for several workers are only parsed: tests/serving/bulk/test_workers.py runs those.
    """
    monkeypatch.setattr(cli, "load_predictor", lambda *_: predictor)
    monkeypatch.chdir(tmp_path)
    for name in ("calls", "talks"):
        (tmp_path / name).mkdir()
    for number, example in enumerate(("even.flac", "bright.flac"), 1):
        shutil.copy(EXAMPLES / example, tmp_path / "calls" / f"000{number}.wav")
    shutil.copy(EXAMPLES / "face_smile.mp4", tmp_path / "talks" / "0003.mp4")
    (manifest,) = blocks("csv")
    (tmp_path / "clips.csv").write_text(manifest, "utf-8")
    commands = [line.split()[1:] for block in blocks("sh") for line in block.splitlines()]
    first, several, _, ray = commands
    assert cli.main(first) == 1  # calls/0004.wav does not exist
    for command in (several, ray):
        cli.build_parser("attune").parse_args(command)
    (code,) = blocks("python")
    (tmp_path / "read.py").write_text(code, "utf-8")
    scores = runpy.run_path("read.py")["scores"].set_index("id")
    assert list(scores["state"]) == ["ok", "ok", "ok", "ok", "refused"]
    assert scores["error"]["e"] == "not_found"
    columns = {"row", "file", "p_happy", "speech_happy", "video_happy", "match", "transcript"}
    assert columns <= set(scores.columns)
