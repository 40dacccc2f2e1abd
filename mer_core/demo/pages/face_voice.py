"""The page "Face & voice": a video, and whether its face and its voice point the same way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import gradio as gr

from mer_core.demo.components.parts import (
    Renderers,
    answered,
    as_json,
    device_note,
    examples_gallery,
    result_events,
)
from mer_core.demo.engine import NO_VIDEO, Engine, Examined, refusal
from mer_core.demo.panels import notes
from mer_core.demo.panels.result import render_verdict, render_video_details
from mer_core.demo.services.examples import load_examples
from mer_core.demo.services.services import Services
from mer_core.demo.session import visit_name

POLL = 0.3  # seconds between two looks at a model that loads
NO_CLIP = "There is nothing to analyse: record or upload a video first, or take an example."
LIMITS = (
    "Up to 60 seconds and 100 MB: webm, mp4, mov or mkv. One face, seen from the front, in good "
    "light works best. Ctrl + Enter analyses."
)
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
    credit="Model after Foal-Net (fusion of voice and face by alignment and label matching), "
    "trained on acted voices and single pictures of faces, paired by label. "
    "Example clips are drawn faces with synthetic voices, chosen because the model "
    "is sure of them: they show the page, not how good the model is.",
)


def build(services: Services, blocks: gr.Blocks) -> None:
    """Lay the page out inside `blocks` and connect it."""
    with gr.Row(elem_id="workbench", equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="inputs"):
            video, (analyse, clear), hint = _inputs()
            examples = _examples(video)
        with gr.Column(scale=6, min_width=320):
            verdict = gr.HTML(notes.empty(TEXTS), elem_id="verdict", apply_default_css=False)
    details = gr.HTML("", elem_id="details", apply_default_css=False)
    results = [verdict, details]
    handlers = Handlers(services)
    result_events([analyse.click], examples, handlers.show, [video], results)
    clear.click(
        lambda: (None, notes.empty(TEXTS), ""),
        outputs=[video, *results],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    blocks.load(
        handlers.follow, outputs=hint,
        show_progress="hidden", api_visibility="private", concurrency_limit=None,
    )  # fmt: skip
    gr.Button(visible=False).click(
        handlers.analyse,
        video,
        gr.JSON(visible=False, label="Prediction"),
        api_name="analyse_video",
        concurrency_id="model",
    )


class Handlers:
    """What the page's events call.

    Args:
        services: The engine behind the page.
    """

    def __init__(self, services: Services) -> None:
        self._engine: Engine = services.engine
        self._atlases = services.atlases

    def show(self, clip: str | None, request: gr.Request) -> Iterator[tuple[str, Any]]:
        """First that it is being worked on, then the result; then the clip goes to the atlas."""
        visit = visit_name(request.cookies)
        yield from answered(
            self._engine,
            lambda: self._examine(clip),
            RENDERERS,
            lambda examined: self._atlases.remember(visit, examined),
        )

    def analyse(self, video: str | None = None) -> dict[str, Any]:
        """Assign an emotion category to the face and the voice of a video.

        Args:
            video: A clip of up to 60 seconds, with or without sound.

        Returns:
            The fields of the command line's `--json`, and a sentence that sums them up.
        """
        return as_json(self._examine(video).prediction)

    async def follow(self) -> AsyncIterator[str]:
        """What can be analysed here, now and once the model has loaded."""
        while self._engine.state in ("waiting", "loading"):
            yield notes.hint(LIMITS)
            await asyncio.sleep(POLL)
        yield notes.hint(LIMITS if self._engine.watches else NO_VIDEO)

    def _examine(self, clip: str | None) -> Examined:
        if clip is None:
            return Examined(refusal("nothing", NO_CLIP))
        return self._engine.examine(None, None, clip)


def _inputs() -> tuple[gr.Video, tuple[gr.Button, gr.Button], gr.HTML]:
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
    return video, (analyse, clear), hint


def _examples(video: gr.Video) -> Any:
    examples = load_examples(index="videos.json")
    rows = [[str(example.clip)] for example in examples]
    label = "Or try one of these; every face is drawn, every voice synthetic"
    return examples_gallery(examples, rows, [video], label)
