"""The page "Speak & type": a voice, its words, and the emotion that the model assigns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mer_core.demo import theme
from mer_core.demo.components.given_words import foreign_note, given, replaced
from mer_core.demo.components.inputs import device_note, examples_gallery
from mer_core.demo.components.recording import RecordingInputs, recording_events
from mer_core.demo.components.results import (
    Renderers,
    Update,
    as_json,
    endpoint,
    not_explained,
    not_stored,
    result,
    result_steps,
)
from mer_core.demo.components.words import (
    WordsHandlers,
    WordsParts,
    transcript_json,
    words_parts,
)
from mer_core.demo.engine import Analysis
from mer_core.demo.panels import notes
from mer_core.demo.panels.result import render_details, render_first_verdict, render_verdict
from mer_core.demo.services.container import Services
from mer_core.demo.services.examples import load_examples
from mer_core.demo.services.heard import Heard, Origin, Step, clip_key
from mer_core.demo.session import visit_name
from mer_core.frameworks.descriptor import DESCRIPTORS
from mer_core.types import COMBINED, Prediction

SHIPPED = next(framework for framework in DESCRIPTORS.values() if not framework.watches)
INFO = "Enter analyses, Shift + Enter starts a new line. Voice or words may be left out."
RENDERERS = Renderers(render_verdict, render_details)
FIRST = Renderers(render_first_verdict, render_details)
TEXTS = notes.RecordingTexts(
    tagline="Which emotion do a voice and its words express, and do the two agree?",
    judged="the sound of a voice and to words",
    kept="words and results are never stored or passed on.",
    start="Record or upload a voice. It is analysed at once, and its words are written down and "
    "analysed with it. You can also type, and press Analyse.",
    promises=(
        ("The category", "that the model assigns, with its confidence"),
        ("Voice, words and both", "side by side, so that you see where they differ"),
        (
            "Words and moments",
            "which of them the category rests on: how probable it is without each",
        ),
    ),
    credit=f"The model follows {SHIPPED.title} ({SHIPPED.method}) and was trained on acted speech "
    "and online comments. The synthetic example clips were chosen because the model is sure of "
    "them; those of actors, whose voices it never heard, were drawn at random from RAVDESS.",
)


@dataclass(frozen=True)
class Inputs:
    """The components of the input column; `parts` are those of the words."""

    voice: gr.Audio
    parts: WordsParts
    analyse: gr.Button
    clear: gr.Button


@dataclass(frozen=True)
class Results:
    """Where results appear."""

    verdict: gr.HTML
    details: gr.HTML


def build(services: Services, blocks: gr.Blocks) -> None:
    """Lay the page out inside `blocks` and connect it."""
    with gr.Row(elem_id="workbench", equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="inputs") as column:
            pass
        with gr.Column(scale=6, min_width=320):
            verdict = gr.HTML(notes.empty(TEXTS), elem_id="verdict", apply_default_css=False)
            status = gr.HTML("", elem_id="status", apply_default_css=False)
    with column:
        inputs = _inputs(status)
        examples = _examples(inputs)
    details = gr.HTML("", elem_id="details", apply_default_css=False)
    _connect(Handlers(services), inputs, examples, Results(verdict, details), blocks)


class Handlers:
    """What the page's events call.

    Args:
        services: The engine, the transcription and the atlases.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._transcription = services.transcription
        self._atlases = services.atlases
        self.words = WordsHandlers(services.transcription)

    def show(
        self, clip: str | None, words: str | None, stored: Any, switch: bool, request: gr.Request
    ) -> Iterator[Update]:
        """First a sign of progress, then the result of the voice, or of voice and typed words.

        The clip goes to the atlas, unless its words are still to come.
        """
        own, update = replaced(clip, words, stored)
        it = given(clip, own, stored)
        asked = self.words.asks(clip, own, stored, switch)
        listens = asked is not None and not asked.text

        def accompany(prediction: Prediction) -> Update:
            both = prediction.by_modality.get(COMBINED)
            if asked and (both if asked.text else prediction.emotion) is not None:
                return self.words.listening(asked, "Voice")
            return {"status": foreign_note(it)}

        yield {**update, "asked": None, "status": ""}
        yield from result_steps(
            self._engine,
            lambda: self._engine.analyse(clip, it.text, transcript=it.transcript),
            FIRST if listens else RENDERERS,
            not_stored if listens else self._store(request),
            accompany,
            not_explained if listens else self._engine.explain,
        )

    def answer(
        self, clip: str | None, words: str | None, stored: Any, request: gr.Request
    ) -> Iterator[Update]:
        """The result of the voice and of the words that were heard, or that have been placed."""
        heard = Heard.from_json(stored, clip_key(clip))
        if heard is None or heard.step is not Step.SHOWN:
            yield {}
            return
        yield {"heard": heard.at(Step.JUDGED).to_json()}
        it = given(clip, words or "", stored)
        analysis = self._engine.analyse(clip, it.text, transcript=it.transcript)
        if it.text and it.transcript:
            done: Update = {"status": ""}
            explain = self._engine.explain
            if heard.origin is Origin.HEARD:
                store = self._store(request)
                yield from result(analysis, RENDERERS, store, lambda _: done, explain)
            else:  # placed in time; their result has been shown already
                yield from result(explain(analysis), RENDERERS, not_stored, lambda _: done)
        elif it.text is None:  # the voice alone; its result is shown already
            explained = self._engine.explain(analysis)
            yield {"details": RENDERERS.details(explained.prediction)}
            self._store(request)(analysis)

    def analyse(self, audio: str | None = None, text: str = "") -> dict[str, Any]:
        """Assign an emotion category to a recording, to its words, or to both.

        Args:
            audio: A recording of up to 5 minutes, or null.
            text: What was said, or empty.

        Returns:
            The fields of the command line's `--json`, and a sentence that sums them up.
        """
        return as_json(self._engine.predict(audio, text))

    def transcribe(self, audio: str | None = None, translate: bool = False) -> dict[str, Any]:
        """Write down what is said in a recording.

        Args:
            audio: A recording of up to 5 minutes.
            translate: Whether words in another language are translated to English too.

        Returns:
            Text, language, its probability, translation or null, and the words with their times in
            seconds and probabilities; all empty without speech. `error` is null or a sentence.
        """
        return transcript_json(self._transcription, audio, translate)

    def _store(self, request: gr.Request) -> Callable[[Analysis], None]:
        visit = visit_name(request.cookies)
        return lambda analysis: self._atlases.remember(visit, analysis)


