"""Maps for print: PNG, SVG and PDF by matplotlib, without a display and without pyplot's globals.

Hue is the emotion; dark dots are the leading modality (speech, audio), light triangles its partner
(text, video), so that shape distinguishes the two as well. Thin lines join natural pairs, or else
each emotion's two centroids; ellipses are mean ± one standard deviation, contours the density. A
`Look` says what is drawn.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mer_core.atlas.analysis.density import LEVELS, Extent, density
from mer_core.atlas.analysis.spread import Group, groups_of, pair_lines
from mer_core.atlas.export.captions import origin
from mer_core.atlas.export.look import Look
from mer_core.atlas.export.palette import EMOTION_COLOURS, shade
from mer_core.atlas.plotted import Plotted
from mer_core.atlas.reference import Pairing
from mer_core.frameworks.descriptor import MODALITIES, strategy_title
from mer_core.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
DOTS_PER_INCH = 300
PANEL = 3.4  # inches wide
TITLE, LEGEND = 0.3, 0.4  # inches high
FLATTEST, TALLEST = 0.5, 1.5  # a panel's height over its width
MARGIN = 0.04  # of the shared extent
MARKERS = {True: "o", False: "^"}  # leading, partner
INK = "#29252E"
PLAIN, FAINT = 0.7, 0.08  # opacity of points, and of those that are not selected
PRINT = Look(ellipses=True)  # without a page whose switches say otherwise

_rc_lock = threading.Lock()  # matplotlib's settings are the whole process'


def draw(panels: Sequence[Plotted], *, columns: int = 2, look: Look = PRINT) -> Figure:
    """Maps side by side (before | after) or as small multiples, all with the same axes.

    Args:
        panels: All with the same modalities and emotions.
        columns: Panels in a row.
        look: What is drawn.

    Raises:
        ValueError: Nothing to draw.
    """
    if not panels:
        raise ValueError("A figure needs at least one map.")
    from matplotlib.figure import Figure

    columns = min(columns, len(panels))
    rows = math.ceil(len(panels) / columns)
    low, high = _extent(panels)
    shape = float(np.clip((high - low)[1] / max((high - low)[0], 1e-12), FLATTEST, TALLEST))
    height = (PANEL * shape + TITLE) * rows + LEGEND
    figure = Figure(figsize=(PANEL * columns, height), layout="constrained")
    grid = np.array(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axes, plotted in zip(grid, panels, strict=False):
        _panel(axes, plotted, look, (*low, *high))
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    _legend(figure, panels[0])
    return figure


def export(
    panels: Sequence[Plotted],
    kind: str,
    *,
    columns: int = 2,
    look: Look = PRINT,
    dots_per_inch: int = DOTS_PER_INCH,
) -> bytes:
    """The file's bytes; the same maps give the same bytes.

    Raises:
        ValueError: `kind` is none of `FORMATS`.
    """
    if kind not in FORMATS:
        raise ValueError(f"There is no format {kind!r}; it can be {', '.join(FORMATS)}.")
    import matplotlib

    # No dates and no random ids; None leaves a field out.
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "svg": dict.fromkeys(("Creator", "Date", "Format", "Type")),
        "pdf": {"CreationDate": None},
    }
    buffer = io.BytesIO()
    with _rc_lock, matplotlib.rc_context({"svg.hashsalt": "attune", "pdf.fonttype": 42}):
        figure = draw(panels, columns=columns, look=look)
        figure.savefig(buffer, format=kind, dpi=dots_per_inch, metadata=metadata[kind])
    return buffer.getvalue()


def _panel(axes: Axes, plotted: Plotted, look: Look, extent: Extent) -> None:
    groups = [
        group
        for group in groups_of(plotted.reference, plotted.map.points)
        if not look.hidden & {group.emotion, group.modality}
    ]
    for group in groups:
        _group(axes, group, plotted.map.points, look)
    if look.density:
        _densities(axes, groups, plotted.map.points, look.extent or extent)
    if look.lines:
        _lines(axes, plotted, look)
    _visitors(axes, plotted)
    _title(axes, plotted)
    axes.set(xticks=[], yticks=[])  # a map's axes have no meaning
    for spine in axes.spines.values():
        spine.set(color=INK, linewidth=0.4)


def _group(axes: Axes, group: Group, points: FloatArray, look: Look) -> None:
    """One emotion of one modality; points that are not selected are faint."""
    from matplotlib.patches import Ellipse

    colour = shade(group.emotion, group.leading)
    chosen = np.isin(group.rows, list(look.chosen)) | (not look.chosen)
    for rows, alpha in ((group.rows[chosen], PLAIN), (group.rows[~chosen], FAINT)):
        if len(rows):
            axes.scatter(
                points[rows, 0], points[rows, 1], s=5, c=colour, marker=MARKERS[group.leading],
                linewidths=0, alpha=alpha, zorder=2,
            )  # fmt: skip
    if not look.ellipses or group.ellipse is None:
        return
    width, height = (2 * std for std in group.ellipse.std)
    axes.add_patch(
        Ellipse(
            group.ellipse.centre, width, height, angle=group.ellipse.angle, fill=False,
            edgecolor=colour, linewidth=1.2, zorder=3, linestyle="-" if group.leading else "--",
        )
    )  # fmt: skip


def _densities(axes: Axes, groups: Sequence[Group], points: FloatArray, extent: Extent) -> None:
    """Contours of each emotion, in both modalities together."""
    for emotion in dict.fromkeys(group.emotion for group in groups):
        rows = np.concatenate([group.rows for group in groups if group.emotion == emotion])
        smooth = density(points[rows], extent)
        colour = EMOTION_COLOURS.get(emotion, EMOTION_COLOURS["other"])
        axes.contour(
            smooth.x, smooth.y, smooth.z, levels=LEVELS, colors=colour, linewidths=0.9, zorder=3
        )


def _lines(axes: Axes, plotted: Plotted, look: Look) -> None:
    """Faint lines of many natural pairs below the points, or a few of centroids above."""
    from matplotlib.collections import LineCollection

    reference = plotted.reference
    if look.hidden & set(reference.modalities):
        return
    natural = reference.pairing is Pairing.NATURAL
    of_line = reference.labels if natural else np.unique(reference.labels)
    shown = [reference.emotions[int(label)] not in look.hidden for label in of_line]
    axes.add_collection(
        LineCollection(
            list(pair_lines(reference, plotted.map)[np.array(shown, bool)]), colors=INK,
            zorder=1 if natural else 4, linewidths=0.15 if natural else 0.8,
            alpha=0.3 if natural else 0.8,
        )
    )  # fmt: skip


def _title(axes: Axes, plotted: Plotted) -> None:
    """The strategy, and below it what a refitted map was fitted with."""
    name = strategy_title(plotted.strategy)
    if plotted.refitted:
        axes.set_title(f"{name}\n{origin(plotted)}", fontsize=7.5, color=INK)
    else:
        axes.set_title(name, fontsize=9, color=INK)


def _visitors(axes: Axes, plotted: Plotted) -> None:
    """A visitor's clips: stars above everything, halves joined, numbered as on the page.

    A star has the colour of its half's own category, grey where the half was not judged alone. A
    clip that was changed is hollow, with a dashed line from where it was.
    """
    lead = plotted.reference.modalities[0]
    for visitor in plotted.visitors:
        points = np.array(list(visitor.places.values()))
        axes.plot(*points.T, color=INK, linewidth=1.0, zorder=5)
        for modality, (x, y) in visitor.places.items():
            if modality in visitor.origin:
                (x0, y0) = visitor.origin[modality]
                axes.plot([x0, x], [y0, y], color=INK, linewidth=0.9, linestyle="--", zorder=5)
            colour = shade(visitor.halves.get(modality, "other"), modality == lead)
            fill, edge = ("white", colour) if visitor.changed else (colour, INK)
            axes.scatter(
                [x], [y], s=110, c=fill, edgecolors=edge, marker="*", linewidths=0.9, zorder=6
            )
            axes.annotate(
                visitor.label, (x, y), (4, 4), textcoords="offset points", fontsize=7, color=INK,
                zorder=7,
            )  # fmt: skip


def _legend(figure: Figure, plotted: Plotted) -> None:
    from matplotlib.lines import Line2D

    def entry(colour: str, marker: str, label: str) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, linestyle="", markersize=5, label=label)

    reference = plotted.reference
    handles = [
        entry(EMOTION_COLOURS.get(e, EMOTION_COLOURS["other"]), "s", e) for e in reference.emotions
    ]
    for modality in reference.modalities:
        leading = modality == reference.modalities[0]
        handles.append(
            entry(
                "#444444" if leading else "#AAAAAA", MARKERS[leading], MODALITIES[modality].several
            )
        )
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), fontsize=7.5,
        frameon=False, handletextpad=0.2, columnspacing=1.2, labelcolor=INK,
    )  # fmt: skip


def _extent(panels: Sequence[Plotted]) -> tuple[Any, Any]:
    """Lowest and highest x, y of everything, with a margin: the same for all panels."""
    visitors = [visitor for panel in panels for visitor in panel.visitors]
    stars = [[at] for one in visitors for at in (*one.places.values(), *one.origin.values())]
    every = np.concatenate([*(p.map.points for p in panels), *stars])
    low, high = every.min(axis=0), every.max(axis=0)
    margin = MARGIN * (high - low).max()
    return low - margin, high + margin
