"""The words of a recording, as the page itself stores them: the server keeps none of them.

Each event brings it along as JSON, and takes anything else in its place as nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from mer_core.types import ENGLISH, Transcript, Word

EDITED_FROM = 0.5  # share of words in common from which on a text is the heard one, corrected


class Step(StrEnum):
    """How far a recording's words are."""

    WRITTEN = "written"  # they are there, but not in the text box yet
    SHOWN = "shown"  # they were put into the text box, or there are none
    JUDGED = "judged"  # with the voice, if there are any that can be


class Origin(StrEnum):
    """Where the words in the text box come from."""

    NONE = "none"  # there are none
    TYPED = "typed"
    HEARD = "heard"
    EDITED = "edited"  # heard, and corrected since


@dataclass(frozen=True)
class Asked:
    """What is to be found out of a recording that has been judged.

    Attributes:
        clip: See `clip_key`.
        text: Words that are to be placed in time; empty: the words are to be written down.
        origin: Of `text`.
    """

    clip: str
    text: str = ""
    origin: Origin = Origin.NONE

    def to_json(self) -> dict[str, Any]:
        """Plain types, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any, clip: str) -> Asked | None:
        """What `to_json` wrote, if it is of this recording; None of anything else."""
        try:
            asked = cls(str(value["clip"]), str(value["text"]), Origin(value["origin"]))
        except (KeyError, TypeError, ValueError):
            return None
        return asked if clip and clip == asked.clip else None


@dataclass(frozen=True)
class Heard:
    """One recording's words.

    Attributes:
        clip: See `clip_key`.
        step: How far it is.
        transcript: Its words, or None if they could not be written down.
        translated: Whether the text box holds the translation.
        message: Why there is no transcript; one sentence.
        origin: Other than `HEARD`: the words are the visitor's, and the transcript says when they
            were said.
    """

    clip: str
    step: Step
    transcript: Transcript | None = None
    translated: bool = False
    message: str = ""
    origin: Origin = Origin.HEARD

    @property
    def text(self) -> str:
        """What belongs in the text box."""
        if self.transcript is None:
            return ""
        return (self.transcript.translation or "") if self.translated else self.transcript.text

    @property
    def language(self) -> str:
        """Code of the language of `text`."""
        if self.transcript is None or self.translated:
            return ENGLISH
        return self.transcript.language

    @property
    def is_foreign(self) -> bool:
        """Whether `text` is not English."""
        return bool(self.text) and self.language != ENGLISH

    @property
    def is_as_said(self) -> bool:
        """Whether `text` is in the language that was spoken and that the model reads."""
        return not self.translated and not self.is_foreign

    def says(self, words: str | None) -> bool:
        """Whether these are its words, whatever their case."""
        return _plain(words) == _plain(self.text)

    def at(self, step: Step) -> Heard:
        """The same, a step further."""
        return replace(self, step=step)

    def to_json(self) -> dict[str, Any]:
        """Plain types, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any, clip: str | None = None) -> Heard | None:
        """What `to_json` wrote; None of anything else.

        Args:
            value: From the page.
            clip: The recording that it must be of, or None for any.
        """
        try:
            heard = cls(**{
                **value, "step": Step(value["step"]), "origin": Origin(value["origin"]),
                "transcript": _transcript(value["transcript"]),
            })  # fmt: skip
        except (KeyError, TypeError, ValueError):
            return None
        return heard if clip in (None, heard.clip) else None


def clip_key(path: str | None) -> str:
    """A recording's name in the page, from its path on the server; empty without one."""
    return hashlib.sha256(path.encode()).hexdigest()[:32] if path else ""


def origin(words: str | None, heard: Heard | None) -> Origin:
    """Where the words in the text box come from.

    Args:
        words: In the text box.
        heard: What was put there last, of whichever recording.
    """
    own, given = _plain(words), _plain(heard.text if heard else "")
    if not own:
        return Origin.NONE
    if not given or (heard and heard.origin is Origin.TYPED):
        return Origin.TYPED
    if own == given:
        return Origin.HEARD
    common = SequenceMatcher(None, own, given, autojunk=False).ratio()
    return Origin.EDITED if common >= EDITED_FROM else Origin.TYPED


def _plain(words: str | None) -> list[str]:
    return (words or "").casefold().split()


def _transcript(value: Mapping[str, Any] | None) -> Transcript | None:
    if value is None:
        return None
    words = tuple(
        Word(str(w["text"]), float(w["start"]), float(w["end"]), float(w["probability"]))
        for w in value["words"]
    )
    translation = value["translation"]
    return Transcript(
        str(value["text"]),
        str(value["language"]),
        float(value["language_probability"]),
        words,
        None if translation is None else str(translation),
    )
