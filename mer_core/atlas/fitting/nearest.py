"""Exact neighbours, to the bit those that UMAP finds for few points, without its compiling.

Below `FEW` points umap-learn asks its metric for every pair, one call each, and compiles a sort.
Here numpy says which vectors can be among the nearest, and UMAP's own metric is asked for those
alone: so the distances are the same bits, and the fit is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.distances import distances, prepared
from mer_core.types import FloatArray

FEW = 4096  # from here on UMAP searches approximately
Metric = Callable[[FloatArray, FloatArray], float]  # of two (D,) vectors, symmetric
Indices = NDArray[np.int32]


class ExactSearch:
    """All vectors of a fit, to be searched; UMAP takes it for the index that `transform` asks.

    Args:
        vectors: (N, D) float32, finite.
        metric: One of `distances.METRICS`.
        exact: The same one as UMAP computes it.
    """

    _angular_trees = False  # UMAP asks its index whether it has such; ours has no trees

    def __init__(self, vectors: FloatArray, metric: str, exact: Metric) -> None:
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.metric, self.exact = metric, exact
        self._prepared = prepared(self.vectors, metric)

    def query(
        self, queries: FloatArray, k: int, epsilon: float = 0.0
    ) -> tuple[Indices, FloatArray]:
        """(M, D) → indices and distances (M, K) of the K nearest, nearest first.

        Of equally near ones, those that stand first. `epsilon` is for approximate searches.
        """
        found = np.empty((len(queries), k), dtype=np.int32)
        away = np.empty((len(queries), k), dtype=np.float32)
        rough = prepared(queries, self.metric)
        for row, query in enumerate(np.ascontiguousarray(queries, dtype=np.float32)):
            near = self._candidates(rough[row], k)
            true = np.array([self.exact(query, self.vectors[i]) for i in near], dtype=np.float32)
            first = np.argsort(true, kind="stable")[:k]
            found[row], away[row] = near[first], true[first]
        return found, away

    def _candidates(self, query: FloatArray, k: int) -> NDArray[np.intp]:
        """Indices of all that may be among the K nearest, in order."""
        if not query.any():  # a cosine to nothing: what UMAP says of it is its own affair
            return np.arange(len(self.vectors))
        away = distances(self._prepared, query, self.metric)
        kth = np.partition(away, k - 1)[k - 1]
        # Twice the most that sums of D float32 can be wrong by, here and there.
        slack = 4 * len(query) * np.finfo(np.float32).eps * (1 + kth)
        return np.flatnonzero(away <= kth + slack)
