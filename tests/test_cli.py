"""The command line's contract, with a stand-in for the model and the real reading of input."""

from __future__ import annotations

import csv
import json
import wave
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mer_core import cli
from mer_core.media import MediaError, load_audio, load_text
from mer_core.media.transcribe import Transcriber
from mer_core.serving.rows import info_lines, table_lines, to_row
from mer_core.types import Occlusions, Prediction, Transcript, Window, Word

LABELS = ("angry", "happy", "neutral", "sad")
SHARES = {"angry": 0.1, "happy": 0.7, "neutral": 0.15, "sad": 0.05}
FOUND = Occlusions(
    "happy",
    {"speech": 0.75},
    ("so",),
    {"text": np.array([np.nan], np.float32)},
    np.array([0, 0.5, 1], np.float32),
    {"speech": np.array([0.5, 0.25], np.float32)},
)
ROW_KEYS = {"file", "emotion", "probabilities", "by_modality", "state", "error"}


class StandIn:
    """Reads input as the real one does and always assigns the same."""

    labels = LABELS
    judges_video = False

    def __init__(self) -> None:
        self.chunks: list[int] = []
        self.transcriber = Transcriber("none", load=lambda *_: self.open_clip)
        self.said: Transcript | None = None

    def open_clip(self) -> Any:
        pytest.fail("the stand-in transcribes by itself")

    def predict_many(
        self,
        items: Sequence[Mapping[str, Any]],
        batch_size: int = 16,
        *,
        transcribe: bool = False,
        explain: bool = False,
    ) -> list[Prediction]:
        self.chunks.append(len(items))
        said, found = self.said if transcribe else None, FOUND if explain else None
        return [replace(self.answer(item), transcript=said, occlusions=found) for item in items]

    def answer(self, item: Mapping[str, Any]) -> Prediction:
        nothing: dict[str, dict[str, float] | None] = dict.fromkeys(("speech", "text", "both"))
        try:
            waveform = None if item["audio"] is None else load_audio(item["audio"])
            text = load_text(item["text"])
            if waveform is None and text is None:
                raise MediaError("no_input", "Neither sound nor text: give one of them.")
        except MediaError as error:
            return Prediction(
                None, {}, nothing, "refused", error.message, error.kind, name=item["name"]
            )
        by_modality = nothing | {"both": dict(SHARES)}
        return Prediction(
            "happy",
            dict(SHARES),
            by_modality,
            framework="mgcma",
            duration=None if waveform is None else len(waveform) / 16_000,
        )

    def info(self) -> dict[str, Any]:
        return {
            "model": "default",
            "labels": LABELS,
            "parameters": 1_234_567,
            "metrics": {"ravdess": {"ua": 0.7512, "confusion": [[3, 1], [0, 4]]}},
        }


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr(cli, "load_predictor", lambda *_: stand_in)
    return stand_in


