"""Writes down what is said in recordings; never raises."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mer_core.demo.engine import EXPIRED, Engine, report
from mer_core.demo.services.background import Background
from mer_core.types import ENGLISH, Transcript

if TYPE_CHECKING:  # it imports torch, which the page must not wait for
    from mer_core.media.transcribe import Transcriber

PATIENCE = 600.0  # seconds; the speech-to-text model is loaded after the others
MISSING = (
    "Speech cannot be written down here: the speech-to-text model is missing. Type what was said."
)
FAILED = "The words could not be written down. Type what was said."


@dataclass(frozen=True)
class Transcription:
    """Result of one transcription.

    Attributes:
        transcript: Without words where none were recognised; None if it failed.
        message: Why it failed, for the visitor; else empty.
    """

    transcript: Transcript | None
    message: str = ""


class TranscriptionService:
    """Transcribes recordings if there is a speech-to-text model.

    Args:
        engine: Loaded first, so that this one does not slow the start down.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loading = Background(self._load, "transcription")

    def start(self) -> None:
        """Begin to load the speech-to-text model in the background."""
        self._loading.start()

    @property
    def ended(self) -> bool:
        """Whether loading has ended, successful or not."""
        return self._loading.state.ended

    @property
    def possible(self) -> bool:
        """Whether recordings are transcribed; True until it turns out that they are not."""
        return not self.ended or self._loading.value is True

    def transcribe(
        self, clip: str, *, translate: bool = False, language: str | None = None
    ) -> Transcription:
        """The words of a recording or of a video's sound, or why there are none.

        Args:
            clip: Path of a file.
            translate: Whether words in another language are translated to English too.
            language: Its code, or None to detect it.
        """
        return self._written(
            lambda model: model.transcribe(clip, translate=translate, language=language)
        )

    def align(self, clip: str, text: str) -> Transcription:
        """When words that a visitor typed were said, or why that is not known.

        Args:
            clip: Path of a file.
            text: The words.
        """
        return self._written(lambda model: Transcript(text, ENGLISH, 1.0, model.align(clip, text)))

    def _written(self, write: Callable[[Transcriber], Transcript]) -> Transcription:
        self.start()
        self._loading.wait(PATIENCE)
        if not self.possible or self._engine.model is None:
            return Transcription(None, MISSING)
        from mer_core.media.errors import MediaError, MediaErrorKind

        try:
            return Transcription(write(self._engine.model.transcriber))
        except MediaError as error:
            if error.kind is MediaErrorKind.NO_SOUND:
                return Transcription(Transcript("", "", 0.0, ()))
            expired = error.kind is MediaErrorKind.NOT_FOUND
            return Transcription(None, EXPIRED if expired else error.message)
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            return Transcription(None, FAILED)

    def _load(self) -> bool:
        self._engine.wait(PATIENCE)
        if self._engine.model is None:
            return False
        try:
            self._engine.model.transcriber.load()
        except RuntimeError as error:  # a TranscriberError; importing it here would import torch
            print(f"transcription: {error}", file=sys.stderr, flush=True)
            return False
        return True
