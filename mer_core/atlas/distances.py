"""Distances from many vectors to one, in UMAP's metrics.

One vector at a time, so that it gets the same bits alone and among others: matrix products of
different shapes may add up in different orders.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mer_core.types import FloatArray

SAME = 1e-6  # float32 vectors closer than this are equal, up to rounding


def _cosine(rows: FloatArray, query: FloatArray) -> FloatArray:
    return np.maximum(1 - rows @ query, 0)


def _euclidean(rows: FloatArray, query: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.square(rows - query).sum(axis=1)))


def _manhattan(rows: FloatArray, query: FloatArray) -> FloatArray:
    return np.asarray(np.abs(rows - query).sum(axis=1))


METRICS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "cosine": _cosine,
    "euclidean": _euclidean,
    "manhattan": _manhattan,
}


def normalise_for_metric(vectors: FloatArray, metric: str) -> FloatArray:
    """(N, D) → (N, D) float32 as `distances` takes them: of length 1 for cosine, else unchanged."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if metric != "cosine":
        return vectors
    lengths = np.sqrt(np.square(vectors).sum(axis=1, keepdims=True))
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def distances(rows: FloatArray, query: FloatArray, metric: str) -> FloatArray:
    """(N, D) and (D,), both normalised for the metric → (N,), never below 0."""
    return METRICS[metric](rows, query)


def cosine_distance(one: FloatArray, other: FloatArray) -> float:
    """Of two vectors (D,) of any length: 0 (same direction) to 2."""
    first, second = (normalise_for_metric(vector[None], "cosine") for vector in (one, other))
    return float(distances(first, second[0], "cosine")[0])
