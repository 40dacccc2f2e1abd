"""The interactive map of the page "Alignment atlas": before | after, morph, all strategies.

A `gr.HTML` whose script draws with plotly.js. It has two properties that Python sets singly:
`reference`, the whole atlas of one framework (sent once), and `view`, what is shown of it (sent
after every change). So an event of the page returns `update(view=...)`.

Points of a map travel as base64 of 16-bit numbers: two of them per point, spread over the extent
that is sent with them. Lines and ellipses are drawn by the script from the points themselves, as
they have to move with them; `tests/browser/test_atlas_map.py` compares them with `atlas.spread`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.export.palette import shade
from mer_core.atlas.plotted import Point
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.markup import CORPUS_TITLES
from mer_core.demo.theme import DARK_CARD, LIGHT_CARD, STATIC, contrast
from mer_core.frameworks.descriptor import BEFORE, strategy_title
from mer_core.types import FloatArray

# In `atlas_map/`; they share one scope, in this order.
SCRIPTS = (
    "data", "paint", "figure", "gestures", "multiples", "words",
    "state", "drawing", "motion", "pointing", "stepping", "main",
)  # fmt: skip
STEPS = 65_534  # of a 16-bit position
DISTANCE_STEPS = 65_535 / 2  # of a cosine distance, 0 to 2
# Contrast that a dot has with its card at least. Three, as WCAG 2.2 asks of graphics, for the
# dark shade; the light one has to stay light, and the triangle tells it apart as well.
VISIBLE = {True: 3.0, False: 1.6}
MAX_CHOSEN = 24  # pairs that a selection reports

Places = Mapping[str, Mapping[str, Mapping[str, Point]]]
Extent = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Redrawn:
    """A refitted map that stands in for a side's own.

    Attributes:
        points: (2N, 2) of the reference.
        stars: Clip's id → modality → its place.
        title: What it is, in words.
    """

    points: FloatArray
    stars: Mapping[str, Mapping[str, Point]]
    title: str


def payload(atlas: Atlas) -> dict[str, Any]:
    """A framework's atlas for the property `reference`: plain JSON, 0.14 MB for 9 × 1000 pairs."""
    first = atlas.charts[BEFORE].reference
    extent = _extent([chart.map.points for chart in atlas.charts.values()])
    names = sorted({name for of_one in first.corpora.values() for name in of_one})
    codes = [
        np.array([names.index(name) for name in first.corpora[modality]])
        for modality in first.modalities
    ]
    titles = [CORPUS_TITLES.get(name, name) for name in names]
    return {
        "framework": atlas.framework,
        "before": BEFORE,
        "pairing": first.pairing,
        "modalities": list(first.modalities),
        "emotions": list(first.emotions),
        "labels": _base64(first.labels, "<u1"),
        "corpora": {"names": titles, "codes": [_base64(of_one, "<u1") for of_one in codes]},
        "colours": {
            mode: [[_visible(e, lead, card) for lead in (True, False)] for e in first.emotions]
            for mode, card in (("light", LIGHT_CARD), ("dark", DARK_CARD))
        },
        "extent": extent,
        "chosen": MAX_CHOSEN,
        "strategies": {name: _strategy(name, c, extent) for name, c in atlas.charts.items()},
    }


def view(
    strategy: str,
    clips: Sequence[VisitorClip] = (),
    places: Places | None = None,
    redrawn: Mapping[str, Redrawn] | None = None,
) -> dict[str, Any]:
    """What is shown, for the property `view`.

    Args:
        strategy: On the map "after".
        clips: Of this visit, each drawn as a star; a changed one is hollow.
        places: Of the clips, as `atlas.visitor.stars` gives them.
        redrawn: Refitted maps, under `before` or `after` or both.
    """
    placed = places or {}
    visitors = [
        {
            "id": clip.id,
            "name": clip.name,
            "number": _number(clip),
            "changed": clip.changed,
            "emotion": {name: p.emotion for name, p in clip.predictions.items()},
            "points": {name: _rounded(of_one.get(clip.id, {})) for name, of_one in placed.items()},
        }
        for clip in clips
    ]
    refits = {side: _redrawn(shown) for side, shown in (redrawn or {}).items()}
    return {
        "strategy": strategy,
        "title": strategy_title(strategy),
        "visitors": visitors,
        "refit": refits,
    }


