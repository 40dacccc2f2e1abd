"""The page "Face & voice": a video, and whether its face and its voice express the same emotion."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import gradio as gr

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
from mer_core.demo.engine import NO_VIDEO, Analysis, RefusalKind, refusal
from mer_core.demo.panels import notes
from mer_core.demo.panels.result import render_verdict, render_video_details
from mer_core.demo.services.container import Services
from mer_core.demo.services.examples import VIDEOS, load_examples
from mer_core.demo.session import visit_name
from mer_core.frameworks.descriptor import DESCRIPTORS

SHIPPED = next(framework for framework in DESCRIPTORS.values() if framework.watches)
NO_CLIP = "There is nothing to analyse: record or upload a video first, or try an example."
LIMITS = (
    "Up to 60 seconds and 100 MB: webm, mp4, mov or mkv. One face, seen from the front in good "
    "light, works best. Ctrl + Enter analyses."
)
SILENT = "This model analyses the face only and ignores the sound."
# Enough for a face, and small enough to upload and to decode quickly.
CAMERA = {"video": {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 24}}}
RENDERERS = Renderers(render_verdict, render_video_details)
TEXTS = notes.RecordingTexts(
    tagline="Which emotion do a face and a voice express, and do the two agree?",
    judged="the look of a face and to the sound of a voice",
    kept="pictures of a face are sent to this page only; nothing is written down or passed on.",
    start="Record a few seconds with your webcam, or upload a video. Then press Analyse.",
    promises=(
        ("The category", "that the model assigns, with its confidence"),
        ("Voice and face", "each alone and both together, and whether they match"),
        ("Second by second", "how the category changes, with the face that was followed"),
    ),
    credit=f"The model follows {SHIPPED.title} ({SHIPPED.method}) and was trained on acted voices "
    "and single pictures of faces, paired by label. The example clips are drawn faces with "
    "synthetic voices. They were chosen because the model is sure of them, so they do not show "
    "how accurate it is.",
)


class HintUpdate(TypedDict):
    """The line below the buttons."""

    hint: str


@dataclass(frozen=True)
class Inputs:
    """The components of the input column."""

    video: gr.Video
    analyse: gr.Button
    clear: gr.Button
    hint: gr.HTML


def build(services: Services, blocks: gr.Blocks) -> None:
    """Lay the page out inside `blocks` and connect it."""
    with gr.Row(elem_id="workbench", equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="inputs"):
            inputs = _inputs()
            examples = _examples(inputs.video)
        with gr.Column(scale=6, min_width=320):
            verdict = gr.HTML(notes.empty(TEXTS), elem_id="verdict", apply_default_css=False)
    details = gr.HTML("", elem_id="details", apply_default_css=False)
    _connect(Handlers(services), inputs, examples, verdict, details, blocks)


class Handlers:
    """What the page's events call.

    Args:
        services: The engine and the atlases.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._atlases = services.atlases

    def show(self, clip: str | None, request: gr.Request) -> Iterator[ResultUpdate]:
        """First a sign of progress, then the result; then the clip goes to the atlas."""
        visit = visit_name(request.cookies)
        yield from result_steps(
            self._engine,
            lambda: self._analysis(clip),
            RENDERERS,
            lambda analysis: self._atlases.remember(visit, analysis),
        )

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
            yield {"hint": notes.hint(self._limits())}

    def _limits(self) -> str:
        if not self._engine.watches:
            return NO_VIDEO
        return LIMITS if self._engine.hears_videos else f"{LIMITS} {SILENT}"

    def _analysis(self, clip: str | None) -> Analysis:
        if clip is None:
            return Analysis(refusal(RefusalKind.NOTHING, NO_CLIP))
        return self._engine.analyse(None, None, clip)


def _inputs() -> Inputs:
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
    with gr.Row(elem_id="actions"):
        analyse = gr.Button("Analyse", variant="primary", elem_id="analyse", scale=3, min_width=130)
        clear = gr.Button("Clear", elem_id="clear", min_width=80)
    hint = gr.HTML(notes.hint(LIMITS), elem_id="hint", apply_default_css=False)
    return Inputs(video, analyse, clear, hint)


def _examples(video: gr.Video) -> Any:
    examples = load_examples(index=VIDEOS)
    rows = [[str(example.path)] for example in examples]
    label = "Or try one of these; every face is drawn, every voice synthetic"
    return examples_gallery(examples, rows, [video], label)


def _connect(
    handlers: Handlers,
    inputs: Inputs,
    examples: Any,
    verdict: gr.HTML,
    details: gr.HTML,
    blocks: gr.Blocks,
) -> None:
    """The page's events, and its public endpoint, which returns JSON in place of HTML."""
    video = inputs.video
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    results = {"verdict": verdict, "details": details}
    result_events([inputs.analyse.click], examples, handlers.show, [video], results)
    inputs.clear.click(
        lambda: {video: None, verdict: notes.empty(TEXTS), details: ""},
        outputs=[video, verdict, details],
        queue=False,
        **quiet,
    )
    blocks.load(
        by_component(handlers.follow, {"hint": inputs.hint}),
        outputs=inputs.hint, concurrency_limit=None, **quiet,
    )  # fmt: skip
    gr.Button(visible=False).click(
        handlers.analyse,
        video,
        gr.JSON(visible=False, label="Prediction"),
        api_name="analyse_video",
        concurrency_id="model",
    )
