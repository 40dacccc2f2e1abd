"""How well two modalities mix: the share of each point's neighbours that are of the other one.

The same function measures a joint cloud of embeddings and its map, so that number and picture can
be compared. Ties count as the mean over all their orders, so a collapse scores as random mixing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mer_core.metrics.alignment import squared_distances

NEIGHBOURS = 15  # as many as a map's quality is measured with


def mixing(points: ArrayLike, modality: ArrayLike, k: int = NEIGHBOURS) -> float:
    """Share of the other modality among the `k` nearest other points, averaged over all points.

    0 = each modality keeps to itself, `random_mixing` = the modality makes no difference.

    Args:
        points: (N, D) embeddings of both modalities in one space, or (N, 2) points of a map.
        modality: (N,) which of the two modalities each point is of; any two values.
        k: Fewer points than that have all others as neighbours.

    Raises:
        ValueError: The points are not (N, D) or not finite, or not of two modalities.
    """
    rows, other = _finite(points), _differs(modality)
    if len(other) != len(rows):
        raise ValueError(f"Each of {len(rows)} points needs a modality, but {len(other)} have one.")
    distance = squared_distances(rows, rows)
    np.fill_diagonal(distance, np.inf)
    return float(share_of_nearest(distance, other, min(k, len(rows) - 1)).mean())


def random_mixing(modality: ArrayLike) -> float:
    """What `mixing` is expected to be if the modality makes no difference, for any `k`.

    Each of a point's N - 1 neighbours is of the other modality with equal probability; 0.5 and a
    little, if both modalities have as many points. Raises what `mixing` raises.
    """
    other = _differs(modality)
    return float(other.sum() / (len(other) * (len(other) - 1)))


def share_of_nearest(
    distance: NDArray[np.float64], wanted: NDArray[np.bool_], k: int
) -> NDArray[np.float64]:
    """(N,) share of `wanted` among the `k` columns of (N, M) `distance` that are nearest.

    Columns tied for the last ranks count with their probability of being among the k.
    """
    last = np.partition(distance, k - 1, axis=1)[:, k - 1 : k]  # (N, 1), the k-th smallest
    nearer, tied = distance < last, distance == last
    open_ranks = k - nearer.sum(axis=1)  # shared by the tied columns
    expected = open_ranks * (tied & wanted).sum(axis=1) / tied.sum(axis=1)
    return np.asarray(((nearer & wanted).sum(axis=1) + expected) / k)


def _finite(points: ArrayLike) -> NDArray[np.float64]:
    rows = np.asarray(points, dtype=np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ValueError(f"Points must be (N, D) and finite, but are {rows.shape}.")
    return rows


def _differs(modality: ArrayLike) -> NDArray[np.bool_]:
    """(N, N) bool, True where two points are of different modalities."""
    names = np.asarray(modality)
    if names.ndim != 1 or len(np.unique(names)) != 2:
        raise ValueError("Mixing needs points of two modalities.")
    return np.asarray(names[:, None] != names[None, :])
