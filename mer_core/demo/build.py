"""All pages under one roof; `app.py` launches what `build_demo` returns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mer_core.demo import speak, theme
from mer_core.demo.engine import Engine
from mer_core.demo.panels import notes
from mer_core.demo.services import Services
from mer_core.demo.transcript import Transcripts

KEPT_MINUTES = 10  # an uploaded clip stays this long on the server, for another look
SWEEP_SECONDS = 60
QUEUE = 32  # visitors that may wait; the next one is told to come back
UPLOAD_LIMIT = "256mb"  # what `media` reads at most


@dataclass(frozen=True)
class Page:
    """One page of the demo.

    Attributes:
        title: In the navigation.
        path: Under the server's root; the first page's is empty.
        build: Lays the page out inside the given blocks.
    """

    title: str
    path: str
    build: Callable[[Services, gr.Blocks], None]


PAGES = (Page("Speak & type", "", speak.build),)


def build_demo(engine: Engine) -> gr.Blocks:
    """The whole demo over a model that may still be loading.

    Args:
        engine: Started by `start_services` once the page answers.
    """
    services = Services(engine, Transcripts(engine))
    demo = gr.Blocks(
        title="Attune: emotion in voice and words",
        analytics_enabled=False,
        delete_cache=(SWEEP_SECONDS, (KEPT_MINUTES - 2) * 60),
    )
    with demo:
        _page(PAGES[0], services, demo)
    for page in PAGES[1:]:
        with demo.route(page.title, page.path) as blocks:
            _page(page, services, blocks)
    demo.queue(max_size=QUEUE, default_concurrency_limit=1)
    demo.attune_services = services
    return demo
