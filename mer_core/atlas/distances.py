"""Distances from many vectors to one, as UMAP measures them.

One vector at a time, so that it gets the same bits alone and among others: a matrix product of
another shape may be summed in another order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mer_core.types import FloatArray


def _cosine(many: FloatArray, one: FloatArray) -> FloatArray:
    return np.maximum(1 - many @ one, 0)


def _euclidean(many: FloatArray, one: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.square(many - one).sum(axis=1)))


def _manhattan(many: FloatArray, one: FloatArray) -> FloatArray:
    return np.asarray(np.abs(many - one).sum(axis=1))


METRICS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "cosine": _cosine,
    "euclidean": _euclidean,
    "manhattan": _manhattan,
}


def prepared(vectors: FloatArray, metric: str) -> FloatArray:
    """(N, D) float32 as `distances` takes it: of length 1 for cosines, else as it is."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if metric != "cosine":
        return vectors
    lengths = np.sqrt(np.square(vectors).sum(axis=1, keepdims=True))
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def distances(many: FloatArray, one: FloatArray, metric: str) -> FloatArray:
    """Prepared (N, D), prepared (D,) → (N,), never below 0."""
    return METRICS[metric](many, one)
