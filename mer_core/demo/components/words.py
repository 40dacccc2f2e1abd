"""The words of a recording on a page: the text box, what was heard, and what is judged of it.

A recording's words are written into the box after its voice has been judged, and then judged with
it. What a visitor typed is never overwritten. The page itself holds what was heard (`Heard`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import gradio as gr

from mer_core.demo.components.named_outputs import by_component
from mer_core.demo.components.polling import until
from mer_core.demo.panels import notes
from mer_core.demo.panels.heard import heard_panel
from mer_core.demo.services.heard import Heard, Origin, Step, clip_key, origin
from mer_core.demo.services.transcription import MISSING, TranscriptionService
from mer_core.serving.rows import transcript_row
from mer_core.types import ENGLISH, Transcript

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
PLACEHOLDER = "What is said appears here, or type it."
SWITCH = "Write down what is said"
TRANSLATE = "Translate to English"
LISTENING = "{judged} judged. Listening for words…"
TRANSLATING = "Translating the words…"
NO_WORDS = "No words were recognised, so they are not judged. You can type them."
KEPT = "Your own words were kept. Press Analyse to judge them with the voice."
JUDGING_WORDS = "Judging voice and words…"
FOREIGN = (
    "The words are {language}. The model reads English words only, so these are not judged until "
    "you press “Translate to English”."
)
NO_CLIP = "There is no recording to write down."
NOTHING = Transcript("", "", 0.0, ())
NO_TRANSLATION = "The words could not be translated. You can type them in English."


class WordsUpdate(TypedDict, total=False):
    """New values of the parts; those left out stay as they are."""

    words: str
    heard: dict[str, Any] | None
    panel: str
    translate: Any
    status: str
    switch: Any


@dataclass(frozen=True)
class WordsParts:
    """The components.

    Attributes:
        words: The text box.
        switch: Whether recordings are transcribed.
        translate: The button, hidden unless words in another language are in the box.
        panel: The words that were heard, one by one.
        heard: A `Heard` as JSON, in the page and not shown.
        status: What is being done, beside the result.
    """

    words: gr.Textbox
    switch: gr.Checkbox
    translate: gr.Button
    panel: gr.HTML
    heard: gr.JSON
    status: gr.HTML


@dataclass(frozen=True)
class Given:
    """What the text box gives to judge beside a recording.

    Attributes:
        text: None without words that can be judged.
        transcript: Where the words' times are from, or None of typed words.
        foreign: Whether there are words that are not judged because they are not English.
    """

    text: str | None
    transcript: Transcript | None = None
    foreign: bool = False


class WordsHandlers:
    """What a page's events do with the words.

    Args:
        transcription: Writes them down.
    """

    def __init__(self, transcription: TranscriptionService) -> None:
        self._transcription = transcription

    def listens(self, clip: str | None, words: str, switch: bool) -> bool:
        """Whether the words of a recording are to be written down."""
        return bool(clip and switch and not words.strip() and self._transcription.possible)

    def started(self, clip: str | None, judged: str) -> WordsUpdate:
        """What changes when a recording has been judged and its words are to be written down.

        Args:
            clip: The recording.
            judged: What has been judged, such as `Voice`.
        """
        return {
            "heard": Heard(clip_key(clip), Step.LISTENING).to_json(),
            "status": notes.status(LISTENING.format(judged=judged), working=True),
        }

    def listen(self, clip: str | None, stored: Any) -> WordsUpdate:
        """The words of a recording whose voice has been judged; nothing of another one."""
        heard = Heard.from_json(stored, clip_key(clip))
        if clip is None or heard is None or heard.step is not Step.LISTENING:
            return {}
        result = self._transcription.transcribe(clip)
        written = Heard(heard.clip, Step.WRITTEN, result.transcript, message=result.message)
        return {"heard": written.to_json()}

    def translate(self, clip: str | None, stored: Any) -> Iterator[WordsUpdate]:
        """Its words in English, which then replace those in the text box."""
        heard = Heard.from_json(stored, clip_key(clip))
        if clip is None or heard is None or not heard.is_foreign:
            yield {}
            return
        yield {"status": notes.status(TRANSLATING)}
        result = self._transcription.transcribe(clip, translate=True, language=heard.language)
        if result.transcript is None or not result.transcript.translation:
            yield {"status": notes.status(result.message or NO_TRANSLATION)}
            return
        english = replace(heard, step=Step.WRITTEN, transcript=result.transcript, translated=True)
        yield {"heard": english.to_json()}

    def show(self, words: str, heard: Heard) -> WordsUpdate:
        """The words that were written down, in the box, unless the visitor has typed meanwhile."""
        closed: WordsUpdate = {"heard": None, "panel": "", "translate": gr.update(visible=False)}
        if words.strip() and not heard.translated:
            return {**closed, "status": notes.status(KEPT)}
        if heard.transcript is None or not heard.text:
            return {**closed, "status": notes.status(heard.message or NO_WORDS)}
        language = language_name(heard.transcript.language)
        status = FOREIGN.format(language=language) if heard.is_foreign else JUDGING_WORDS
        return {
            "words": heard.text,
            "heard": heard.at(Step.SHOWN).to_json(),
            "panel": heard_panel(
                heard.transcript, language, heard.text, translated=heard.translated
            ),
            "translate": gr.update(visible=heard.is_foreign),
            "status": notes.status(status, working=not heard.is_foreign),
        }

    async def follow(self) -> AsyncIterator[WordsUpdate]:
        """Whether recordings can be transcribed, now and once the model for it has loaded."""
        self._transcription.start()
        async for _ in until(lambda: self._transcription.ended):
            pass
        if self._transcription.possible:
            yield {}
        else:
            yield {"switch": gr.update(value=False, interactive=False, label=MISSING)}


def clear_events(
    button: gr.Button, update: Callable[[], Any], outputs: Sequence[Any], events: Sequence[Any]
) -> None:
    """Stop `events` and empty the page, and once more a moment later.

    gradio cannot cancel an event whose id the server has not sent yet. After the first time it has.
    """
    clear: dict[str, Any] = {
        "fn": update, "outputs": list(outputs), "cancels": list(events), "queue": False, **QUIET,
    }  # fmt: skip
    button.click(**clear).then(**clear)


def replaced(clip: str | None, words: str | None, stored: Any) -> tuple[str, WordsUpdate]:
    """The words that belong to a recording, and what changes because it is a new one.

    Words that were heard in an earlier recording are removed, corrected or not.
    """
    own, heard = words or "", Heard.from_json(stored)
    if heard is None or clip is None or heard.clip == clip_key(clip):
        return own, {}
    update: WordsUpdate = {"heard": None, "panel": "", "translate": gr.update(visible=False)}
    if origin(own, heard) in (Origin.HEARD, Origin.EDITED):
        return "", {**update, "words": ""}
    return own, update


def given(clip: str | None, words: str, stored: Any) -> Given:
    """What to judge of the words beside a recording."""
    heard = Heard.from_json(stored, clip_key(clip))
    if heard is None or origin(words, heard) not in (Origin.HEARD, Origin.EDITED):
        return Given(words or None)
    assert heard.transcript is not None  # its text is in the box
    if heard.is_foreign:
        return Given(None, replace(heard.transcript, translation=None), foreign=True)
    if heard.translated:  # the English words have no times
        return Given(words, replace(heard.transcript, words=()))
    return Given(words, heard.transcript)


def foreign_note(it: Given) -> str:
    """The line that says why words are not judged; empty where they are."""
    if not it.foreign or it.transcript is None:
        return ""
    return notes.status(FOREIGN.format(language=language_name(it.transcript.language)))


def words_parts(status: gr.HTML, info: str) -> WordsParts:
    """Lay the text box and what belongs to it out; the page renders the switch below its buttons.

    Args:
        status: In the result column.
        info: Below the text box's name.
    """
    words = gr.Textbox(
        value="",
        label="Words",
        placeholder=PLACEHOLDER,
        info=info,
        lines=1,
        max_lines=5,
        elem_id="words",
    )
    panel = gr.HTML("", elem_id="heard", apply_default_css=False)
    translate = gr.Button(TRANSLATE, visible=False, elem_id="translate", size="md")
    switch = gr.Checkbox(
        True, label=SWITCH, elem_id="write-down", container=False, render=False
    )  # fmt: skip
    return WordsParts(words, switch, translate, panel, gr.JSON(visible=False), status)


def words_events(
    judged: Sequence[Any],
    handlers: WordsHandlers,
    parts: WordsParts,
    clip: Any,
    answer: Callable[..., Iterator[Mapping[str, Any]]],
    results: Mapping[str, gr.HTML],
) -> list[Any]:
    """After a recording has been judged, write its words down and judge them with it.

    Args:
        judged: Events that judge a recording.
        handlers: Of the words.
        parts: Of the words.
        clip: The recorder.
        answer: Of (clip, words, heard, request): puts the words into the box and judges them.
        results: What `answer` changes beside the words, by name.

    Returns:
        The events, so that others can cancel them.
    """
    named: dict[str, Any] = {**vars(parts), **results}
    listen: dict[str, Any] = {
        "fn": by_component(handlers.listen, named), "inputs": [clip, parts.heard],
        "outputs": [parts.heard], "concurrency_id": "whisper", **QUIET,
    }  # fmt: skip
    finish: dict[str, Any] = {
        "fn": by_component(answer, named), "inputs": [clip, parts.words, parts.heard],
        "outputs": list(named.values()), "concurrency_id": "model", **QUIET,
    }  # fmt: skip
    translated = parts.translate.click(
        by_component(handlers.translate, named), [clip, parts.heard], [parts.heard, parts.status],
        concurrency_id="whisper", **QUIET,
    )  # fmt: skip
    heard = [event.then(**listen) for event in judged]
    return [*heard, translated, *(event.then(**finish) for event in [*heard, translated])]


def follow_transcription(handlers: WordsHandlers, parts: WordsParts, blocks: gr.Blocks) -> None:
    """Show whether recordings can be transcribed, from the moment in which the page is opened."""
    blocks.load(
        by_component(handlers.follow, vars(parts)), outputs=[parts.words, parts.switch],
        concurrency_limit=None, **QUIET,
    )  # fmt: skip


def at_rest(parts: WordsParts) -> dict[Any, Any]:
    """The parts as on a new page, as an event returns them."""
    return {
        parts.words: "", parts.heard: None, parts.panel: "", parts.status: "",
        parts.translate: gr.update(visible=False),
    }  # fmt: skip


def transcript_json(
    transcription: TranscriptionService, clip: str | None, translate: bool
) -> dict[str, Any]:
    """A recording's transcript as the public endpoint returns it."""
    if clip is None:
        return {**transcript_row(NOTHING), "error": NO_CLIP}
    result = transcription.transcribe(clip, translate=translate)
    return {**transcript_row(result.transcript or NOTHING), "error": result.message or None}


def language_name(code: str) -> str:
    """A language's English name."""
    if code == ENGLISH:  # most visitors need not wait for the list of the others
        return "English"
    from mer_core.media.languages import language_name  # imports what the model has imported

    return language_name(code)