def update(**changed: Any) -> dict[str, Any]:
    """An event's answer that sets `view` or `reference` or both, and leaves the rest alone.

    Raises:
        ValueError: Another property.
    """
    if not changed.keys() <= {"view", "reference"}:
        raise ValueError(f"The map has a view and a reference, not {', '.join(changed)}.")
    return gr.update(**changed)


def atlas_map(
    reference: dict[str, Any] | None = None,
    view: dict[str, Any] | None = None,
    elem_id: str = "atlas-map",
) -> gr.HTML:
    """The component; both properties may also come later, by `update`.

    Its events: `select` with `pairs` (rows of the reference, at most `MAX_CHOSEN`, evenly spread
    over what was chosen), `count` (pairs that were) and `clips` (ids); `click` with `strategy`.
    Both are read from a `gr.EventData`.
    """
    library = plotly_js()
    gr.set_static_paths(library)
    return gr.HTML(
        html_template=(STATIC / "atlas_map.html").read_text("utf-8"),
        js_on_load=script(),
        apply_default_css=False,
        elem_id=elem_id,
        plotly=library.as_posix(),
        reference=reference,
        view=view,
    )


def script() -> str:
    """What runs in the page: the files of `atlas_map/` in one scope."""
    parts = [(STATIC / "atlas_map" / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    return "\n".join(['"use strict";', *parts])


def plotly_js() -> Path:
    """The plotly.js that comes with the Python package, which is not imported for it.

    Raises:
        ModuleNotFoundError: The package is not installed.
    """
    found = find_spec("plotly")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("The map needs the package plotly: pip install plotly.")
    return Path(found.origin).parent / "package_data" / "plotly.min.js"


def encode(points: FloatArray, extent: Extent) -> str:
    """(P, 2) positions inside `extent` (x0, y0, x1, y1) → base64 of little-endian int16."""
    low, high = np.array(extent[:2]), np.array(extent[2:])
    shares = (points.astype(np.float64) - low) / np.maximum(high - low, 1e-12)
    return _base64(np.round(np.clip(shares, 0, 1) * STEPS) - STEPS // 2, "<i2")


def _strategy(name: str, chart: Chart, extent: Extent) -> dict[str, Any]:
    distances = np.clip(np.nan_to_num(chart.reference.distances), 0, 2)
    return {
        "title": strategy_title(name),
        "xy": encode(chart.map.points, extent),
        "distance": _base64(np.round(distances * DISTANCE_STEPS), "<u2"),
        "trustworthiness": round(chart.map.quality.trustworthiness, 3),
        "preservation": round(chart.map.quality.preservation, 3),
    }


def _redrawn(shown: Redrawn) -> dict[str, Any]:
    extent = _extent([shown.points])
    return {
        "title": shown.title,
        "extent": extent,
        "xy": encode(shown.points, extent),
        "points": {clip: _rounded(halves) for clip, halves in shown.stars.items()},
    }


def _rounded(halves: Mapping[str, Point]) -> dict[str, list[float]]:
    return {name: [round(float(x), 4), round(float(y), 4)] for name, (x, y) in halves.items()}


def _extent(maps: Sequence[FloatArray]) -> Extent:
    every = np.concatenate(maps)
    (x0, y0), (x1, y1) = every.min(axis=0).tolist(), every.max(axis=0).tolist()
    return x0, y0, x1, y1


def _base64(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values.astype(kind)).tobytes()).decode("ascii")


def _number(clip: VisitorClip) -> str:
    """What stands beside a star: the clip's number; a prime marks a changed one."""
    return f"{clip.number or ''}{'′' if clip.changed else ''}"


def _visible(emotion: str, leading: bool, card: str) -> str:
    """The map's shade of an emotion, moved away from `card` until it can be seen on it."""
    fill = shade(emotion, leading)
    target = 0 if card == LIGHT_CARD else 255
    channels = [int(fill[i : i + 2], 16) for i in (1, 3, 5)]
    for step in range(101):
        mixed = (round(c + (target - c) * step / 100) for c in channels)
        colour = "#{:02X}{:02X}{:02X}".format(*mixed)
        if contrast(colour, card) >= VISIBLE[leading]:
            return colour
    raise AssertionError("black and white can each be seen on one of the two cards")
