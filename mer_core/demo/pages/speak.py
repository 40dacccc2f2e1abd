"""The page "Speak & type": a voice, its words, and the emotion that the model assigns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import gradio as gr

from mer_core.demo import theme
from mer_core.demo.components.inputs import device_note, examples_gallery
from mer_core.demo.components.named_outputs import by_component
from mer_core.demo.components.polling import until
from mer_core.demo.components.results import (
    Renderers,
    ResultUpdate,
    as_json,
    result_events,
    result_steps,
)
from mer_core.demo.panels import notes
from mer_core.demo.panels.result import render_details, render_verdict
from mer_core.demo.services.container import Services
from mer_core.demo.services.examples import load_examples
from mer_core.demo.session import visit_name
from mer_core.frameworks.descriptor import DESCRIPTORS

SHIPPED = next(framework for framework in DESCRIPTORS.values() if not framework.watches)
PLACEHOLDER = "What was said, for example: I can't believe you did that."
TRANSCRIBING = "Transcribing the recording…"
RENDERERS = Renderers(render_verdict, render_details)
TEXTS = notes.RecordingTexts(
    tagline="Which emotion do a voice and its words express, and do the two agree?",
    judged="the sound of a voice and to words",
    kept="words and results are never written down or passed on.",
    start="Record or upload a voice, type what was said, or both. Then press Analyse.",
    promises=(
        ("The category", "that the model assigns, with its confidence"),
        ("Voice, words and both", "side by side, so that you see where they differ"),
        ("Words over time", "which moments of the recording each word attends to"),
    ),
    credit=f"The model follows {SHIPPED.title} ({SHIPPED.method}) and was trained on acted speech "
    "and online comments. The example clips are synthetic voices. They were chosen because the "
    "model is sure of them, so they do not show how accurate it is.",
)


class WordsUpdate(TypedDict, total=False):
    """What Transcribe changes: the text box, the button and the line below it."""

    words: str
    transcribe: Any
    hint: str


@dataclass(frozen=True)
class Inputs:
    """The components of the input column."""

    voice: gr.Audio
    words: gr.Textbox
    analyse: gr.Button
    transcribe: gr.Button
    clear: gr.Button
    hint: gr.HTML


def build(services: Services, blocks: gr.Blocks) -> None:
    """Lay the page out inside `blocks` and connect it."""
    with gr.Row(elem_id="workbench", equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="inputs"):
            inputs = _inputs()
            examples = _examples(inputs)
        with gr.Column(scale=6, min_width=320):
            verdict = gr.HTML(notes.empty(TEXTS), elem_id="verdict", apply_default_css=False)
    details = gr.HTML("", elem_id="details", apply_default_css=False)
    _connect(Handlers(services), inputs, examples, verdict, details, blocks)


class Handlers:
    """What the page's events call.

    Args:
        services: The engine, the transcription and the atlases.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._transcription = services.transcription
        self._atlases = services.atlases

    def show(
        self, clip: str | None, words: str | None, request: gr.Request
    ) -> Iterator[ResultUpdate]:
        """First a sign of progress, then the result; then the clip goes to the atlas."""
        visit = visit_name(request.cookies)
        yield from result_steps(
            self._engine,
            lambda: self._engine.analyse(clip, words),
            RENDERERS,
            lambda analysis: self._atlases.remember(visit, analysis),
        )

    def analyse(self, audio: str | None = None, text: str = "") -> dict[str, Any]:
        """Assign an emotion category to a recording, to its words, or to both.

        Args:
            audio: A recording of up to 5 minutes, or null.
            text: What was said, or empty.

        Returns:
            The fields of the command line's `--json`, and a sentence that sums them up.
        """
        return as_json(self._engine.predict(audio, text))

    def transcribe(self, clip: str | None) -> Iterator[WordsUpdate]:
        """Fill the text box with what was said, or explain why not."""
        yield {"hint": notes.hint(TRANSCRIBING)}
        transcript = self._transcription.transcribe(clip)
        update: WordsUpdate = {"hint": notes.hint(transcript.message)}
        if transcript.words is not None:
            update["words"] = transcript.words
        yield update

    async def follow_transcription(self) -> AsyncIterator[WordsUpdate]:
        """The Transcribe button's state, now and once the search for a model has ended."""
        self._transcription.start()
        async for _ in until(lambda: self._transcription.search_ended):
            available = self._transcription.availability()
            button = gr.update(interactive=available.possible)
            yield {"transcribe": button, "hint": notes.hint(available.reason)}


def _inputs() -> Inputs:
    voice = gr.Audio(
        label="Voice",
        sources=["microphone", "upload"],
        type="filepath",
        waveform_options=theme.waveform_options(),
        elem_id="voice",
        buttons=[],
    )
    device_note()
    words = gr.Textbox(
        value="",
        label="Words",
        placeholder=PLACEHOLDER,
        info="Enter analyses, Shift + Enter starts a new line. Voice or words may be left out.",
        lines=1,
        max_lines=5,
        elem_id="words",
    )
    with gr.Row(elem_id="actions"):
        analyse = gr.Button("Analyse", variant="primary", elem_id="analyse", scale=3, min_width=130)
        transcribe = gr.Button("Transcribe", interactive=False, elem_id="transcribe", min_width=110)
        clear = gr.Button("Clear", elem_id="clear", min_width=80)
    hint = gr.HTML("", elem_id="transcribe-hint", apply_default_css=False)
    return Inputs(voice, words, analyse, transcribe, clear, hint)


def _examples(inputs: Inputs) -> Any:
    examples = load_examples()
    rows = [[str(example.path), example.text] for example in examples]
    label = "Or try one of these; every voice is synthetic"
    return examples_gallery(examples, rows, [inputs.voice, inputs.words], label)


def _connect(
    handlers: Handlers,
    inputs: Inputs,
    examples: Any,
    verdict: gr.HTML,
    details: gr.HTML,
    blocks: gr.Blocks,
) -> None:
    """The page's events, and its public endpoint, which returns JSON in place of HTML."""
    voice, words = inputs.voice, inputs.words
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    result_events(
        [inputs.analyse.click, words.submit], examples, handlers.show, [voice, words],
        {"verdict": verdict, "details": details},
    )  # fmt: skip
    inputs.clear.click(
        lambda: {voice: None, words: "", verdict: notes.empty(TEXTS), details: ""},
        outputs=[voice, words, verdict, details],
        queue=False,
        **quiet,
    )
    words_parts = {"words": words, "transcribe": inputs.transcribe, "hint": inputs.hint}
    inputs.transcribe.click(
        by_component(handlers.transcribe, words_parts), voice, [words, inputs.hint],
        concurrency_id="whisper", **quiet,
    )  # fmt: skip
    blocks.load(
        by_component(handlers.follow_transcription, words_parts),
        outputs=[inputs.transcribe, inputs.hint], concurrency_limit=None, **quiet,
    )  # fmt: skip
    gr.Button(visible=False).click(
        handlers.analyse,
        [voice, words],
        gr.JSON(visible=False, label="Prediction"),
        api_name="analyse",
        concurrency_id="model",
    )
