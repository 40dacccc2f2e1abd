"""The words of a recording on a page: the text box, what was heard, and its events.

A recording's words are written into the box after its voice has been judged, and then judged with
it. What a visitor typed is never overwritten, and what comes back for a recording that is no longer
shown is dropped. The page itself holds what was heard (`Heard`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from mer_core.demo.components.given_words import (
    FOREIGN,
    WordsUpdate,
    language_name,
    without_heard,
)
from mer_core.demo.components.named_outputs import by_component
from mer_core.demo.components.polling import until
from mer_core.demo.panels import notes
from mer_core.demo.panels.heard import heard_panel
from mer_core.demo.services.heard import Asked, Heard, Origin, Step, clip_key, origin
from mer_core.demo.services.transcription import MISSING, TranscriptionService
from mer_core.serving.rows import transcript_row
from mer_core.serving.word_times import fits
from mer_core.types import Transcript

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
PLACEHOLDER = "What is said appears here, or type it."
SWITCH = "Write down what is said"
TRANSLATE = "Translate to English"
LISTENING = "{judged} judged. Listening for words…"
TRANSLATING = "Translating the words…"
NO_WORDS = "No words were recognised, so they are not judged. You can type them."
KEPT = "Your own words were kept. Press Analyse to judge them with the voice."
JUDGING_WORDS = "Judging voice and words…"
NO_CLIP = "There is no recording to write down."
NOTHING = Transcript("", "", 0.0, ())
NO_TRANSLATION = "The words could not be translated. You can type them in English."


@dataclass(frozen=True)
class WordsParts:
    """The components.

    Attributes:
        words: The text box.
        switch: Whether recordings are transcribed.
        translate: The button, hidden unless words in another language are in the box.
        panel: The words that were heard, one by one.
        asked: An `Asked` as JSON, in the page and not shown.
        heard: A `Heard`, likewise.
        status: What is being done, beside the result.
    """

    words: gr.Textbox
    switch: gr.Checkbox
    translate: gr.Button
    panel: gr.HTML
    asked: gr.JSON
    heard: gr.JSON
    status: gr.HTML


class WordsHandlers:
    """What a page's events do with the words.

    Args:
        transcription: Writes them down.
    """

    def __init__(self, transcription: TranscriptionService) -> None:
        self._transcription = transcription

    def asks(self, clip: str | None, words: str, stored: Any, switch: bool) -> Asked | None:
        """What is to be found out of a recording's words once it has been judged.

        Args:
            clip: The recording.
            words: In the text box, without those of another recording.
            stored: A `Heard` of the page.
            switch: Whether recordings are transcribed.
        """
        if not clip or not self._transcription.possible:
            return None
        if not words.strip():
            return Asked(clip_key(clip)) if switch else None
        heard = Heard.from_json(stored, clip_key(clip))
        source = origin(words, heard)
        if heard and (heard.says(words) or (source is Origin.EDITED and not heard.is_as_said)):
            return None
        return Asked(clip_key(clip), words, source)

    def listening(self, asked: Asked, judged: str) -> WordsUpdate:
        """What changes when a recording has been judged and its words are to be found out.

        Args:
            asked: What is to be found out.
            judged: What has been judged, such as `Voice`.
        """
        if asked.text:
            return {"asked": asked.to_json()}
        status = notes.status(LISTENING.format(judged=judged), working=True)
        return {"asked": asked.to_json(), "status": status}

    def listen(self, clip: str | None, stored: Any) -> WordsUpdate:
        """The words of a recording that has been judged, or their times; nothing of another one.

        Args:
            clip: The recording that is shown.
            stored: An `Asked` of the page.
        """
        asked = Asked.from_json(stored, clip_key(clip))
        if clip is None or asked is None:
            return {}
        if not asked.text:
            result = self._transcription.transcribe(clip)
            written = Heard(asked.clip, Step.WRITTEN, result.transcript, message=result.message)
            return {"heard": written.to_json()}
        transcript = self._transcription.align(clip, asked.text).transcript
        if transcript is None or not transcript.words:
            return {}
        if asked.origin is Origin.EDITED and not fits(asked.text.split(), transcript.words):
            return {}  # the words that were heard have times
        placed = Heard(asked.clip, Step.WRITTEN, transcript, origin=asked.origin)
        return {"heard": placed.to_json()}

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

    def write(self, clip: str | None, words: str | None, stored: Any) -> WordsUpdate:
        """The words that were written down, in the box, unless the visitor has typed meanwhile.

        Those of a recording that is no longer shown are dropped.
        """
        heard = Heard.from_json(stored, clip_key(clip))
        if heard is None or heard.step is not Step.WRITTEN:
            return {}
        if heard.origin is not Origin.HEARD:  # they are in the box, unless it has changed since
            if not heard.says(words):
                return {}
            closed = without_heard() if heard.origin is Origin.TYPED else WordsUpdate()
            return {**closed, "heard": heard.at(Step.SHOWN).to_json()}
        if not heard.translated and origin(words, heard) in (Origin.TYPED, Origin.EDITED):
            return {**without_heard(), "status": notes.status(KEPT)}
        shown: WordsUpdate = {**without_heard(), "heard": heard.at(Step.SHOWN).to_json()}
        if heard.transcript is None or not heard.text:
            return {**shown, "status": notes.status(heard.message or NO_WORDS)}
        language = language_name(heard.transcript.language)
        status = FOREIGN.format(language=language) if heard.is_foreign else JUDGING_WORDS
        return {
            **shown,
            "words": heard.text,
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
    asked, heard = gr.JSON(visible=False), gr.JSON(visible=False)
    return WordsParts(words, switch, translate, panel, asked, heard, status)


def words_events(
    judged: Sequence[Any],
    handlers: WordsHandlers,
    parts: WordsParts,
    clip: Any,
    answer: Callable[..., Iterator[Mapping[str, Any]]],
    results: Mapping[str, gr.HTML],
) -> list[Any]:
    """After a recording has been judged, write its words down and judge them with it.

    Words that were typed are placed in time instead.

    Args:
        judged: Events that judge a recording.
        handlers: Of the words.
        parts: Of the words.
        clip: The recorder.
        answer: Of (clip, words, heard, request): judges the words that were put into the box.
        results: What `answer` changes beside the words, by name.

    Returns:
        The events that can be cancelled; gradio cancels none that wait for no turn.
    """
    named: dict[str, Any] = {**vars(parts), **results}
    shown = [clip, parts.words, parts.heard]
    listen: dict[str, Any] = {
        "fn": by_component(handlers.listen, named), "inputs": [clip, parts.asked],
        "outputs": [parts.heard], "concurrency_id": "whisper", **QUIET,
    }  # fmt: skip
    # Without waiting for a turn, so that the clip and the box are still those that it looked at.
    write: dict[str, Any] = {
        "fn": by_component(handlers.write, named), "inputs": shown,
        "outputs": list(vars(parts).values()), "queue": False, **QUIET,
    }  # fmt: skip
    finish: dict[str, Any] = {
        "fn": by_component(answer, named), "inputs": shown,
        "outputs": list(named.values()), "concurrency_id": "model", **QUIET,
    }  # fmt: skip
    translated = parts.translate.click(
        by_component(handlers.translate, named), [clip, parts.heard], [parts.heard, parts.status],
        concurrency_id="whisper", **QUIET,
    )  # fmt: skip
    heard = [*(event.then(**listen) for event in judged), translated]
    return [*heard, *(event.then(**write).then(**finish) for event in heard)]


def follow_transcription(handlers: WordsHandlers, parts: WordsParts, blocks: gr.Blocks) -> None:
    """Show whether recordings can be transcribed, from the moment in which the page is opened."""
    blocks.load(
        by_component(handlers.follow, vars(parts)), outputs=[parts.words, parts.switch],
        concurrency_limit=None, **QUIET,
    )  # fmt: skip


def at_rest(parts: WordsParts) -> dict[Any, Any]:
    """The parts as on a new page, as an event returns them."""
    return {
        parts.words: "", parts.asked: None, parts.heard: None, parts.panel: "", parts.status: "",
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
