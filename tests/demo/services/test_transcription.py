"""Words written down in the background's own time, and a sentence where that fails."""

from __future__ import annotations

from typing import Any

import pytest

from mer_core.demo.engine import EXPIRED, Engine
from mer_core.demo.services.transcription import (
    FAILED,
    MISSING,
    Transcription,
    TranscriptionService,
)
from mer_core.media import MediaError
from mer_core.media.transcribe import NOTHING, TranscriberError
from mer_core.types import Transcript, Word
from tests.browser.fake_model import FakeModel

SAID = Transcript("we won", "en", 1.0, (Word("we", 0.0, 0.5, 0.9),))


class Transcriber:
    """Loads and answers, or fails, as the test says."""

    def __init__(self, answer: Any, loads: Exception | None = None) -> None:
        self.answer, self.loads = answer, loads

    def load(self) -> None:
        if self.loads:
            raise self.loads

    def transcribe(self, clip: str, **_: Any) -> Transcript:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def align(self, clip: str, text: str) -> tuple[Word, ...]:
        return self.transcribe(clip).words


def service(answer: Any, loads: Exception | None = None) -> TranscriptionService:
    class Model(FakeModel):
        transcriber = Transcriber(answer, loads)

    engine = Engine(Model)
    engine.start()
    return TranscriptionService(engine)


def test_words_are_written_down() -> None:
    words = service(SAID)
    assert words.possible  # until it turns out that it is not
    assert not words.ended
    assert words.transcribe("clip.wav") == Transcription(SAID)
    assert words.ended
    assert words.possible


def test_typed_words_are_placed() -> None:
    words = service(SAID).align("clip.wav", "We won it")
    assert words == Transcription(Transcript("We won it", "en", 1.0, SAID.words))
    assert service(RuntimeError("secret")).align("clip.wav", "We won it").message == FAILED


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MediaError("empty", "The file is empty."), "The file is empty."),
        (MediaError("not_found", "There is no file."), EXPIRED),
        (RuntimeError("secret"), FAILED),
    ],
)
def test_a_failure_gives_a_sentence(error: Exception, message: str, capsys: Any) -> None:
    assert service(error).transcribe("clip.wav") == Transcription(None, message)
    assert "secret" not in capsys.readouterr().err


def test_a_clip_without_sound_has_no_words() -> None:
    silent = service(MediaError("no_sound", "The video has no sound."))
    assert silent.transcribe("clip.mp4") == Transcription(NOTHING)


def test_without_a_model_the_page_knows_it(capsys: Any) -> None:
    words = service(SAID, TranscriberError("There is no such model."))
    assert words.transcribe("clip.wav") == Transcription(None, MISSING)
    assert not words.possible
    assert "There is no such model." in capsys.readouterr().err  # for the operator


def test_without_any_model_nothing_is_written_down() -> None:
    def load() -> Any:
        raise FileNotFoundError("no weights")

    engine = Engine(load)
    engine.start()
    assert TranscriptionService(engine).transcribe("clip.wav") == Transcription(None, MISSING)
