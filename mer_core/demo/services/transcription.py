"""The Transcribe button's service: waits for the recogniser, never raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mer_core.checkpoints.shipped import WHISPER
from mer_core.demo.engine import Engine, report
from mer_core.demo.services.background import Background

if TYPE_CHECKING:
    from mer_core.media.transcribe import Transcriber

PATIENCE = 600.0  # seconds; the search for a model begins when the recogniser is loaded
LOOKING = "Looking for a Whisper model…"
AVAILABLE = "Transcribe turns the recording into text."
MISSING = "Transcribe is off: the speech-to-text model is missing."
NO_CLIP = "Record or upload a voice first. Transcribe then fills in the words."
FAILED = "The transcription failed. Please type the words."
NOTHING = "No words were recognised. Please type them."


@dataclass(frozen=True)
class Availability:
    """Whether a recording can be transcribed.

    Attributes:
        possible: Whether the button can be pressed.
        reason: Why, or why not; one sentence.
    """

    possible: bool
    reason: str


@dataclass(frozen=True)
class Transcript:
    """Result of one transcription.

    Attributes:
        words: None if there are none.
        message: For the visitor; empty if all went well.
    """

    words: str | None
    message: str = ""


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What the search for a Whisper model ended with.

    Attributes:
        transcriber: None if there is no model.
        reason: Why it was chosen, or why there is none.
    """

    transcriber: Transcriber | None
    reason: str


class TranscriptionService:
    """Transcribes recordings if there is a Whisper model.

    Args:
        engine: Loaded first, so that the search does not slow the start down.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._search = Background(self._find, "transcription")

    def start(self) -> None:
        """Begin to look for a Whisper model in the background."""
        self._search.start()

    @property
    def search_ended(self) -> bool:
        """Whether the search has ended."""
        return self._search.state.ended

    def availability(self) -> Availability:
        """Whether the button can be pressed, and why."""
        if not self.search_ended:
            return Availability(False, LOOKING)
        result = self._search.value
        if result is None:
            return Availability(False, FAILED)
        return Availability(result.transcriber is not None, result.reason)

    def transcribe(self, clip: str | None) -> Transcript:
        """The words of a recording, or why there are none."""
        result = self._search.value
        if result is None or result.transcriber is None:
            return Transcript(None, self.availability().reason)
        if clip is None:
            return Transcript(None, NO_CLIP)
        from mer_core.media import MediaError

        try:
            words = result.transcriber.transcribe(clip).text
        except MediaError as error:
            return Transcript(None, error.message)
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            return Transcript(None, FAILED)
        return Transcript(words) if words else Transcript(None, NOTHING)

    def _find(self) -> SearchResult:
        self._engine.wait(PATIENCE)
        if not WHISPER.is_dir():  # a checkout without its large files
            return SearchResult(None, MISSING)
        from mer_core.media.transcribe import Transcriber

        return SearchResult(Transcriber(WHISPER), AVAILABLE)
