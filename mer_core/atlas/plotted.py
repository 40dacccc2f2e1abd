"""A map as it is shown: what a figure draws and a table lists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mer_core.atlas.maps import AtlasMap
from mer_core.atlas.reference import Reference

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Visitor:
    """A visitor's clip on one map.

    Attributes:
        name: For people.
        emotion: The category assigned, or empty.
        places: Modality → its place, for the halves that the clip has.
        apart: Cosine distance of its two halves in the original space; NaN with one half.
        number: Drawn beside its stars; None for a clip without one.
    """

    name: str
    emotion: str
    places: Mapping[str, Point]
    apart: float = math.nan
    number: int | None = None


@dataclass(frozen=True, eq=False)
class Plotted:
    """One map as it is shown.

    Attributes:
        reference: Whose points they are.
        map: Of the reference.
        strategy: Its name.
        stage: `before` or `after`.
        visitors: Further clips.
        refitted: What the map was fitted with, in words, if it is not the stored one; or empty.
    """

    reference: Reference
    map: AtlasMap
    strategy: str
    stage: str
    visitors: tuple[Visitor, ...] = ()
    refitted: str = ""
