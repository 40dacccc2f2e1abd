"""The section "Download" of the atlas: figures for print, and tables of every point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from mer_core.atlas.collection import Atlas
from mer_core.atlas.export.figures import FORMATS, export
from mer_core.atlas.export.table import can_write_parquet, to_csv, to_parquet
from mer_core.atlas.plotted import Plotted
from mer_core.atlas.visitor import VisitorClip, on_map
from mer_core.demo.gradio_internals import save_download
from mer_core.demo.sections.refit_maps import RefitMaps

TABLES: dict[str, Callable[[Sequence[Plotted]], bytes]] = {
    "csv": lambda maps: to_csv(maps).encode("utf-8"),
    "parquet": to_parquet,
}
TITLES = {"png": "PNG", "svg": "SVG", "pdf": "PDF", "csv": "CSV", "parquet": "Parquet"}
COLUMNS = 3  # of small multiples
FOLLOW = "() => document.querySelector('#atlas-file, #atlas-file *').click()"
NOTE = (
    "Figures are for print: PNG at 300 dots per inch, SVG and PDF as vectors. Tables hold one row "
    "per point; Parquet opens in Apple's Embedding Atlas: `embedding-atlas FILE --x x --y y`. "
    "Figures and tables contain your clips with the numbers shown here, except one changed in the "
    "lab. All strategies together are always drawn from the stored maps, never from refitted ones. "
    "Your file stays on the server for up to ten minutes."
)

# All strategies or not, values of `inputs`, request → what to draw.
PlotSource = Callable[[bool, str, str, Any, gr.Request], Sequence[Plotted]]


def plotted(
    atlas: Atlas,
    strategy: str,
    clips: Sequence[VisitorClip],
    all_strategies: bool,
    refit: RefitMaps | None = None,
) -> list[Plotted]:
    """Before and after one strategy, or every strategy's map, each with the visitor's clips.

    Refitted maps replace the stored two; changed clips are left out.
    """
    clips = [clip for clip in clips if not clip.changed]
    maps = atlas.all_maps() if all_strategies else list(atlas.before_after(strategy))
    maps = [replace(one, visitors=on_map(atlas, one.strategy, clips)) for one in maps]
    if all_strategies or refit is None:
        return maps
    positions, refitted = refit.stars(atlas, clips), []
    for one, fitted in zip(maps, (refit.before, refit.after), strict=True):
        visitors = tuple(
            replace(visitor, places=positions[one.strategy][clip.id])
            for visitor, clip in zip(one.visitors, clips, strict=True)
        )
        refitted.append(replace(one, map=fitted.map, visitors=visitors, refitted=True))
    return refitted


def file_name(kind: str, maps: Sequence[Plotted], all_strategies: bool) -> str:
    """A file's name: `attune-instance.png`, or `attune-instance-refit.png` of refitted maps."""
    which = "all" if all_strategies else maps[-1].strategy
    return f"attune-{which}{'-refit' if maps[-1].refitted else ''}.{kind}"


def file_bytes(kind: str, maps: Sequence[Plotted], all_strategies: bool) -> bytes:
    """The content of a file.

    Raises:
        ValueError: There is no such format, or a package for it is missing.
    """
    if kind in TABLES:
        return TABLES[kind](maps)
    return export(maps, kind, columns=COLUMNS if all_strategies else 2)


def build(source: PlotSource, inputs: list[Any]) -> None:
    """A row of buttons, one per format.

    Args:
        source: What to draw.
        inputs: Components of framework, strategy and refitted maps.
    """
    gr.Markdown(NOTE, elem_classes="at-export-note")
    all_strategies = gr.Checkbox(label="All strategies", value=False, elem_id="export-all")
    with gr.Row(elem_id="exports"):
        buttons = {kind: gr.Button(TITLES[kind], min_width=90) for kind in (*FORMATS, *TABLES)}
    download = gr.DownloadButton("File", visible="hidden", elem_id="atlas-file")
    for kind, button in buttons.items():
        if kind == "parquet" and not can_write_parquet():
            button.interactive = False
        button.click(
            _writer(kind, source, download), [all_strategies, *inputs], download,
            show_progress="minimal", api_visibility="private", concurrency_id="export",
        ).success(None, js=FOLLOW)  # fmt: skip


def _writer(kind: str, source: PlotSource, download: gr.DownloadButton) -> Callable[..., str]:
    """Writes one format to gradio's cache, which is swept like all that visitors leave."""

    def write(
        all_strategies: bool, framework: str, strategy: str, refit: Any, request: gr.Request
    ) -> str:
        maps = list(source(all_strategies, framework, strategy, refit, request))
        data = file_bytes(kind, maps, all_strategies)
        return save_download(data, file_name(kind, maps, all_strategies), download)

    return write
