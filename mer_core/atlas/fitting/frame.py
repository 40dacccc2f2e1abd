"""The common frame: one map rotated, mirrored, moved and resized onto another.

UMAP's axes have no meaning, so every fit comes out at another angle. Orthogonal Procrustes
(Schönemann 1966) removes that freedom and changes no neighbourhood.

Sizes are made equal (root mean square distance from the centre), not least-squares: where two maps
agree little, least squares would shrink the second one towards a dot, and a map that only looks
tighter would be taken for an aligned one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mer_core.types import FloatArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frame:
    """A similarity transform: `scale · (points − centre) @ rotation + shift`.

    Attributes:
        centre: (2,) which is subtracted first.
        rotation: (2, 2) orthogonal; mirrors where its determinant is −1.
        scale: Length in the frame of one unit of the points.
        shift: (2,) which is added last.
    """

    centre: Floats
    rotation: Floats
    scale: float
    shift: Floats

    def apply(self, points: NDArray[np.floating]) -> FloatArray:
        """(N, 2) → (N, 2) float32."""
        rotated = (points.astype(np.float64) - self.centre) @ self.rotation
        return np.asarray(self.scale * rotated + self.shift, dtype=np.float32)


def first_frame(points: NDArray[np.floating]) -> Frame:
    """For the map that others are brought onto: its centre at 0, its size 1, not rotated."""
    centre = points.mean(axis=0, dtype=np.float64)
    return Frame(centre, np.eye(2), 1 / _size(points - centre), np.zeros(2))


def align(points: NDArray[np.floating], onto: NDArray[np.floating]) -> Frame:
    """The frame that brings `points` (N, 2) closest to `onto` (N, 2), row by row, at equal size."""
    if points.shape != onto.shape:
        raise ValueError(f"Maps of {len(points)} and {len(onto)} points have no common frame.")
    centre, shift = points.mean(axis=0, dtype=np.float64), onto.mean(axis=0, dtype=np.float64)
    left, _, right = np.linalg.svd((points - centre).T @ (onto - shift))
    return Frame(centre, left @ right, _size(onto - shift) / _size(points - centre), shift)


def diagonal(points: NDArray[np.floating]) -> float:
    """Of the points' bounding box: the unit for errors on a map."""
    return float(np.linalg.norm(points.max(axis=0) - points.min(axis=0)))


def _size(centred: NDArray[np.floating]) -> float:
    """Root mean square distance from the centre; 1 for points that are all the same."""
    return float(np.sqrt(np.square(centred).sum(axis=1).mean())) or 1.0
