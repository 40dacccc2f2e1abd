"""What the maps say in words and marks, as part of the map's property `view`; all of it optional.

Named places, mixing, the distance of a visitor's halves, largest movers. Distances and neighbours
are those of the original space.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from mer_core.atlas.analysis.mixing import Mixing, mixing_of
from mer_core.atlas.analysis.movers import moved_halves, moved_points
from mer_core.atlas.analysis.regions import regions_of
from mer_core.atlas.collection import Atlas
from mer_core.atlas.maps import AtlasMap
from mer_core.atlas.reference import Reference
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.apart import key_sentence, on_line
from mer_core.demo.panels.movers import movers_list
from mer_core.frameworks.descriptor import BEFORE
from mer_core.types import FloatArray

CACHED = 64  # maps whose mixing is kept: all stored ones, and the latest refits
MOVED_POINTS, MOVED_HALVES = 5, 3  # listed


def story(
    atlas: Atlas,
    strategy: str,
    clips: Sequence[VisitorClip],
    chosen: VisitorClip | None,
    refitted: Sequence[AtlasMap] = (),
    left: str = BEFORE,
) -> dict[str, Any]:
    """What is said of the maps of two strategies.

    Args:
        atlas: Of the clips' framework.
        strategy: On the right.
        clips: The visitor's, and the one changed in the lab.
        chosen: The clip that the key sentence is about, one of `clips`; None without any.
        refitted: The visitor's maps on the left and the right, or none for the stored ones.
        left: Strategy on the left.
    """
    names = (left, strategy)
    if refitted:
        mixing = [
            _measured(atlas.charts[n].reference, m) for n, m in zip(names, refitted, strict=True)
        ]
    else:
        mixing = [_stored(atlas, name) for name in names]
    movers = (
        *moved_halves(atlas, strategy, clips, MOVED_HALVES, left),
        *moved_points(atlas, strategy, MOVED_POINTS, left),
    )
    changed = [clip for clip in clips if clip.changed and clip is not chosen]
    told = changed if chosen is None else [chosen, *changed]  # in the order of importance
    return {
        "mixing": [_mixing(one) for one in mixing],
        "apart": {str(clip.id): [on_line(atlas, name, clip) for name in names] for clip in told},
        "key": "" if chosen is None else key_sentence(atlas, strategy, chosen),
        "movers": movers_list(
            atlas.charts[BEFORE].reference, movers, {clip.id: clip.name for clip in clips}
        ),
        "trails": {
            "points": [mover.point for mover in movers if mover.point is not None],
            "halves": [f"{m.clip} {m.modality}" for m in movers if m.clip is not None],
        },
    }


def named_places(reference: Reference, points: FloatArray) -> list[dict[str, Any]]:
    """Regions of one view of the reference: groups as the map numbers them, and where they are.

    A group is an emotion's index; those of the partner follow after all of the leading modality.
    """
    kinds = len(reference.emotions)
    return [
        {
            "groups": [
                reference.emotions.index(region.emotion) + kinds * reference.modalities.index(name)
                for name in region.modalities
            ],
            "at": [round(axis, 4) for axis in region.at],
        }
        for region in regions_of(reference, points)
    ]


def _stored(atlas: Atlas, strategy: str) -> Mixing:
    """Of a stored map: what ships with the atlas, or else measured."""
    chart = atlas.charts[strategy]
    return atlas.mixing.get(strategy) or _measured(chart.reference, chart.map)


@lru_cache(maxsize=CACHED)
def _measured(reference: Reference, atlas_map: AtlasMap) -> Mixing:
    return mixing_of(reference, atlas_map.points)


def _mixing(measured: Mixing) -> dict[str, float]:
    return {
        "space": round(measured.embeddings, 4),
        "map": round(measured.map, 4),
        "even": round(measured.by_chance, 4),
    }
