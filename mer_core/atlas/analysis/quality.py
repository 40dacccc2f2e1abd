"""How far a map can be trusted: two measures on neighbours, in the metric that it was fitted with.

Trustworthiness (Venna & Kaski 2001) falls when the map shows neighbours that are none;
neighbourhood preservation is the share of true neighbours that the map keeps. Neither measures
distances between clusters, which a UMAP map does not show.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.distances import distances, normalise_for_metric
from mer_core.atlas.maps import MapQuality
from mer_core.types import FloatArray

NEIGHBOURS = 15


def map_quality(
    vectors: FloatArray, points: FloatArray, metric: str, neighbours: int = NEIGHBOURS
) -> MapQuality:
    """Measure `points` (N, 2) as a map of `vectors` (N, D)."""
    count = len(vectors)
    neighbours = min(neighbours, (count - 1) // 2)  # the most for which the measure is defined
    true_order = _order(vectors, metric)  # (N, N - 1)
    map_order = _order(points, "euclidean")[:, :neighbours]
    rank = np.empty((count, count), dtype=np.int64)  # of true nearness, from 1
    np.put_along_axis(rank, true_order, np.arange(1, count)[None, :], axis=1)
    ranks = np.take_along_axis(rank, map_order, axis=1)
    excess = np.maximum(ranks - neighbours, 0).sum()
    worst = count * neighbours * (2 * count - 3 * neighbours - 1) / 2
    return MapQuality(
        trustworthiness=float(1 - excess / worst),
        preservation=float((ranks <= neighbours).mean()),
        neighbours=neighbours,
    )


def _order(vectors: FloatArray, metric: str) -> NDArray[np.int64]:
    """(N, N - 1): all others of each row, nearest first."""
    vectors = normalise_for_metric(vectors, metric)
    table = np.stack([distances(vectors, row, metric) for row in vectors])
    np.fill_diagonal(table, -np.inf)
    return np.argsort(table, axis=1, kind="stable")[:, 1:]
