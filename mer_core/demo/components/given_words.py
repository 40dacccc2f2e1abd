"""Which words belong to a recording on a page, and which of them are judged with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypedDict

import gradio as gr

from mer_core.demo.panels import notes
from mer_core.demo.services.heard import Heard, Origin, Step, clip_key, origin
from mer_core.types import ENGLISH, Transcript

FOREIGN = (
    "The words are {language}. The model reads English words only, so these are not judged until "
    "you press “Translate to English”."
)


class WordsUpdate(TypedDict, total=False):
    """New values of a page's parts; those left out stay as they are. See `WordsParts`."""

    words: str
    asked: dict[str, Any] | None
    heard: dict[str, Any] | None
    panel: str
    translate: Any
    status: str
    switch: Any


@dataclass(frozen=True)
class Given:
    """What the text box gives to judge beside a recording.

    Attributes:
        text: None without words that can be judged.
        transcript: Where the words' times are from, or None while they are not known.
        foreign: Whether there are words that are not judged because they are not English.
    """

    text: str | None
    transcript: Transcript | None = None
    foreign: bool = False


def given(clip: str | None, words: str, stored: Any) -> Given:
    """What to judge of the words beside a recording."""
    heard = Heard.from_json(stored, clip_key(clip))
    if heard and heard.origin is Origin.TYPED and heard.says(words):
        return Given(words or None, heard.transcript)
    if heard is None or origin(words, heard) not in (Origin.HEARD, Origin.EDITED):
        return Given(words or None)
    assert heard.transcript is not None  # its text is in the box
    if heard.is_foreign:
        return Given(None, replace(heard.transcript, translation=None), foreign=True)
    if heard.translated:  # the English words have no times
        return Given(words, replace(heard.transcript, words=()))
    return Given(words, heard.transcript)


def replaced(clip: str | None, words: str | None, stored: Any) -> tuple[str, WordsUpdate]:
    """The words that belong to a recording, and what changes because it is a new one.

    Words that were heard in an earlier recording are removed, corrected or not; also those that
    may have come into the box since `words` was read from it.
    """
    own, heard = words or "", Heard.from_json(stored)
    if heard is None or clip is None or heard.clip == clip_key(clip):
        return own, {}
    update = without_heard()
    source = origin(own, heard)
    on_their_way = heard.step is Step.WRITTEN and (heard.translated or source is Origin.NONE)
    if on_their_way or source in (Origin.HEARD, Origin.EDITED):
        return "", {**update, "words": ""}
    return own, update


def without_heard() -> WordsUpdate:
    """What a page shows of heard words where there are none; the text box stays."""
    return {"heard": None, "panel": "", "translate": gr.update(visible=False)}


def foreign_note(it: Given) -> str:
    """The line that says why words are not judged; empty where they are."""
    if not it.foreign or it.transcript is None:
        return ""
    return notes.status(FOREIGN.format(language=language_name(it.transcript.language)))


def language_name(code: str) -> str:
    """A language's English name."""
    if code == ENGLISH:  # most visitors need not wait for the list of the others
        return "English"
    from mer_core.media.languages import language_name  # imports what the model has imported

    return language_name(code)
