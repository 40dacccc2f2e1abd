"""The page "Face & voice": a video, and whether its face and its voice express the same emotion."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import gradio as gr

from mer_core.demo.components.given_words import Given, foreign_note, given, replaced
from mer_core.demo.components.inputs import device_note, examples_gallery
from mer_core.demo.components.named_outputs import by_component
from mer_core.demo.components.polling import until
from mer_core.demo.components.recording import RecordingInputs, recording_events
from mer_core.demo.components.results import (
    Renderers,
    Update,
    as_json,
    endpoint,
    not_stored,
    result_steps,
)
from mer_core.demo.components.words import (
    QUIET,
    WordsHandlers,
    WordsParts,
    words_parts,
)
from mer_core.demo.engine import INTERNAL, NO_VIDEO, Analysis, RefusalKind, refusal, report
from mer_core.demo.panels import notes
from mer_core.demo.panels.occlusion import occlusion_figure
from mer_core.demo.panels.probabilities import companion_card
from mer_core.demo.panels.result import render_verdict, render_video_details
from mer_core.demo.services.container import Services
from mer_core.demo.services.examples import VIDEOS, load_examples
from mer_core.demo.services.heard import Asked, Heard, Origin, Step, clip_key
from mer_core.demo.session import visit_name
from mer_core.frameworks.descriptor import DESCRIPTORS
from mer_core.types import COMBINED, Prediction

SHIPPED = next(framework for framework in DESCRIPTORS.values() if framework.watches)
NO_CLIP = "There is nothing to analyse: record or upload a video first, or try an example."
LIMITS = (
    "Up to 60 seconds and 100 MB: webm, mp4, mov or mkv. One face, seen from the front in good "
    "light, works best."
)
SILENT = "This model analyses the face only and ignores the sound."
# Enough for a face, and small enough to upload and to decode quickly.
CAMERA = {"video": {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 24}}}
RENDERERS = Renderers(render_verdict, render_video_details)
NO_COMPANION = {"companion": "", "spoken": ""}
INFO = "The voice is also analysed with its words. Ctrl + Enter analyses."
TEXTS = notes.RecordingTexts(
    tagline="Which emotion do a face and a voice express, and do the two agree?",
    judged="the look of a face and to the sound of a voice",
    kept="pictures of a face are sent to this page only; nothing is stored or passed on.",
    start="Record a few seconds with your webcam, or upload a video. It is analysed at once; then "
    "its words are written down, and the voice is analysed with them.",
    promises=(
        ("The category", "that the model assigns, with its confidence"),
        ("Voice and face", "each alone and both together, and whether they match"),
        ("Voice and words", "which emotion the voice and what is said express"),
        ("Second by second", "how the category changes, with the face that was followed"),
    ),
    credit=f"The model follows {SHIPPED.title} ({SHIPPED.method}) and was trained on acted voices "
    "and single pictures of faces, paired by label. The example clips are drawn faces with "
    "synthetic voices. They were chosen because the model is sure of them, so they do not show "
    "how accurate it is.",
)


class HintUpdate(TypedDict):
    """The line below the buttons, and whether there are words to type."""

    hint: str
    words: Any
    switch: Any


@dataclass(frozen=True)
class Inputs:
    """The components of the input column; `parts` are those of the words."""

    video: gr.Video
    parts: WordsParts
    analyse: gr.Button
    clear: gr.Button
    hint: gr.HTML


@dataclass(frozen=True)
class Results:
    """Where results appear: of voice and face, and of voice and words (the companion)."""

    verdict: gr.HTML
    companion: gr.HTML
    details: gr.HTML
    spoken: gr.HTML


def build(services: Services, blocks: gr.Blocks) -> None:
    """Lay the page out inside `blocks` and connect it."""
    with gr.Row(elem_id="workbench", equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="inputs") as column:
            pass
        with gr.Column(scale=6, min_width=320):
            verdict = gr.HTML(notes.empty(TEXTS), elem_id="verdict", apply_default_css=False)
            status = gr.HTML("", elem_id="status", apply_default_css=False)
            companion = gr.HTML("", elem_id="companion", apply_default_css=False)
    with column:
        inputs = _inputs(status)
        examples = _examples(inputs)
    details = gr.HTML("", elem_id="details", apply_default_css=False)
    spoken = gr.HTML("", elem_id="spoken", apply_default_css=False)
    results = Results(verdict, companion, details, spoken)
    _connect(Handlers(services), inputs, examples, results, blocks)


class Handlers:
    """What the page's events call.

    Args:
        services: The engine and the atlases.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._atlases = services.atlases
        self.words = WordsHandlers(services.transcription)

    def show(
        self, clip: str | None, words: str | None, stored: Any, switch: bool, request: gr.Request
    ) -> Iterator[Update]:
        """First a sign of progress, then the result of voice and face; then of typed words.

        The clip goes to the atlas.
        """
        own, update = replaced(clip, words, stored)
        it = given(clip, own, stored)
        reads = self._engine.reads_words
        asked = self.words.asks(clip, own, stored, switch) if reads else None

        def accompany(prediction: Prediction) -> Update:
            heard = {m for m, p in prediction.by_modality.items() if p and m != "video"}
            if asked and not asked.text and heard:
                both = len(heard) > 1
                return self.words.listening(asked, "Voice and face" if both else "Voice")
            return {"status": foreign_note(it)}

        yield {**update, "asked": None, "status": "", **NO_COMPANION}
        yield from result_steps(
            self._engine, lambda: self._analysis(clip), RENDERERS, self._store(request), accompany
        )
        if clip is not None and it.text and reads:
            yield from self._companion(clip, it, self._store(request), asked)

    def answer(
        self, clip: str | None, words: str | None, stored: Any, request: gr.Request
    ) -> Iterator[Update]:
        """The result of the voice and of the words that were heard, or that have been placed."""
        heard = Heard.from_json(stored, clip_key(clip))
        if clip is None or heard is None or heard.step is not Step.SHOWN:
            yield {}
            return
        yield {"heard": heard.at(Step.JUDGED).to_json()}
        it = given(clip, words or "", stored)
        if it.text and it.transcript:
            placed = heard.origin is not Origin.HEARD  # their result has been shown already
            yield from self._companion(clip, it, not_stored if placed else self._store(request))

    def analyse(self, video: str | None = None) -> dict[str, Any]:
        """Assign an emotion category to the face and the voice of a video.

        Args:
            video: A clip of up to 60 seconds, with or without sound.

        Returns:
            The fields of the command line's `--json`, and a sentence that sums them up.
        """
        return as_json(self._analysis(video).prediction)

    async def follow(self) -> AsyncIterator[HintUpdate]:
        """What can be analysed here, now and once the model has loaded."""
        async for _ in until(lambda: self._engine.state.ended):
            shown = gr.update(visible=self._engine.reads_words)
            yield {"hint": notes.hint(self._limits()), "words": shown, "switch": shown}

    def _limits(self) -> str:
        if not self._engine.watches:
            return NO_VIDEO
        return LIMITS if self._engine.hears_videos else f"{LIMITS} {SILENT}"

    def _companion(
        self, clip: str, it: Given, store: Callable[[Analysis], None], asked: Asked | None = None
    ) -> Iterator[Update]:
        """Voice and words of a video, judged by the framework of both; `asked` is to follow."""
        analysis = self._engine.analyse(clip, it.text, transcript=it.transcript)
        if store is not_stored:  # its result has been shown already
            analysis = self._engine.explain(analysis)
        try:
            drawn = companion_card(analysis.prediction), occlusion_figure(analysis.prediction)
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            yield {"status": notes.status(INTERNAL)}
            return
        yield {"companion": drawn[0], "spoken": drawn[1], "status": ""}
        if asked and analysis.prediction.by_modality.get(COMBINED) is not None:
            yield {**self.words.listening(asked, "Voice")}
        if store is not not_stored:
            explained = self._engine.explain(analysis)
            yield {"spoken": occlusion_figure(explained.prediction)}
        store(analysis)

    def _store(self, request: gr.Request) -> Callable[[Analysis], None]:
        visit = visit_name(request.cookies)
        return lambda analysis: self._atlases.remember(visit, analysis)

    def _analysis(self, clip: str | None) -> Analysis:
        if clip is None:
            return Analysis(refusal(RefusalKind.NOTHING, NO_CLIP))
        return self._engine.analyse(None, None, clip)


