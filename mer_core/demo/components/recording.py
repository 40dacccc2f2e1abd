"""The events of a page with a recorder: judge, write the words down, judge them too, clear."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import gradio as gr

from mer_core.demo.components.results import result_events
from mer_core.demo.components.words import (
    WordsHandlers,
    WordsParts,
    at_rest,
    clear_events,
    follow_transcription,
    words_events,
)


class RecordingHandlers(Protocol):
    """What a page does with a recording and its words."""

    words: WordsHandlers

    @property
    def show(self) -> Callable[..., Iterator[Any]]:
        """Of (clip, words, heard, switch, request): judges the recording."""

    @property
    def answer(self) -> Callable[..., Iterator[Any]]:
        """Of (clip, words, heard, request): judges it with the words that were put into the box."""


@dataclass(frozen=True)
class RecordingInputs:
    """The components of an input column: the recorder, its words, and the two buttons."""

    clip: Any
    parts: WordsParts
    analyse: gr.Button
    clear: gr.Button


def recording_events(
    handlers: RecordingHandlers,
    inputs: RecordingInputs,
    examples: Any,
    results: Mapping[str, gr.HTML],
    empty: str,
    blocks: gr.Blocks,
) -> None:
    """Connect them.

    Args:
        handlers: Of the page.
        inputs: Components.
        examples: The gallery.
        results: Where results appear, by name; `verdict` among them.
        empty: The verdict before the first result.
        blocks: The page.
    """
    clip, parts = inputs.clip, inputs.parts
    judged = result_events(
        [clip.stop_recording, clip.upload, inputs.analyse.click, parts.words.submit],
        examples, handlers.show, [clip, parts.words, parts.heard, parts.switch],
        {**results, **vars(parts)},
    )  # fmt: skip
    later = words_events(judged, handlers.words, parts, clip, handlers.answer, results)
    emptied = {part: empty if name == "verdict" else "" for name, part in results.items()}
    clear_events(
        inputs.clear, lambda: {clip: None, **emptied, **at_rest(parts)},
        [clip, *results.values(), *vars(parts).values()], [*judged, *later],
    )  # fmt: skip
    follow_transcription(handlers.words, parts, blocks)
