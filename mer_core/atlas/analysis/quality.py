"""How far a map can be trusted: two measures on neighbours, in the metric that it was fitted with.

Trustworthiness (Venna & Kaski 2001) falls when the map shows neighbours that are none;
neighbourhood preservation is the share of true neighbours that the map keeps. Neither measures
distances between clusters, which a UMAP map does not show. Both are means over points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.distances import distances, normalise_for_metric
from mer_core.atlas.maps import MapQuality
from mer_core.types import FloatArray

NEIGHBOURS = 15


@dataclass(frozen=True, eq=False)
class PointQuality:
    """Both measures of each point.

    Attributes:
        trustworthiness: (N,) 1 = each of its neighbours on the map is a true one, 0 = they are the
            farthest points.
        kept: (N,) how many of its true neighbours are its neighbours on the map.
        neighbours: How many neighbours were looked at.
    """

    trustworthiness: NDArray[np.float64]
    kept: NDArray[np.int64]
    neighbours: int

    @property
    def mean(self) -> MapQuality:
        """Of the whole map."""
        preservation = float(self.kept.mean()) / self.neighbours
        return MapQuality(float(self.trustworthiness.mean()), preservation, self.neighbours)


def point_quality(
    vectors: FloatArray, points: FloatArray, metric: str, neighbours: int = NEIGHBOURS
) -> PointQuality:
    """Measure `points` (N, 2) as a map of `vectors` (N, D)."""
    count = len(vectors)
    neighbours = min(neighbours, (count - 1) // 2)  # the most for which the measure is defined
    true_order = _order(vectors, metric)  # (N, N - 1)
    map_order = _order(points, "euclidean")[:, :neighbours]
    rank = np.empty((count, count), dtype=np.int64)  # of true nearness, from 1
    np.put_along_axis(rank, true_order, np.arange(1, count)[None, :], axis=1)
    ranks = np.take_along_axis(rank, map_order, axis=1)
    excess = np.maximum(ranks - neighbours, 0).sum(axis=1)
    worst = neighbours * (2 * count - 3 * neighbours - 1) / 2
    return PointQuality(1 - excess / worst, (ranks <= neighbours).sum(axis=1), neighbours)


def _order(vectors: FloatArray, metric: str) -> NDArray[np.int64]:
    """(N, N - 1): all others of each row, nearest first."""
    vectors = normalise_for_metric(vectors, metric)
    table = np.stack([distances(vectors, row, metric) for row in vectors])
    np.fill_diagonal(table, -np.inf)
    return np.argsort(table, axis=1, kind="stable")[:, 1:]
