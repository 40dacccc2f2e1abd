"""The page "Speak & type": a voice, its words, and the emotion that the model assigns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import gradio as gr

from mer_core.demo import theme
from mer_core.demo.components.parts import (
    Renderers,
    answered,
    as_json,
    device_note,
    examples_gallery,
    result_events,
)
from mer_core.demo.engine import Engine
from mer_core.demo.panels import notes
from mer_core.demo.panels.result import render_details, render_verdict
from mer_core.demo.services.examples import load_examples
from mer_core.demo.services.services import Services
from mer_core.demo.session import visit_name

PLACEHOLDER = "What was said, for example: I can't believe you did that."
POLL = 0.3  # seconds between two looks at something that loads
RENDERERS = Renderers(render_verdict, render_details)
TEXTS = notes.RecordingTexts(
    tagline="Which emotion do a voice and its words express, and do the two agree?",
    judged="the sound of a voice and to words",
    kept="words and results are never written down or passed on.",
    start="Record or upload a voice, type what was said, or both. Then press Analyse.",
    promises=(
        ("The category", "that the model assigns, with its confidence"),
        ("Voice, words and both", "side by side, so that you see when they point apart"),
        ("Words over time", "which moments of the recording each word attends to"),
    ),
    credit="Model after MGCMA (multi-granularity cross-modal alignment), trained on acted speech "
    "and online comments. Example clips are synthetic voices, chosen because the model "
    "is sure of them: they show the page, not how good the model is.",
)


def build(services: Services, blocks: gr.Blocks) -> None:
    """Lay the page out inside `blocks` and connect it."""
    with gr.Row(elem_id="workbench", equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="inputs"):
            audio, text, buttons, hint = _inputs()
            examples = _examples(audio, text)
        with gr.Column(scale=6, min_width=320):
            verdict = gr.HTML(notes.empty(TEXTS), elem_id="verdict", apply_default_css=False)
    details = gr.HTML("", elem_id="details", apply_default_css=False)
    analyse, clear, transcribe = buttons
    results = [verdict, details]
    handlers = Handlers(services)
    triggers = [analyse.click, text.submit]
    result_events(triggers, examples, handlers.show, [audio, text], results)
    clear.click(
        lambda: (None, "", notes.empty(TEXTS), ""),
        outputs=[audio, text, *results],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    transcribe.click(
        handlers.transcribe, audio, [text, hint],
        show_progress="hidden", api_visibility="private", concurrency_id="whisper",
    )  # fmt: skip
    blocks.load(
        handlers.follow_transcripts, outputs=[transcribe, hint],
        show_progress="hidden", api_visibility="private", concurrency_limit=None,
    )  # fmt: skip
    _endpoint(handlers, audio, text)


class Handlers:
    """What the page's events call.

    Args:
        services: The engine and the transcripts behind the page.
    """

    def __init__(self, services: Services) -> None:
        self._engine: Engine = services.engine
        self._transcripts = services.transcripts
        self._atlases = services.atlases

    def show(
        self, clip: str | None, words: str | None, request: gr.Request
    ) -> Iterator[tuple[str, Any]]:
        """First that it is being worked on, then the result; then the clip goes to the atlas."""
        visit = visit_name(request.cookies)
        yield from answered(
            self._engine,
            lambda: self._engine.examine(clip, words),
            RENDERERS,
            lambda examined: self._atlases.remember(visit, examined),
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

    def transcribe(self, clip: str | None) -> Iterator[tuple[Any, str]]:
        """Fill the text box with what was said, or say why not."""
        yield gr.skip(), notes.hint("Listening to the recording…")
        words, message = self._transcripts.transcribe(clip)
        yield (gr.skip() if words is None else words), notes.hint(message)

    async def follow_transcripts(self) -> AsyncIterator[tuple[Any, str]]:
        """The Transcribe button's state, now and once it has settled."""
        self._transcripts.start()
        while not self._transcripts.settled:
            yield gr.update(interactive=False), notes.hint(self._transcripts.availability()[1])
            await asyncio.sleep(POLL)
        possible, reason = self._transcripts.availability()
        yield gr.update(interactive=possible), notes.hint(reason)


def _inputs() -> tuple[gr.Audio, gr.Textbox, tuple[gr.Button, gr.Button, gr.Button], gr.HTML]:
    audio = gr.Audio(
        label="Voice",
        sources=["microphone", "upload"],
        type="filepath",
        waveform_options=theme.waveform_options(),
        elem_id="voice",
        buttons=[],
    )
    device_note()
    text = gr.Textbox(
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
    return audio, text, (analyse, clear, transcribe), hint


def _examples(audio: gr.Audio, text: gr.Textbox) -> Any:
    examples = load_examples()
    rows = [[str(example.clip), example.text] for example in examples]
    label = "Or try one of these; every voice is synthetic"
    return examples_gallery(examples, rows, [audio, text], label)


def _endpoint(handlers: Handlers, audio: gr.Audio, text: gr.Textbox) -> None:
    """The public API, apart from the page's own events, which answer with HTML."""
    gr.Button(visible=False).click(
        handlers.analyse,
        [audio, text],
        gr.JSON(visible=False, label="Prediction"),
        api_name="analyse",
        concurrency_id="model",
    )
