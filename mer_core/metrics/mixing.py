"""How well two modalities mix: the share of each point's neighbours that are of the other one.

The same function measures a joint cloud of embeddings and its map, so that number and picture can
be compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mer_core.metrics.clouds import among_nearest, distances_to_others, finite_rows

NEIGHBOURS = 15  # as many as a map's quality is measured with


def mixing(points: ArrayLike, modality: ArrayLike, k: int = NEIGHBOURS) -> float:
    """Share of the other modality among the `k` nearest other points, averaged over all points.

    0 = each modality keeps to itself; `random_mixing` = the modality makes no difference.

    Args:
        points: (N, D) embeddings of both modalities in one space, or (N, 2) points of a map.
        modality: (N,) which of the two modalities each point is of; any two values.
        k: If there are fewer other points, all of them are neighbours.

    Raises:
        ValueError: The points are not (N, D) or not finite, or not of two modalities.
    """
    rows, other = finite_rows(points, "points"), _differs(modality)
    if len(other) != len(rows):
        raise ValueError(f"Each of {len(rows)} points needs a modality, but {len(other)} have one.")
    k = min(k, len(rows) - 1)
    hits = among_nearest(distances_to_others(rows), k) * other  # (N, N)
    return float(hits.sum(axis=1).mean() / k)


def random_mixing(modality: ArrayLike) -> float:
    """What `mixing` is on average, for any `k`, if modalities are dealt to the points at random.

    Each of a point's N - 1 neighbours is then of the other modality with equal probability: with
    as many points of both, a little over 0.5. Raises what `mixing` raises.
    """
    other = _differs(modality)
    return float(other.sum() / (len(other) * (len(other) - 1)))


def _differs(modality: ArrayLike) -> NDArray[np.bool_]:
    """(N, N) bool, True where two points are of different modalities."""
    names = np.asarray(modality)
    if names.ndim != 1 or len(np.unique(names)) != 2:
        raise ValueError("Mixing needs points of two modalities.")
    return np.asarray(names[:, None] != names[None, :])
