"""How well the modalities of a reference mix, in the original space and on its map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mer_core.atlas.reference import Reference
from mer_core.metrics.mixing import mixing, random_mixing
from mer_core.types import FloatArray


@dataclass(frozen=True)
class Mixing:
    """Share of a point's 15 nearest that are of the other modality, 0 to 1.

    Attributes:
        embeddings: By the angle between embeddings.
        map: By distance on the map: what the eye sees.
        by_chance: Where the modality makes no difference.
    """

    embeddings: float
    map: float
    by_chance: float


def mixing_of(reference: Reference, points: FloatArray) -> Mixing:
    """Measure `points` (2 N, 2), a map of `reference.joint`."""
    modality = np.repeat(reference.modalities, len(reference))
    return Mixing(
        mixing(reference.joint, modality), mixing(points, modality), random_mixing(modality)
    )
