"""A map as it is shown: what a figure draws and a table lists."""

from __future__ import annotations

from dataclasses import dataclass, field

from mer_core.atlas.maps import AtlasMap
from mer_core.atlas.reference import Reference
from mer_core.types import FloatArray


@dataclass(frozen=True, eq=False)
class Plotted:
    """One map as it is shown.

    Attributes:
        reference: Whose points they are.
        map: Of the reference.
        strategy: Its name.
        stage: `before` or `after`.
        visitors: Modality → (M, 2) further points.
        emotions: Of the visitors' points, M categories; empty strings where there is none.
    """

    reference: Reference
    map: AtlasMap
    strategy: str
    stage: str
    visitors: dict[str, FloatArray] = field(default_factory=dict)
    emotions: tuple[str, ...] = ()
