"""Placing a visitor's point on a fitted map: deterministic, independent of its batch, without umap.

`umap.transform` starts a new point at the mean of its neighbours' points, weighted by membership,
and then applies their pull and the push of other points, drawn at random: so the result depends on
the seed and on the batch, and takes seconds of compiling. Here the start is the same, and the
point goes where the *expected* pull and push cancel out, found by fixed-point steps. Measured
against `transform` on held-out points, in percent of the map's diagonal, median and 90th percentile
(`tests/benchmarks/placement.py`): 0.3 and 0.7 on maps of MGCMA heads, 0.5 and 1.3 on synthetic data
with weak clusters, each time less than `transform` differs from itself under another seed. Means
of the neighbours alone come to 0.6 and 2.7, and 1.6 and 3.7.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.distances import SAME, distances, normalise_for_metric
from mer_core.atlas.maps import AtlasMap
from mer_core.atlas.reference import Reference
from mer_core.types import FloatArray

# As in umap-learn:
NEGATIVES = 5.0  # negative samples, which push, per neighbour, which pulls
NEAR = 0.001  # keeps the push finite where two points meet
LARGEST_PUSH = 4.0  # in UMAP's unit, along each axis
NARROWEST = 1e-3  # bandwidth, as a share of the mean distance to the neighbours
# Ours:
STEPS = 40
RELAXATION = 0.5  # share of each step that is taken; full steps may oscillate
STILL = 1e-4  # in UMAP's unit: a step below it is the last

Floats = NDArray[np.float64]


class Placer:
    """Places points on one map."""

    def __init__(self, reference: Reference, atlas_map: AtlasMap) -> None:
        if 2 * len(reference) != len(atlas_map.points):
            raise ValueError(
                f"A map of {len(atlas_map.points)} points is not one of {len(reference)} pairs."
            )
        self.params, self.curve, self.scale = atlas_map.params, atlas_map.curve, atlas_map.scale
        self.vectors = normalise_for_metric(reference.joint, self.params.metric)  # (2N, D)
        self.points = atlas_map.points.astype(np.float64) / self.scale  # in UMAP's unit
        self.axes = np.ascontiguousarray(self.points.T, dtype=np.float32)  # (2, 2N)

    def place(self, vectors: FloatArray) -> FloatArray:
        """(M, D) embeddings of either modality → (M, 2) in the map's frame.

        Raises:
            ValueError: Not (M, D), or not finite.
        """
        width = self.vectors.shape[1]
        if vectors.ndim != 2 or vectors.shape[1] != width:
            raise ValueError(f"Embeddings on this map are (M, {width}), not {vectors.shape}.")
        if not np.isfinite(vectors).all():
            raise ValueError("An embedding that is not finite cannot be placed on a map.")
        points = np.empty((len(vectors), 2), dtype=np.float32)
        for point, vector in zip(points, vectors, strict=True):
            query = normalise_for_metric(vector[None], self.params.metric)[0]
            point[:] = self._place(query) * self.scale
        return points

    def _place(self, query: FloatArray) -> Floats:
        """(D,) → (2,) in UMAP's unit."""
        all_distances = distances(self.vectors, query, self.params.metric)  # (2N,)
        nearest = np.argsort(all_distances, kind="stable")[: self.params.n_neighbors]
        near: Floats = all_distances[nearest].astype(np.float64)
        neighbours = self.points[nearest]
        if near[0] < SAME:  # that very vector is on the map
            return neighbours[0]
        weights = memberships(near)
        start = weights @ neighbours / weights.sum()
        return self._settle(start, neighbours, weights / weights.max())

    def _settle(self, point: Floats, neighbours: Floats, weights: Floats) -> Floats:
        """The point near `point` (2,) where pull and push cancel out.

        The pull is a weighted mean of the neighbours, with weights that depend on the point: each
        step solves for the point with weights and push held fixed, and goes half-way there.
        """
        a, b = self.curve
        push_share = NEGATIVES * weights.sum()
        for _ in range(STEPS):
            square = np.maximum(np.square(point - neighbours).sum(axis=1), NEAR**2)  # (K,)
            pull = 2 * a * b * square ** (b - 1) / (1 + a * square**b) * weights
            target = (pull @ neighbours + push_share * self._push(point)) / pull.sum()
            step = RELAXATION * (target - point)
            point = point + step
            if np.abs(step).max() < STILL:
                break
        return point

    def _push(self, point: Floats) -> Floats:
        """(2,) mean push of all points: the expected push of a random one."""
        a, b = self.curve
        offsets = point.astype(np.float32)[:, None] - self.axes  # (2, 2N)
        square = np.square(offsets).sum(axis=0)
        strength = 2 * b / ((NEAR + square) * (1 + a * square**b))
        pushes = np.clip(strength * offsets, -LARGEST_PUSH, LARGEST_PUSH)
        return np.asarray(pushes.mean(axis=1), dtype=np.float64)


def memberships(distances: Floats) -> Floats:
    """How much each of K neighbours belongs to a point, 0 to 1; `distances` (K,) sorted.

    exp(−d / σ), with σ such that all memberships but the nearest one's sum to log2 K, as UMAP has
    it for new points.
    """
    target, low, high, width = np.log2(len(distances)), 0.0, np.inf, float(distances.mean())
    for _ in range(64):
        total = np.exp(-distances[1:] / width).sum()
        if abs(total - target) < 1e-5:
            break
        if total > target:
            high = width
            width = (low + high) / 2
        else:
            low = width
            width = width * 2 if high == np.inf else (low + high) / 2
    width = max(width, NARROWEST * float(distances.mean()))
    return np.asarray(np.exp(-distances / width))


def place_on_all(
    placers: Mapping[str, Placer], vectors: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """Strategy → points (M, 2), of that strategy's embeddings (M, D) of the same M recordings."""
    return {name: placers[name].place(embeddings) for name, embeddings in vectors.items()}
