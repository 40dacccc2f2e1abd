"""The shipped model on bad input: a message, a state, and never a confident label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.nn.modules.module import register_module_forward_pre_hook

from mer_core.media import MediaError
from mer_core.serving.predictor import Predictor
from mer_core.types import Prediction
from tests.hostile.clips import RATE, WITHOUT_SPEECH, coloured, float_wav, speechlike, wav
from tests.hostile.errors import forbid_decoding

NOTHING = {"speech": None, "text": None, "both": None}
SENTENCE = "I am so happy that you came, thank you!"


def assert_honest(prediction: Prediction, labels: tuple[str, ...]) -> None:
    """Either a label with its probabilities, or a state and a message that explain why not."""
    if prediction.emotion is None:
        assert prediction.probabilities == {}
        assert prediction.state != "ok"
        assert prediction.message.endswith(".")
    else:
        assert set(prediction.probabilities) == set(labels)
        assert sum(prediction.probabilities.values()) == pytest.approx(1.0, abs=1e-3)
        assert prediction.emotion == max(prediction.probabilities, key=prediction.probabilities.get)


@pytest.mark.parametrize("text", [None, "", "   ", "\n\t"])
def test_neither_sound_nor_text_is_refused(predictor: Predictor, text: str | None) -> None:
    with pytest.raises(MediaError) as refused:
        predictor.predict(text=text)
    assert refused.value.kind == "no_input"
    for part in ("recording", "text", "Accepted: wav"):
        assert part in refused.value.message


@pytest.mark.parametrize("name", WITHOUT_SPEECH)
@pytest.mark.parametrize("as_file", [True, False], ids=["file", "array"])
def test_sound_without_speech_gets_no_label(predictor: Predictor, name: str, as_file: bool) -> None:
    waveform = WITHOUT_SPEECH[name]()
    prediction = predictor.predict(audio=wav(waveform) if as_file else (waveform, RATE))
    assert prediction.emotion is None
    assert prediction.probabilities == {}
    assert prediction.by_modality == NOTHING
    assert prediction.state in ("silence", "no_speech")
    assert prediction.message
    assert prediction.duration == pytest.approx(3.0, abs=0.05)


def test_silence_is_called_silence(predictor: Predictor) -> None:
    prediction = predictor.predict(audio=(np.zeros(3 * RATE, np.float32), RATE))
    assert prediction.state == "silence"
    assert "silent" in prediction.message


@pytest.mark.parametrize("name", ["silence", "white", "hum"])
def test_text_is_used_where_the_recording_has_no_speech(predictor: Predictor, name: str) -> None:
    alone = predictor.predict(text=SENTENCE)
    both = predictor.predict(audio=(WITHOUT_SPEECH[name](), RATE), text=SENTENCE)
    assert both.state in ("silence", "no_speech")
    assert both.emotion == alone.emotion
    assert both.by_modality["speech"] is None
    assert both.probabilities == pytest.approx(alone.probabilities, abs=1e-4)
    assert "text" in both.message


def test_long_noise_has_no_label_in_any_window(predictor: Predictor) -> None:
    prediction = predictor.predict(audio=(coloured(1.0, seconds=30.0), RATE))
    assert prediction.emotion is None
    assert all(window.emotion is None for window in prediction.timeline)


def test_five_minutes_are_analysed_and_more_is_refused_before_any_work(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = 8_000
    prediction = predictor.predict(audio=wav(np.zeros(300 * rate), rate))
    assert prediction.duration == pytest.approx(300.0, abs=0.1)
    too_long = wav(np.zeros(360 * rate), rate)
    forbid_decoding(monkeypatch)
    ran: list[str] = []
    with (
        register_module_forward_pre_hook(lambda module, _: ran.append(type(module).__name__)),
        pytest.raises(MediaError, match="at most 5 minutes") as refused,
    ):
        predictor.predict(audio=too_long, text=SENTENCE)
    assert refused.value.kind == "too_long"
    assert not ran, "a network ran although the recording was refused"


@pytest.mark.parametrize("audio", [b"", b"no sound at all", float_wav(np.full(RATE, np.nan))])
def test_a_bad_recording_is_not_hidden_by_a_good_text(predictor: Predictor, audio: bytes) -> None:
    with pytest.raises(MediaError):
        predictor.predict(audio=audio, text=SENTENCE)


def test_a_hundred_thousand_characters_are_refused(predictor: Predictor) -> None:
    with pytest.raises(MediaError, match="100,000 characters") as refused:
        predictor.predict(text="happy " * 16_666 + "days")
    assert refused.value.kind == "text_too_long"


def test_a_long_paragraph_gets_a_label(predictor: Predictor) -> None:
    assert_honest(predictor.predict(text="I am happy. " * 160), predictor.labels)


@pytest.mark.parametrize(
    "text", ["😀😀😀", "😭", "👩‍👩‍👧", "🇵🇱", "♥", "I won 🎉🎉", ":-)", "!!!", "???", "...", "42"]
)
def test_emoji_and_signs_get_a_label_or_an_explanation(predictor: Predictor, text: str) -> None:
    prediction = predictor.predict(text=text)
    assert_honest(prediction, predictor.labels)
    assert prediction.state in ("ok", "unreadable_text")


@pytest.mark.parametrize(
    "text",
    [
        "我今天非常高兴，谢谢你。",
        "今日はとても嬉しいです。",
        "أنا سعيد جدا اليوم",
        "Я сегодня очень счастлив",
        "मैं आज बहुत खुश हूँ",
        "오늘 정말 행복해요",
        "Είμαι πολύ χαρούμενος σήμερα",
        "אני מאוד שמח היום",
        "วันนี้ฉันมีความสุขมาก",
        "\u200b\u200b\u200b",
        "�" * 20,
    ],
)
def test_other_scripts_get_no_label(predictor: Predictor, text: str) -> None:
    prediction = predictor.predict(text=text)
    assert prediction.emotion is None
    assert prediction.state == "unreadable_text"
    assert prediction.message
    assert prediction.by_modality == NOTHING


@pytest.mark.parametrize(
    "text",
    ["a", "supercalifragilistic" * 50, "[MASK] [CLS] [SEP] </s> <pad>", "a " * 900, "\u202eevil"],
)
def test_odd_text_gets_a_label_or_an_explanation(predictor: Predictor, text: str) -> None:
    assert_honest(predictor.predict(text=text), predictor.labels)


def test_a_buzz_gets_a_label_or_an_explanation(predictor: Predictor) -> None:
    assert_honest(predictor.predict(audio=(speechlike(3.0), RATE)), predictor.labels)


def test_blank_text_counts_as_absent(predictor: Predictor) -> None:
    noise = (WITHOUT_SPEECH["white"](), RATE)
    blank, absent = predictor.predict(audio=noise, text="  "), predictor.predict(audio=noise)
    assert blank.state == absent.state
    assert blank.text is None


def test_a_bad_item_does_not_stop_the_others(predictor: Predictor, tmp_path: Path) -> None:
    good = {"text": SENTENCE, "name": "good"}
    bad: list[dict[str, Any]] = [
        {"audio": b"", "name": "empty"},
        {"audio": b"no sound at all", "text": SENTENCE},
        {"audio": tmp_path},
        {"audio": str(tmp_path / "gone.wav")},
        {"audio": (np.full(RATE, np.nan), RATE)},
        {"text": "x" * 100_000},
        {"text": "  "},
        {},
    ]
    first, *refused, last = predictor.predict_many([good, *bad, good])
    kinds = ["empty", "not_audio", "not_a_file", "not_found", "not_finite", "text_too_long"]
    assert [p.error_kind for p in refused] == [*kinds, "no_input", "no_input"]
    for prediction in refused:
        assert prediction.state == "refused"
        assert prediction.emotion is None
        assert prediction.by_modality == NOTHING
        assert prediction.message.endswith(".")
    assert first.emotion is not None
    assert first.emotion == last.emotion
    assert first.name == "good"


def test_no_items_are_no_predictions(predictor: Predictor) -> None:
    assert predictor.predict_many([]) == []