def _inputs(status: gr.HTML) -> Inputs:
    video = gr.Video(
        label="Video",
        sources=["webcam", "upload"],
        include_audio=True,
        webcam_options=gr.WebcamOptions(mirror=False, constraints=CAMERA),
        height=300,
        elem_id="video",
        buttons=[],
    )
    device_note()
    parts = words_parts(status, INFO)
    with gr.Row(elem_id="actions"):
        analyse = gr.Button("Analyse", variant="primary", elem_id="analyse", scale=3, min_width=130)
        clear = gr.Button("Clear", elem_id="clear", min_width=80)
    parts.switch.render()  # type: ignore[no-untyped-call]
    hint = gr.HTML(notes.hint(LIMITS), elem_id="hint", apply_default_css=False)
    return Inputs(video, parts, analyse, clear, hint)


def _examples(inputs: Inputs) -> Any:
    examples = load_examples(index=VIDEOS)
    rows = [[str(example.path), example.text] for example in examples]
    label = "Or try one of these; every face is drawn, every voice synthetic"
    return examples_gallery(examples, rows, [inputs.video, inputs.parts.words], label)


def _connect(
    handlers: Handlers, inputs: Inputs, examples: Any, results: Results, blocks: gr.Blocks
) -> None:
    """The page's events, and its public endpoint, which returns JSON in place of HTML."""
    video, parts = inputs.video, inputs.parts
    column = RecordingInputs(video, parts, inputs.analyse, inputs.clear)
    recording_events(handlers, column, examples, vars(results), notes.empty(TEXTS), blocks)
    blocks.load(
        by_component(handlers.follow, {"hint": inputs.hint, **vars(parts)}),
        outputs=[inputs.hint, parts.words, parts.switch], concurrency_limit=None, **QUIET,
    )  # fmt: skip
    endpoint(handlers.analyse, [video], "analyse_video", "Prediction", "model")
