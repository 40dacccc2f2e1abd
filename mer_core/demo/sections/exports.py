"""Maps to take home: figures for print, and tables of every point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from mer_core.atlas.collection import Atlas
from mer_core.atlas.export.figures import FORMATS, export
from mer_core.atlas.export.table import can_write_parquet, to_csv, to_parquet
from mer_core.atlas.plotted import Plotted
from mer_core.atlas.visitor import VisitorClip, on_map
from mer_core.demo.sections.refitting import RefitMaps

TABLES: dict[str, Callable[[Sequence[Plotted]], bytes]] = {
    "csv": lambda shown: to_csv(shown).encode("utf-8"),
    "parquet": to_parquet,
}
TITLES = {"png": "PNG", "svg": "SVG", "pdf": "PDF", "csv": "CSV", "parquet": "Parquet"}
COLUMNS = 3  # of small multiples
FOLLOW = "() => document.querySelector('#atlas-file, #atlas-file *').click()"
NOTE = (
    "Figures are for print: PNG at 300 dots per inch, SVG and PDF as vectors. Tables hold one row "
    "a point; Parquet opens in Apple's Embedding Atlas: `embedding-atlas FILE --x x --y y`. "
    "Figures and tables hold your clips, numbered as here; one changed in the lab is left out. All "
    "strategies together come from the stored maps, also while refitted ones are shown. What you "
    "download lies on the server for up to ten minutes."
)

Shown = Callable[[bool, str, str, Any, gr.Request], Sequence[Plotted]]


def plotted(
    atlas: Atlas,
    strategy: str,
    clips: Sequence[VisitorClip],
    everything: bool,
    refit: RefitMaps | None = None,
) -> list[Plotted]:
    """Before and after one strategy, or every strategy's map, each with the visitor's clips.

    Refitted maps take the place of the stored two; changed clips are left out.
    """
    clips = [clip for clip in clips if not clip.changed]
    shown = atlas.all_maps() if everything else list(atlas.before_after(strategy))
    starred = [replace(one, visitors=on_map(atlas, one.strategy, clips)) for one in shown]
    if everything or refit is None:
        return starred
    places, moved = refit.stars(atlas, clips), []
    for one, fitted in zip(starred, (refit.before, refit.after), strict=True):
        found = places[one.strategy]
        visitors = tuple(
            replace(visitor, places=found[clip.id])
            for visitor, clip in zip(one.visitors, clips, strict=True)
        )
        moved.append(replace(one, map=fitted.map, visitors=visitors, refitted=True))
    return moved


def name_of(kind: str, shown: Sequence[Plotted], everything: bool) -> str:
    """A file's name: `attune-instance.png`, or `attune-instance-refit.png` of refitted maps."""
    which = "all" if everything else shown[-1].strategy
    return f"attune-{which}{'-refit' if shown[-1].refitted else ''}.{kind}"


def file_of(kind: str, shown: Sequence[Plotted], everything: bool) -> bytes:
    """The bytes of one format.

    Raises:
        ValueError: There is no such format, or nothing here can write it.
    """
    if kind in TABLES:
        return TABLES[kind](shown)
    return export(shown, kind, columns=COLUMNS if everything else 2)


def build(shown: Shown, inputs: list[Any]) -> None:
    """A row of buttons, one a format.

    Args:
        shown: Whether every strategy is wanted, the values of `inputs`, request → what to draw.
        inputs: Components of framework, strategy and refitted maps.
    """
    gr.Markdown(NOTE, elem_classes="at-export-note")
    everything = gr.Checkbox(label="All strategies", value=False, elem_id="export-all")
    with gr.Row(elem_id="exports"):
        buttons = {kind: gr.Button(TITLES[kind], min_width=90) for kind in (*FORMATS, *TABLES)}
    ready = gr.DownloadButton("File", visible="hidden", elem_id="atlas-file")
    for kind, button in buttons.items():
        if kind == "parquet" and not can_write_parquet():
            button.interactive = False
        button.click(
            _writer(kind, shown, ready.GRADIO_CACHE), [everything, *inputs], ready,
            show_progress="minimal", api_visibility="private", concurrency_id="export",
        ).success(None, js=FOLLOW)  # fmt: skip


def _writer(kind: str, shown: Shown, cache: str) -> Callable[..., str]:
    """Writes into gradio's cache, which is swept like everything that visitors leave."""

    def write(
        everything: bool, framework: str, strategy: str, refit: Any, request: gr.Request
    ) -> str:
        maps = list(shown(everything, framework, strategy, refit, request))
        data = file_of(kind, maps, everything)
        return save_bytes_to_cache(data, name_of(kind, maps, everything), cache)

    return write
