"""The command line on bad input, with the shipped model: rows and messages, never a trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mer_core import cli
from mer_core.serving.predictor import Predictor
from tests.hostile.clips import RATE, WITHOUT_SPEECH, float_wav, wav, write_declaring_wav


@pytest.fixture(autouse=True)
def loaded_once(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "load_predictor", lambda *_: predictor)


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, list[Any]]:
    code = cli.main(["predict", "--json", *arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, [json.loads(line) for line in out.splitlines()]


def test_every_bad_file_is_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contents = {
        "empty": b"",
        "not_audio": np.random.default_rng(0).bytes(9_999),
        "too_short": wav(np.zeros(1)),
        "not_finite": float_wav(np.full(RATE, np.nan)),
        "bad_rate": wav(np.zeros(3_000), 1_000),
    }
    for kind, content in contents.items():
        (tmp_path / f"{kind}.wav").write_bytes(content)
    write_declaring_wav(tmp_path / "too_long.wav", 8 * 3600)
    (tmp_path / "silence.wav").write_bytes(wav(np.zeros(3 * RATE)))
    kinds = [*contents, "too_long", "not_found"]
    files = [str(tmp_path / f"{kind}.wav") for kind in [*kinds, "silence"]]
    code, rows = run([*files, str(tmp_path)], capsys)
    assert code == 1
    assert [row["file"] for row in rows] == [*files, str(tmp_path)]
    kinds_or_states = [row["error"]["kind"] if row["error"] else row["state"] for row in rows]
    assert kinds_or_states == [*kinds, "silence", "not_a_file"]
    assert all(row["emotion"] is None for row in rows)
    assert all(row["message"].endswith(".") for row in rows)


@pytest.mark.parametrize("name", WITHOUT_SPEECH)
def test_sound_without_speech_succeeds_without_a_label(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "clip.wav"
    path.write_bytes(wav(WITHOUT_SPEECH[name]()))
    code, (row,) = run([str(path)], capsys)
    assert code == 0
    assert row["emotion"] is None
    assert row["error"] is None
    assert row["state"] in ("silence", "no_speech")


@pytest.mark.parametrize(
    ("text", "code", "kind"),
    [
        ("x" * 100_000, 1, "text_too_long"),
        ("   ", 1, "no_input"),
        ("我今天非常高兴", 0, None),
        ("😀😀😀", 0, None),
        ("I am so happy!", 0, None),
    ],
)
def test_odd_text(
    text: str, code: int, kind: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, (row,) = run(["--text", text], capsys)
    assert exit_code == code
    assert (row["error"] and row["error"]["kind"]) == kind


def test_info_describes_the_shipped_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info"]) == 0
    output = capsys.readouterr().out
    for part in ("mgcma", "angry", "happy", "neutral", "sad", "metrics"):
        assert part in output
