"""Places on a map that can be named: where most points of one emotion and modality are.

A place is the mode of a group's density, not its mean, which may lie between two clusters. Where
another group is denser, no name would be true, so there is none: of points without structure, such
as shuffled labels, nothing is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.analysis.spread import Group, groups_of
from mer_core.atlas.plotted import Point
from mer_core.atlas.reference import Reference
from mer_core.types import FloatArray

BANDWIDTH = 0.025  # of the density, as a share of the map's diagonal
CORE = 0.25  # share of a group's points, those nearest to its mode, that are its core
DOMINANT = 0.5  # least share of the density at a place that its group must have

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Region:
    """One named place.

    Attributes:
        emotion: Its label.
        modalities: Those that lie there, the leading one first; two if they share the place.
        at: (x, y) on the map.
    """

    emotion: str
    modalities: tuple[str, ...]
    at: Point


def regions_of(reference: Reference, points: FloatArray) -> tuple[Region, ...]:
    """Named places of a map, emotion by emotion.

    The two modalities of an emotion share a place if their cores overlap: if their modes are no
    farther apart than the two cores' radii together.

    Args:
        reference: Whose labels and modalities.
        points: (2N, 2) in the order of `Reference.joint`, of any view of it.
    """
    cloud = points.astype(np.float64)
    bandwidth = BANDWIDTH * float(np.linalg.norm(np.ptp(cloud, axis=0))) or 1.0
    by_emotion: dict[str, list[Group]] = {}
    for group in groups_of(reference, points):
        by_emotion.setdefault(group.emotion, []).append(group)
    found: list[Region] = []
    for groups in by_emotion.values():
        parts = [groups] if _coincide(groups, cloud, bandwidth) else [[one] for one in groups]
        places = (_region(part, cloud, bandwidth) for part in parts)
        found += [place for place in places if place is not None]
    return tuple(found)


def _coincide(groups: Sequence[Group], cloud: Floats, bandwidth: float) -> bool:
    if len(groups) < 2:
        return False
    modes = [_mode(cloud[group.rows], bandwidth) for group in groups]
    cores = [
        float(np.quantile(np.linalg.norm(cloud[group.rows] - mode, axis=1), CORE))
        for group, mode in zip(groups, modes, strict=True)
    ]
    return bool(np.linalg.norm(modes[0] - modes[1]) <= sum(cores))


def _region(groups: Sequence[Group], cloud: Floats, bandwidth: float) -> Region | None:
    """The place of one group, or of several together; None where they do not dominate it."""
    own = cloud[np.concatenate([group.rows for group in groups])]
    mode = _mode(own, bandwidth)
    here = mode[None]
    share = _density(here, own, bandwidth)[0] / _density(here, cloud, bandwidth)[0]
    if share < DOMINANT:
        return None
    modalities = tuple(group.modality for group in groups)
    return Region(groups[0].emotion, modalities, (float(mode[0]), float(mode[1])))


def _mode(points: Floats, bandwidth: float) -> Floats:
    """(N, 2) → (2,), the point where they are densest."""
    return np.asarray(points[_density(points, points, bandwidth).argmax()])


def _density(at: Floats, points: Floats, bandwidth: float) -> Floats:
    """(M, 2) places and (N, 2) points → (M,) sums of Gaussian kernels."""
    square = np.square(at[:, None] - points[None]).sum(axis=2)  # (M, N)
    return np.asarray(np.exp(-square / (2 * bandwidth**2)).sum(axis=1))
