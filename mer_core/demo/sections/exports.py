"""The section "Download" of the atlas: figures for print, and tables of every point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.collection import Atlas
from mer_core.atlas.export.figures import FORMATS, export
from mer_core.atlas.export.look import Look
from mer_core.atlas.export.table import can_write_parquet, to_csv, to_parquet
from mer_core.atlas.maps import AtlasMap
from mer_core.atlas.plotted import Plotted, Point
from mer_core.atlas.visitor import VisitorClip, on_map, with_origins
from mer_core.demo.gradio_internals import save_download
from mer_core.demo.sections.refit_maps import RefitMaps
from mer_core.frameworks.descriptor import BEFORE

TABLES: dict[str, Callable[[Sequence[Plotted]], bytes]] = {
    "csv": lambda maps: to_csv(maps).encode("utf-8"),
    "parquet": to_parquet,
}
TITLES = {"png": "PNG", "svg": "SVG", "pdf": "PDF", "csv": "CSV", "parquet": "Parquet"}
COLUMNS = 3  # of small multiples
FOLLOW = "() => document.querySelector('#atlas-file, #atlas-file *').click()"
# Adds what the map shows to what the button sends.
SCREEN = """(...values) => {
    const shown = document.querySelector("#atlas-map .at-map")?.attune?.screen?.();
    return [...values.slice(0, -1), JSON.stringify(shown ?? {})];
}"""
NOTE = (
    "A figure is what the maps show: the two strategies side by side, lines, mean ± std, density, "
    "hidden emotions, your selection, and your clips with their numbers, always at full extent. "
    "Figures are for print: PNG at 300 dots per inch, SVG and PDF as vectors. Tables hold one row "
    "per point; Parquet opens in Apple's Embedding Atlas: `embedding-atlas FILE --x x --y y`. "
    "All strategies together are always drawn from the stored maps, never from refitted ones. "
    "Your file stays on the server for up to ten minutes."
)

# All strategies or not, values of `inputs`, request → what to draw.
PlotSource = Callable[[bool, str, str, str, Any, gr.Request], Sequence[Plotted]]


def plotted(
    atlas: Atlas,
    strategy: str,
    clips: Sequence[VisitorClip],
    all_strategies: bool,
    refit: RefitMaps | None = None,
    left: str = BEFORE,
) -> list[Plotted]:
    """The two strategies side by side, or every strategy's map, each with the visitor's clips.

    Where both sides are shown, a strategy's refitted map replaces its stored one.
    """
    maps = atlas.all_maps() if all_strategies else atlas.side_by_side(left, strategy)
    maps = [replace(one, visitors=on_map(atlas, one.strategy, clips)) for one in maps]
    if all_strategies or refit is None:
        return maps
    positions = refit.stars(atlas, with_origins(clips))
    return [
        _refitted(one, refit.maps[one.strategy], positions[one.strategy], clips)
        if one.strategy in refit.maps
        else one
        for one in maps
    ]


def _refitted(
    stored: Plotted,
    fitted: AtlasMap,
    positions: Mapping[ClipId, Mapping[str, Point]],
    clips: Sequence[VisitorClip],
) -> Plotted:
    """The same panel with a refitted map and the clips' positions on it."""
    visitors = tuple(
        replace(
            visitor,
            places=positions[clip.id],
            origin={} if clip.origin is None else positions[clip.origin.id],
        )
        for visitor, clip in zip(stored.visitors, clips, strict=True)
    )
    return replace(stored, map=fitted, visitors=visitors, refitted=True)


def file_name(kind: str, maps: Sequence[Plotted], all_strategies: bool) -> str:
    """A file's name: `attune-instance.png`, or `attune-instance-refit.png` of refitted maps."""
    shown = [one.strategy for one in maps if one.strategy != BEFORE] or [BEFORE]
    which = "all" if all_strategies else "-".join(dict.fromkeys(shown))
    refit = "-refit" if any(one.refitted for one in maps) else ""
    return f"attune-{which}{refit}.{kind}"


def file_bytes(
    kind: str, maps: Sequence[Plotted], all_strategies: bool, look: Look | None = None
) -> bytes:
    """The content of a file; a figure looks as `look` says, a table holds everything.

    Raises:
        ValueError: There is no such format, or a package for it is missing.
    """
    if kind in TABLES:
        return TABLES[kind](maps)
    return export(maps, kind, columns=COLUMNS if all_strategies else 2, look=look or Look())


def build(source: PlotSource, inputs: list[Any]) -> None:
    """A row of buttons, one per format.

    Args:
        source: What to draw.
        inputs: Components of framework, the strategies on the right and on the left, and refitted
            maps.
    """
    gr.Markdown(NOTE, elem_classes="at-export-note")
    all_strategies = gr.Checkbox(label="All strategies", value=False, elem_id="export-all")
    with gr.Row(elem_id="exports"):
        buttons = {kind: gr.Button(TITLES[kind], min_width=90) for kind in (*FORMATS, *TABLES)}
    download = gr.DownloadButton("File", visible="hidden", elem_id="atlas-file")
    screen = gr.Textbox(visible=False)  # the map's own script knows what is shown
    for kind, button in buttons.items():
        if kind == "parquet" and not can_write_parquet():
            button.interactive = False
        button.click(
            _writer(kind, source, download), [all_strategies, *inputs, screen], download, js=SCREEN,
            show_progress="minimal", api_visibility="private", concurrency_id="export",
        ).success(None, js=FOLLOW)  # fmt: skip


def _writer(kind: str, source: PlotSource, download: gr.DownloadButton) -> Callable[..., str]:
    """Writes one format to gradio's cache, which is swept like all that visitors leave."""

    def write(
        all_strategies: bool, framework: str, strategy: str, left: str, refit: Any, screen: str,
        request: gr.Request,
    ) -> str:  # fmt: skip
        maps = list(source(all_strategies, framework, strategy, left, refit, request))
        data = file_bytes(kind, maps, all_strategies, Look.read(screen))
        return save_download(data, file_name(kind, maps, all_strategies), download)

    return write