@pytest.fixture
def clip(tmp_path: Path) -> str:
    path = tmp_path / "clip.wav"
    samples = np.random.default_rng(0).integers(-9000, 9000, 16_000, dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return str(path)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    path = tmp_path / "broken.wav"
    path.write_bytes(b"no sound at all")
    return str(path)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_is_one_object_a_line(
    model: StandIn, clip: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", clip, clip, "--text", "hello", "--json"]) == 0
    rows = lines(capsys.readouterr().out)
    assert [row["file"] for row in rows] == [clip, clip]
    assert set(rows[0]) >= ROW_KEYS
    assert rows[0]["emotion"] == "happy"
    assert rows[0]["probabilities"] == SHARES
    assert rows[0]["by_modality"] == {"speech": None, "text": None, "both": SHARES}
    assert rows[0]["state"] == "ok"
    assert rows[0]["error"] is None
    assert rows[0]["duration"] == pytest.approx(1.0)


def test_a_bad_file_is_a_row_and_the_run_continues(
    model: StandIn, clip: str, broken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = str(tmp_path / "gone.wav")
    code = cli.main(["predict", broken, str(tmp_path), clip, gone, "--json"])
    out, err = capsys.readouterr()
    assert code == 1
    rows = lines(out)
    kinds = [row["error"] and row["error"]["kind"] for row in rows]
    assert kinds == ["not_audio", "not_a_file", None, "not_found"]
    assert rows[0]["emotion"] is None
    assert rows[0]["probabilities"] == {}
    assert rows[0]["by_modality"] == {"speech": None, "text": None, "both": None}
    assert "Accepted: wav" in rows[0]["error"]["message"]
    assert "folder" in rows[1]["error"]["message"]
    assert "Traceback" not in err


def test_text_alone_is_one_row(model: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["predict", "--text", "What a day!", "--json"]) == 0
    (row,) = lines(capsys.readouterr().out)
    assert row["file"] is None
    assert row["duration"] is None


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_blank_text_alone_is_a_refusal(
    model: StandIn, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", "--text", text, "--json"]) == 1
    assert lines(capsys.readouterr().out)[0]["error"]["kind"] == "no_input"


def test_the_table_is_aligned(
    model: StandIn, clip: str, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", clip, broken]) == 1
    head, first, second = capsys.readouterr().out.splitlines()
    column = head.index("emotion")
    assert first[column:].startswith("happy")
    assert second[column:].startswith("error")
    assert "could not be read" in second


def test_a_file_name_cannot_break_the_table() -> None:
    row = to_row("a\x1b[2J\nb.wav", Prediction("sad", {"sad": 1.0}, {}))
    table = table_lines([row])
    assert len(table) == 2
    assert "\x1b" not in table[1]


def test_csv_has_a_column_a_label(
    model: StandIn, clip: str, broken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    assert cli.main(["predict", broken, clip, "--csv", str(out)]) == 1
    with out.open(encoding="utf-8", newline="") as file:
        bad, good = csv.DictReader(file)
    assert bad["file"] == broken
    assert bad["error"] == "not_audio"
    assert bad["p_happy"] == ""
    assert good["error"] == ""
    assert [float(good[f"p_{label}"]) for label in LABELS] == list(SHARES.values())
    assert float(good["both_sad"]) == SHARES["sad"]
    assert good["speech_sad"] == ""


POLISH = Transcript(
    "Dzień dobry.",
    "pl",
    0.87654,
    (Word("Dzień", 0.12345, 0.5, 0.9), Word("dobry.", 0.5, 0.9, 0.8)),
    "Good\x1bmorning.",
)


def test_a_table_has_the_language_and_the_words(
    model: StandIn, clip: str, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model.said = POLISH
    assert cli.main(["predict", clip, "--transcribe"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert row[head.index("language") :].startswith("Polish")
    assert row[head.index("words") :] == "Dzień dobry. (in English: Good\\x1bmorning.)"
    assert cli.main(["predict", clip]) == 0
    assert "words" not in capsys.readouterr().out


def test_json_has_the_words_with_times(
    model: StandIn, clip: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model.said = POLISH
    assert cli.main(["predict", clip, "--transcribe", "--json"]) == 0
    assert cli.main(["predict", clip, "--json"]) == 0
    with_words, without = lines(capsys.readouterr().out)
    assert without["transcript"] is None
    assert with_words["transcript"] == {
        "text": "Dzień dobry.",
        "language": "pl",
        "language_probability": 0.8765,
        "translation": "Good\x1bmorning.",
        "words": [
            {"text": "Dzień", "start": 0.123, "end": 0.5, "probability": 0.9},
            {"text": "dobry.", "start": 0.5, "end": 0.9, "probability": 0.8},
        ],
    }


def test_json_has_what_words_and_moments_change_on_request(
    model: StandIn, clip: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", clip, "--json", "--explain"]) == 0
    assert json.loads(capsys.readouterr().out)["occlusions"] == {
        "emotion": "happy",
        "probability": {"speech": 0.75},
        "words": [{"text": "so", "without": {"text": None}}],
        "moments": [
            {"start": 0.0, "end": 0.5, "without": {"speech": 0.5}},
            {"start": 0.5, "end": 1.0, "without": {"speech": 0.25}},
        ],
    }
    assert cli.main(["predict", clip, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["occlusions"] is None
    with pytest.raises(SystemExit):
        cli.main(["predict", clip, "--explain"])
    assert "--explain needs --json" in capsys.readouterr().err


def test_csv_has_the_words_with_times(model: StandIn, clip: str, tmp_path: Path) -> None:
    model.said = POLISH
    out = tmp_path / "out.csv"
    assert cli.main(["predict", clip, "--transcribe", "--csv", str(out)]) == 0
    with out.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["transcript"], row["language"]) == ("Dzień dobry.", "pl")
    assert [word["start"] for word in json.loads(row["words"])] == [0.123, 0.5]
    assert cli.main(["predict", clip, "--csv", str(out)]) == 0
    with out.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["transcript"], row["words"]) == ("", "")


def test_a_missing_speech_to_text_model_is_wrong_usage(
    model: StandIn, clip: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.transcriber = Transcriber(tmp_path / "none", "cpu")
    assert cli.main(["predict", clip, "--transcribe"]) == 2
    assert "speech-to-text model" in capsys.readouterr().err
    assert cli.main(["predict", clip]) == 0


def test_an_unwritable_csv_is_wrong_usage(
    model: StandIn, clip: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", clip, "--csv", str(tmp_path / "no" / "out.csv")]) == 2
    assert "cannot be written: No such file or directory." in capsys.readouterr().err


def test_many_files_go_in_batches_with_progress(
    model: StandIn, clip: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", *[clip] * 20, "--json"]) == 0
    out, err = capsys.readouterr()
    assert model.chunks == [16, 4]
    assert len(lines(out)) == 20
    assert "20/20" in err


def test_one_file_shows_no_progress(
    model: StandIn, clip: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["predict", clip])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["predict"],
        ["predict", "a.wav", "--json", "--csv", "b.csv"],
        ["predict", "a.wav", "--colour"],
        ["sing"],
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["predict", "a.wav"], ["info"]])
def test_a_model_that_does_not_load_is_a_sentence(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: str | None) -> None:
        raise ValueError("there is no\nconfig.json")

    monkeypatch.setattr(cli, "load_predictor", refuse)
    assert cli.main([*command, "--model", "nowhere"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "'nowhere' cannot be loaded" in err
    assert "there is no config.json" in err
    assert len(err.splitlines()) == 1


def test_info_shows_model_labels_and_metrics(
    model: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["info"]) == 0
    shown = capsys.readouterr().out
    for part in ("default", "angry, happy, neutral, sad", "1,234,567", "ravdess", "0.751"):
        assert part in shown
    assert cli.main(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 1_234_567


def test_nested_facts_are_indented() -> None:
    assert list(info_lines({"a": {"bb": 1, "c": None}, "table": [[1, 2]]})) == [
        "a",
        "  bb  1",
        "  c   None",
        "table",
        "       1       2",
    ]


def test_windows_are_in_the_row() -> None:
    window = Window(0.0, 4.0, "sad", {"sad": 1.0})
    row = to_row("x", Prediction("sad", {"sad": 1.0}, {}, timeline=(window,)))
    assert row["timeline"] == [
        {"start": 0.0, "end": 4.0, "emotion": "sad", "probabilities": {"sad": 1.0}}
    ]
