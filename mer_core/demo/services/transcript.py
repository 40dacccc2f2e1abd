"""The Transcribe button's service: found in the background, asked on click, never raising."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mer_core.demo.engine import Engine, report
from mer_core.demo.services.background import Background

if TYPE_CHECKING:
    from mer_core.media.transcribe import Transcriber

PATIENCE = 600.0  # seconds; the search for a model begins when the recogniser is loaded
LOOKING = "Looking for a Whisper model…"
NO_CLIP = "Record or upload a voice first, then Transcribe fills in the words."
FAILED = "The transcription did not work here. Please type what was said."
NOTHING = "No words were recognised. Please type what was said."


class Transcripts:
    """Whether and with what a recording can be transcribed here.

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
    def settled(self) -> bool:
        """Whether the search has ended."""
        return self._search.state in ("ready", "failed")

    def availability(self) -> tuple[bool, str]:
        """(Can the button be pressed, one sentence that says why or why not)."""
        if not self.settled:
            return False, LOOKING
        found = self._search.value
        return (False, FAILED) if found is None else (found[0] is not None, found[1])

    def transcribe(self, clip: str | None) -> tuple[str | None, str]:
        """(The words or None, one sentence for the visitor, empty if all went well)."""
        transcriber = (self._search.value or (None, ""))[0]
        if transcriber is None:
            return None, self.availability()[1]
        if clip is None:
            return None, NO_CLIP
        from mer_core.media import MediaError

        try:
            words = transcriber(clip)
        except MediaError as error:
            return None, error.message
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            return None, FAILED
        return (words, "") if words else (None, NOTHING)

    def _find(self) -> tuple[Transcriber | None, str]:
        self._engine.wait(PATIENCE)
        from mer_core.media.transcribe import Transcriber, find_whisper

        whisper = find_whisper()
        return (Transcriber(whisper.model) if whisper.model else None), whisper.reason
