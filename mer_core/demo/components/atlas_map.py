"""The interactive map of the page "Alignment atlas": before | after, morph, all strategies.

A `gr.HTML` whose script draws with plotly.js. It has two properties: `reference`, the whole atlas
of one framework, sent once, and `view`, what is shown of it, sent after every change. An event of
the page sets one of them with `update(view=...)`.

Numbers are sent as `packed` writes them; what the linear view and the matrix need is in
`map_views`. The script computes lines and ellipses from the points, because they move with them;
`tests/browser/test_atlas_map.py` compares them with `atlas.analysis.spread`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.collection import CONTROL, Atlas, Chart
from mer_core.atlas.export.palette import shade
from mer_core.atlas.plotted import Point
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.components.map_story import named_places
from mer_core.demo.components.map_views import MapViews, visitor_views
from mer_core.demo.components.packed import Extent, extent_of, pack, pack_points, pack_shares
from mer_core.demo.panels.markup import CORPUS_TITLES
from mer_core.demo.panels.nouns import noun, several
from mer_core.demo.theme import DARK_CARD, LIGHT_CARD, STATIC, contrast
from mer_core.frameworks.descriptor import BEFORE, strategy_title
from mer_core.frameworks.variants import Terms
from mer_core.types import FloatArray

# Files in `static/atlas_map`, in one scope, in this order.
SCRIPTS = (
    "data", "changes", "paint", "figure", "gestures", "multiples", "words",
    "state", "matrix", "views", "regions", "trails", "overlay", "meter", "drawing", "motion",
    "pointing", "stepping", "cells", "main",
)  # fmt: skip
DISTANCE_STEPS = 65_535 / 2  # of a cosine distance, 0 to 2
# Least contrast of a dot with its card. Three for the dark shade, as WCAG 2.2 asks of graphics;
# the light shade has to stay light, and its triangle distinguishes it as well.
VISIBLE = {True: 3.0, False: 1.6}
CONTROL_TITLE = "random vectors"
MAX_CHOSEN = 24  # pairs that a selection sends

Places = Mapping[str, Mapping[ClipId, Mapping[str, Point]]]


@dataclass(frozen=True, eq=False)
class Redrawn:
    """A refitted map in place of a stored one.

    Attributes:
        points: (2N, 2) of the reference.
        stars: Clip's id → modality → its position.
        title: After the strategy's, in its caption.
        preserved: As in `AtlasMap`.
        places: From `map_story.named_places` of the points.
    """

    points: FloatArray
    stars: Mapping[ClipId, Mapping[str, Point]]
    title: str
    preserved: FloatArray | None = None
    places: Sequence[Mapping[str, Any]] = ()


def payload(atlas: Atlas) -> dict[str, Any]:
    """A framework's atlas as the property `reference`: plain JSON, 0.3 MB for 9 × 1000 pairs."""
    first = atlas.charts[BEFORE].reference
    extent = extent_of([chart.map.points for chart in atlas.charts.values()])
    views = MapViews(atlas)
    strategies = {
        name: _strategy(name, chart, extent) | views.strategy(name, chart)
        for name, chart in atlas.charts.items()
    }
    names = sorted({name for corpora in first.corpora.values() for name in corpora})
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
        "nouns": [{"one": noun(name), "many": several(name)} for name in first.modalities],
        "emotions": list(first.emotions),
        "labels": pack(first.labels, "<u1"),
        "corpora": {"names": titles, "codes": [pack(code, "<u1") for code in codes]},
        "colours": {
            mode: [[_visible(e, lead, card) for lead in (True, False)] for e in first.emotions]
            for mode, card in (("light", LIGHT_CARD), ("dark", DARK_CARD))
        },
        "extent": extent,
        "chosen": MAX_CHOSEN,
        "strategies": strategies,
        "control": None if atlas.control is None else _control(atlas.control, views),
        "views": views.framework(),
    }


def view(
    strategy: str,
    clips: Sequence[VisitorClip] = (),
    places: Places | None = None,
    redrawn: Mapping[str, Redrawn] | None = None,
    atlas: Atlas | None = None,
    story: Mapping[str, Any] | None = None,
    left: str = BEFORE,
) -> dict[str, Any]:
    """What is shown, as the property `view`.

    Args:
        strategy: On the right.
        clips: Of this visit, each drawn as a star; a changed one is hollow, with a trail from
            where its original is.
        places: Of the clips and of the originals of changed ones, from `atlas.visitor.stars`.
        redrawn: Refitted maps, by `before` (the left side) or `after`.
        atlas: Where the clips are in the linear view and the matrix; None leaves them out there.
        story: What is said of the maps, from `map_story.story`.
        left: Strategy on the left.
    """
    positions = places or {}
    elsewhere = [{} for _ in clips] if atlas is None else visitor_views(atlas, clips)
    visitors = [
        {
            "id": str(clip.id),
            "name": clip.name,
            "number": _number(clip),
            "changed": clip.changed,
            "emotion": {name: p.emotion for name, p in clip.predictions.items()},
            "halves": {
                name: {modality: clip.emotion_of(name, modality) for modality in clip.modalities}
                for name in clip.predictions
            },
            "points": _points(positions, clip.id),
            **_origin(positions, clip),
            **views,
        }
        for clip, views in zip(clips, elsewhere, strict=True)
    ]
    refits = {side: _redrawn(refitted) for side, refitted in (redrawn or {}).items()}
    return {
        "strategy": strategy,
        "left": left,
        "visitors": visitors,
        "refit": refits,
        "story": story or {},
    }


