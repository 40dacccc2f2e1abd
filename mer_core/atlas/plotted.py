"""A map as figures draw it and tables list it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mer_core.atlas.maps import AtlasMap
from mer_core.atlas.reference import Reference

Point = tuple[float, float]


class Stage(StrEnum):
    """Which side of a comparison a map is on."""

    BEFORE = "before"  # the network without alignment
    AFTER = "after"


@dataclass(frozen=True, eq=False)
class Visitor:
    """A visitor's clip on one map.

    Attributes:
        name: For people.
        emotion: The predicted category, or empty.
        places: Modality → point on the map, for the halves that the clip has.
        halves_distance: Cosine distance of its two halves in the original space; NaN with one half.
        number: Drawn beside its stars; None for a clip without one.
        halves: Modality → the category of that half alone; without those that were not judged.
        changed: Whether it was changed in the lab.
        origin: Modality → where a changed clip was before.
    """

    name: str
    emotion: str
    places: Mapping[str, Point]
    halves_distance: float = math.nan
    number: int | None = None
    halves: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False
    origin: Mapping[str, Point] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What is written beside its stars: the number, with a prime for a changed clip."""
        return f"{self.number or ''}{'′' if self.changed else ''}"


@dataclass(frozen=True, eq=False)
class Plotted:
    """One panel of a figure, one block of a table.

    Attributes:
        reference: Whose points they are.
        map: Of the reference.
        strategy: Its name.
        stage: Before or after alignment.
        visitors: Further clips.
        refitted: The map is a visitor's refit, not the stored one.
    """

    reference: Reference
    map: AtlasMap
    strategy: str
    stage: Stage
    visitors: tuple[Visitor, ...] = ()
    refitted: bool = False
