"""The groups of a map: centroids, mean ± std ellipses, and the lines between modalities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.maps import AtlasMap
from mer_core.atlas.reference import Pairing, Reference
from mer_core.types import FloatArray

MIN_POINTS = 3  # for an ellipse


@dataclass(frozen=True)
class Ellipse:
    """Mean ± one standard deviation along its two main axes.

    Attributes:
        centre: (x, y).
        std: Along the longer and the shorter axis, in the map's unit.
        angle: Of the longer axis against x, degrees, in (−90, 90].
    """

    centre: tuple[float, float]
    std: tuple[float, float]
    angle: float


@dataclass(frozen=True, eq=False)
class Group:
    """One emotion in one modality.

    Attributes:
        modality: Its name.
        leading: Whether it is the pair's leading one.
        emotion: Its name.
        rows: Indices into the map's points.
        ellipse: None for fewer than `MIN_POINTS` points.
    """

    modality: str
    leading: bool
    emotion: str
    rows: NDArray[np.int64]
    ellipse: Ellipse | None


def ellipse_of(points: FloatArray) -> Ellipse:
    """(N, 2) → their mean and the main axes of their covariance (divided by N)."""
    exact = points.astype(np.float64)
    centre = exact.mean(axis=0)
    variances, axes = np.linalg.eigh((exact - centre).T @ (exact - centre) / len(exact))
    short, long = np.sqrt(np.maximum(variances, 0))  # in ascending order
    angle = float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))
    angle = angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle
    return Ellipse((float(centre[0]), float(centre[1])), (float(long), float(short)), angle)


def groups_of(reference: Reference, points: FloatArray) -> list[Group]:
    """Every emotion in every modality that has points, the leading modality first."""
    groups = []
    for offset, modality in enumerate(reference.modalities):
        for index, emotion in enumerate(reference.emotions):
            rows = np.flatnonzero(reference.labels == index) + offset * len(reference)
            if not len(rows):
                continue
            ellipse = ellipse_of(points[rows]) if len(rows) >= MIN_POINTS else None
            groups.append(Group(modality, offset == 0, emotion, rows, ellipse))
    return groups


def pair_lines(reference: Reference, atlas_map: AtlasMap) -> FloatArray:
    """(L, 2, 2) ends of lines to draw: of each natural pair, else of each emotion's two centroids.

    A pair by label is one random draw of many; a line between its halves would show the draw.
    """
    points, count = atlas_map.points, len(reference)
    if reference.pairing is Pairing.NATURAL:
        return np.stack([points[:count], points[count:]], axis=1)
    lines = []
    for index in np.unique(reference.labels):
        rows = np.flatnonzero(reference.labels == index)
        lines.append([points[rows].mean(axis=0), points[rows + count].mean(axis=0)])
    return np.array(lines, dtype=np.float32)