def update(**changed: Any) -> dict[str, Any]:
    """An event's answer that sets `view`, `reference` or both, and no other property.

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
    """The component; both properties can also be set later, with `update`.

    Events, to be read from a `gr.EventData`: `select` with `pairs` (rows of the reference, at most
    `MAX_CHOSEN`, spread evenly over the selection), `count` (pairs selected) and `clips` (ids), and
    `click` with `left` and `strategy`, which the two sides are to show.
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
    """The component's script: the files of `static/atlas_map` in one scope."""
    parts = [(STATIC / "atlas_map" / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    return "\n".join(['"use strict";', *parts])


def plotly_js() -> Path:
    """The plotly.js that comes with the Python package, without importing it.

    Raises:
        ModuleNotFoundError: The package is not installed.
    """
    package = find_spec("plotly")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("The map needs the package plotly: pip install plotly.")
    return Path(package.origin).parent / "package_data" / "plotly.min.js"


def _strategy(name: str, chart: Chart, extent: Extent) -> dict[str, Any]:
    distances = np.clip(np.nan_to_num(chart.reference.distances), 0, 2)
    return {
        "title": strategy_title(name),
        "papers": strategy_title(name, Terms.PAPERS),
        "places": named_places(chart.reference, chart.map.points),
        "xy": pack_points(chart.map.points, extent),
        "distance": pack(np.round(distances * DISTANCE_STEPS), "<u2"),
        "trustworthiness": round(chart.map.quality.trustworthiness, 3),
        "preservation": round(chart.map.quality.preservation, 3),
        "preserved": _preserved(chart.map.preserved),
    }


def _points(positions: Places, clip_id: ClipId) -> dict[str, dict[str, list[float]]]:
    """Strategy → modality → the clip's point."""
    return {name: _rounded(of_clip.get(clip_id, {})) for name, of_clip in positions.items()}


def _origin(positions: Places, clip: VisitorClip) -> dict[str, Any]:
    """Where a changed clip's trail begins; nothing for a clip as it was recorded."""
    if clip.origin is None:
        return {}
    return {"origin": {"id": str(clip.origin.id), "points": _points(positions, clip.origin.id)}}


def _redrawn(refitted: Redrawn) -> dict[str, Any]:
    extent = extent_of([refitted.points])
    return {
        "title": refitted.title,
        "extent": extent,
        "xy": pack_points(refitted.points, extent),
        "places": list(refitted.places),
        "preserved": _preserved(refitted.preserved),
        "points": {str(clip_id): _rounded(star) for clip_id, star in refitted.stars.items()},
    }


def _control(chart: Chart, views: MapViews) -> dict[str, Any]:
    """Like a strategy, in an extent of its own: a map of nothing is wider than the others."""
    extent = extent_of([chart.map.points])
    about = _strategy(CONTROL, chart, extent) | views.strategy(CONTROL, chart)
    return {
        **about,
        "title": CONTROL_TITLE,
        "papers": CONTROL_TITLE,
        "extent": extent,
    }


def _preserved(shares: FloatArray | None) -> str | None:
    return None if shares is None else pack_shares(shares, 0, 1)


def _rounded(points: Mapping[str, Point]) -> dict[str, list[float]]:
    return {name: [round(float(x), 4), round(float(y), 4)] for name, (x, y) in points.items()}


def _number(clip: VisitorClip) -> str:
    """The label of a star: the clip's number, with a prime for a changed clip."""
    return f"{clip.number or ''}{'′' if clip.changed else ''}"


def _visible(emotion: str, leading: bool, card: str) -> str:
    """The map's shade of an emotion, moved away from `card` until it is visible on it."""
    fill = shade(emotion, leading)
    target = 0 if card == LIGHT_CARD else 255
    channels = [int(fill[i : i + 2], 16) for i in (1, 3, 5)]
    for step in range(101):
        mixed = (round(c + (target - c) * step / 100) for c in channels)
        colour = "#{:02X}{:02X}{:02X}".format(*mixed)
        if contrast(colour, card) >= VISIBLE[leading]:
            return colour
    raise AssertionError("either black or white is visible on each card")
