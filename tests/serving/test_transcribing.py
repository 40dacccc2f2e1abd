"""A predictor that writes down the words itself, with a transcriber that hears what we want."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mer_core import Predictor
from mer_core.media.text import MAX_CHARACTERS
from mer_core.media.transcribe import NOTHING, Transcriber
from mer_core.serving.predictor import DEFAULT_MODEL
from tests.clips import speaking_portrait

CLIP = DEFAULT_MODEL.parent / "examples" / "bright.flac"
WORDS = "We won! I can't believe it."


class FakeModel:
    """Hears `texts[task]` in every clip."""

    def __init__(self) -> None:
        self.language = "en"
        self.texts = {"transcribe": WORDS, "translate": ""}
        self.clips = 0

    def language_of(self, waveform: Any) -> tuple[str, float]:
        self.clips += 1
        return self.language, 0.9

    def transcribe(self, audio: Any, **options: Any) -> tuple[list[Any], None]:
        text = self.texts[options["task"]]
        word = SimpleNamespace(word=text, start=0.2, end=1.0, probability=0.9)
        segment = SimpleNamespace(
            text=text, start=0.0, end=2.0, words=[word], avg_logprob=-0.2, compression_ratio=1.0
        )
        return [segment] if text else [], None


@pytest.fixture
def heard(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeModel]:
    """The shared predictor's transcriber, replaced for one test."""
    model = FakeModel()
    transcriber = Transcriber("fake", load=lambda *_: lambda: model)
    monkeypatch.setattr(predictor, "transcriber", transcriber)
    return model


def test_the_words_of_a_recording_are_judged_with_it(
    predictor: Predictor, heard: FakeModel
) -> None:
    written = predictor.predict(CLIP, transcribe=True)
    typed = predictor.predict(CLIP, WORDS)
    assert written.by_modality == typed.by_modality
    assert written.text == WORDS
    assert written.transcript is not None
    assert (written.transcript.text, written.transcript.language) == (WORDS, "en")
    assert written.attention is not None
    assert typed.transcript is None


def test_nothing_is_transcribed_unless_asked_for(predictor: Predictor, heard: FakeModel) -> None:
    assert predictor.predict(CLIP).transcript is None
    assert heard.clips == 0


def test_a_typed_text_is_judged_instead(predictor: Predictor, heard: FakeModel) -> None:
    typed = predictor.predict(CLIP, "Leave me alone.", transcribe=True)
    assert (typed.text, typed.transcript, heard.clips) == ("Leave me alone.", None, 0)
    blank = predictor.predict(CLIP, " ", transcribe=True)
    assert blank.text == WORDS


def test_another_language_is_judged_in_english(predictor: Predictor, heard: FakeModel) -> None:
    heard.language = "pl"
    heard.texts = {"transcribe": "Wygraliśmy!", "translate": "We won!"}
    prediction = predictor.predict(CLIP, transcribe=True)
    assert prediction.text == "We won!"
    assert prediction.transcript is not None
    assert (prediction.transcript.text, prediction.transcript.translation) == (
        "Wygraliśmy!",
        "We won!",
    )


@pytest.mark.parametrize("translation", ["", "♪♪"])
def test_words_that_cannot_be_read_leave_the_voice(
    predictor: Predictor, heard: FakeModel, translation: str
) -> None:
    heard.language = "pl"
    heard.texts = {"transcribe": "Wygraliśmy!", "translate": translation}
    prediction = predictor.predict(CLIP, transcribe=True)
    assert (prediction.text, prediction.state) == (None, "ok")
    assert prediction.by_modality == predictor.predict(CLIP).by_modality


def test_a_recording_without_speech_has_an_empty_transcript(
    predictor: Predictor, heard: FakeModel, tone: Any
) -> None:
    prediction = predictor.predict((tone(2.0), 16_000), transcribe=True)
    assert (prediction.state, prediction.transcript) == ("no_speech", NOTHING)
    assert heard.clips == 0


def test_more_words_than_may_be_typed_are_cut(predictor: Predictor, heard: FakeModel) -> None:
    heard.texts = {"transcribe": "We won! " * 600}
    prediction = predictor.predict(CLIP, transcribe=True)
    assert prediction.text is not None
    assert prediction.transcript is not None
    assert len(prediction.text) <= MAX_CHARACTERS < len(prediction.transcript.text)
    assert "Only the first" in prediction.message


def test_many_at_once_give_the_same(predictor: Predictor, heard: FakeModel) -> None:
    items = [{"audio": CLIP}, {"audio": CLIP, "text": "Leave me alone."}, {"text": "Go."}]
    one, typed, alone = predictor.predict_many(items, transcribe=True)
    single = predictor.predict(CLIP, transcribe=True)
    assert (one.text, one.transcript) == (single.text, single.transcript)
    assert typed.text == "Leave me alone."
    assert (typed.transcript, alone.transcript) == (None, None)


def test_a_video_meets_both_frameworks(
    predictor: Predictor, heard: FakeModel, tmp_path: Path
) -> None:
    video = speaking_portrait(tmp_path / "portrait.mp4")
    prediction = predictor.predict(video=video, transcribe=True)
    assert prediction.framework == "foal_net"
    assert prediction.transcript is not None
    assert prediction.transcript.text == WORDS
    companion = prediction.companion
    assert companion is not None
    assert (companion.framework, companion.text) == ("mgcma", WORDS)
    assert companion.transcript == prediction.transcript
    typed = predictor.predict(video=video, text=WORDS).companion
    assert typed is not None
    assert companion.by_modality == typed.by_modality


def test_a_silent_video_has_no_companion(
    predictor: Predictor, heard: FakeModel, tmp_path: Path
) -> None:
    video = speaking_portrait(tmp_path / "portrait.mp4", sound=None)
    prediction = predictor.predict(video=video, transcribe=True)
    assert (prediction.transcript, prediction.companion) == (NOTHING, None)


def test_the_voice_can_be_judged_ahead_of_the_words(predictor: Predictor, heard: FakeModel) -> None:
    """What the page does: the voice's answer must not wait for the transcript."""
    inputs = predictor.read(CLIP)
    voice = predictor.score(inputs)
    both = predictor.score(predictor.with_transcript(inputs, predictor.transcribe(inputs)))
    whole = predictor.predict(CLIP, transcribe=True)
    assert voice.by_modality["both"] is None
    assert both.by_modality == whole.by_modality
    assert both.transcript == whole.transcript
