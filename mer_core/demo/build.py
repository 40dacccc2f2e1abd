"""The whole demo, one page after the other; `app.py` launches what `build_demo` returns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Navbar

from mer_core.demo import theme
from mer_core.demo.components.polling import until
from mer_core.demo.engine import Engine
from mer_core.demo.pages import alignment_atlas, face_voice, speak
from mer_core.demo.panels import notes
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.container import Services
from mer_core.demo.services.transcription import TranscriptionService
from mer_core.demo.session import KEPT_MINUTES, Visits

SWEEP_SECONDS = 60
QUEUE = 32  # visitors that may wait; the next one is asked to come back
UPLOAD_LIMIT = "256mb"  # what `media` reads at most


@dataclass(frozen=True)
class Page:
    """One page of the demo.

    Attributes:
        title: In the navigation.
        path: Under the server's root; the first page's is empty.
        texts: Its tagline, notice and credit.
        build: Lays the page out inside the given blocks.
    """

    title: str
    path: str
    texts: notes.Texts
    build: Callable[[Services, gr.Blocks], None]


PAGES: tuple[Page, ...] = (
    Page("Speak & type", "", speak.TEXTS, speak.build),
    Page("Face & voice", "/face", face_voice.TEXTS, face_voice.build),
    Page("Alignment atlas", "/atlas", alignment_atlas.TEXTS, alignment_atlas.build),
)


def build_demo(engine: Engine) -> gr.Blocks:
    """The whole demo over a model that may still be loading; the caller starts the engine."""
    services = Services(engine, TranscriptionService(engine), Atlases(engine, Visits()))
    demo = gr.Blocks(
        title="Attune: emotion in voice, words and face",
        analytics_enabled=False,
        delete_cache=(SWEEP_SECONDS, (KEPT_MINUTES - 2) * 60),
    )
    with demo:
        _page(PAGES[0], services, demo)
    for page in PAGES[1:]:
        with demo.route(page.title, page.path) as blocks:
            _page(page, services, blocks)
    return demo.queue(max_size=QUEUE, default_concurrency_limit=1)


def launch_options() -> dict[str, Any]:
    """What every launch of the demo needs: its theme, and no history, no traces, no analytics."""
    return {
        "theme": theme.build_theme(),
        "css": theme.css(),
        "head": theme.head(),
        "favicon_path": str(theme.STATIC / "favicon.svg"),
        "run_history": False,
        "show_error": False,
        "ssr_mode": False,
        "footer_links": ["api", "settings"],
        "max_file_size": UPLOAD_LIMIT,
    }


def _page(page: Page, services: Services, blocks: gr.Blocks) -> None:
    """A page between the header, which shows the model's state, and the footer."""
    engine = services.engine
    if len(PAGES) > 1:
        Navbar(visible=True, main_page_name=PAGES[0].title)

    def header_html() -> str:
        return notes.header(engine.status(), engine.state, page.texts.tagline)

    header = gr.HTML(header_html(), elem_id="header", apply_default_css=False)
    if isinstance(page.texts, notes.RecordingTexts):
        gr.HTML(notes.notice(KEPT_MINUTES, page.texts), elem_id="notice", apply_default_css=False)
    page.build(services, blocks)
    gr.HTML(notes.footer(page.texts), elem_id="colophon", apply_default_css=False)

    async def follow_engine() -> AsyncIterator[str]:
        async for _ in until(lambda: engine.state.ended):
            yield header_html()

    blocks.load(
        follow_engine, outputs=header,
        show_progress="hidden", api_visibility="private", concurrency_limit=None,
    )  # fmt: skip