def _inputs(status: gr.HTML) -> Inputs:
    voice = gr.Audio(
        label="Voice",
        sources=["microphone", "upload"],
        type="filepath",
        waveform_options=theme.waveform_options(),
        elem_id="voice",
        buttons=[],
    )
    device_note()
    parts = words_parts(status, INFO)
    with gr.Row(elem_id="actions"):
        analyse = gr.Button("Analyse", variant="primary", elem_id="analyse", scale=3, min_width=130)
        clear = gr.Button("Clear", elem_id="clear", min_width=80)
    parts.switch.render()  # type: ignore[no-untyped-call]
    return Inputs(voice, parts, analyse, clear)


def _examples(inputs: Inputs) -> Any:
    examples = load_examples()
    rows = [[str(example.path), example.text] for example in examples]
    label = "Or try one of these: synthetic voices, and actors whom the model never heard"
    return examples_gallery(examples, rows, [inputs.voice, inputs.parts.words], label)


def _connect(
    handlers: Handlers, inputs: Inputs, examples: Any, results: Results, blocks: gr.Blocks
) -> None:
    """The page's events, and its public endpoints, which return JSON in place of HTML."""
    voice, parts = inputs.voice, inputs.parts
    column = RecordingInputs(voice, parts, inputs.analyse, inputs.clear)
    recording_events(handlers, column, examples, vars(results), notes.empty(TEXTS), blocks)
    endpoint(handlers.analyse, [voice, parts.words], "analyse", "Prediction", "model")
    flag = gr.Checkbox(False, visible=False, label="Translate")
    endpoint(handlers.transcribe, [voice, flag], "transcribe", "Transcript", "whisper")
