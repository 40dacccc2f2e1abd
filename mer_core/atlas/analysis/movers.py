"""Largest movers: what changed its company most between two strategies, such as none and all.

Two spaces have no common coordinates, and a map no distances, so a movement is measured by
neighbours in the original space: each of the `SURROUNDING` nearest recordings is of one kind, an
emotion in a modality, and the change is the share of them whose kind is another one than before
(total variation of the two distributions of kinds). A point whose neighbours were exchanged for
others of the same kinds has not moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.analysis.neighbours import CACHED, MIN_SHARE, SURROUNDING, Surroundings
from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.collection import Atlas
from mer_core.atlas.reference import Reference
from mer_core.atlas.visitor import VisitorClip
from mer_core.frameworks.descriptor import BEFORE
from mer_core.metrics.clouds import (
    among_nearest,
    distances_to_others,
    normalised,
    squared_distances,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mover:
    """One half that changed its company.

    Attributes:
        modality: Its modality.
        change: Share of its neighbours whose kind is another one than before, 0 to 1.
        before: Its neighbours under the first strategy.
        after: Those under the second.
        point: Index into `Reference.joint`; None for a half of a visitor's clip.
        clip: Id of the visitor's clip; None for a point of the reference.
    """

    modality: str
    change: float
    before: Surroundings
    after: Surroundings
    point: int | None = None
    clip: ClipId | None = None


def moved_points(atlas: Atlas, strategy: str, most: int, start: str = BEFORE) -> tuple[Mover, ...]:
    """Points of the reference that changed most, at most `most`; of equal ones, the first.

    A recording that occurs in several pairs is listed once. Points that did not change are left
    out, so that from a strategy to itself there are none.
    """
    reference = atlas.charts[BEFORE].reference
    before, after = (_kinds(atlas.charts[name].reference) for name in (start, strategy))
    change = _change(before, after)
    found: list[Mover] = []
    for point in np.argsort(-change, kind="stable").tolist():
        if len(found) == most or change[point] == 0:
            break
        if any(_same_recording(reference, point, other.point) for other in found):
            continue
        found.append(
            Mover(
                reference.modalities[point // len(reference)],
                float(change[point]),
                _surroundings(reference, before[point]),
                _surroundings(reference, after[point]),
                point,
            )
        )
    return tuple(found)


def moved_halves(
    atlas: Atlas, strategy: str, clips: Sequence[VisitorClip], most: int, start: str = BEFORE
) -> tuple[Mover, ...]:
    """Halves of a visitor's clips that changed most, at most `most`; of equal ones, the first."""
    sides = (start, strategy)
    halves = [_moved_half(atlas, sides, clip, m) for clip in clips for m in clip.modalities]
    halves.sort(key=lambda mover: -mover.change)
    return tuple(mover for mover in halves[:most] if mover.change > 0)


def _moved_half(atlas: Atlas, sides: tuple[str, str], clip: VisitorClip, modality: str) -> Mover:
    reference = atlas.charts[BEFORE].reference
    before, after = (_kinds_of(atlas, name, clip, modality) for name in sides)
    return Mover(
        modality,
        float(_change(before, after)[0]),
        _surroundings(reference, before[0]),
        _surroundings(reference, after[0]),
        clip=clip.id,
    )


def _change(before: Floats, after: Floats) -> Floats:
    """(N, G) and (N, G) shares of kinds → (N,) total variation, free of rounding errors."""
    return np.asarray(np.round(np.abs(after - before).sum(axis=1) / 2, 9))


@lru_cache(maxsize=CACHED)
def _kinds(reference: Reference) -> Floats:
    """(2N, G) shares of kinds among the neighbours of every point, itself left out."""
    return _shares(distances_to_others(normalised(reference.joint)), reference)


def _kinds_of(atlas: Atlas, strategy: str, clip: VisitorClip, modality: str) -> Floats:
    """(1, G) of one half of a clip."""
    reference, vector = atlas.charts[strategy].reference, clip.vector(strategy, modality)
    assert vector is not None, "a clip has the same halves under every strategy"
    distance = squared_distances(normalised(vector[None]), normalised(reference.joint))
    return _shares(distance, reference)


def _shares(distance: Floats, reference: Reference) -> Floats:
    """(M, 2N) distances → (M, G) shares of the G kinds among the nearest, the leading ones first.

    Points tied for the last ranks count with their probability of being among them.
    """
    labels, kinds = reference.labels, len(reference.emotions)
    kind = np.eye(2 * kinds)[np.concatenate([labels, labels + kinds])]  # (2N, G)
    k = min(SURROUNDING, distance.shape[1] - 1)
    return among_nearest(distance, k) @ kind / k


def _surroundings(reference: Reference, kinds: Floats) -> Surroundings:
    """(G,) shares of kinds, in summary."""
    table = kinds.reshape(2, -1)  # (modality, emotion)
    emotions, halves = table.sum(axis=0), table.sum(axis=1)
    frequent = [m for m in np.argsort(-halves, kind="stable") if halves[m] >= MIN_SHARE]
    first = int(emotions.argmax())
    modalities = tuple(reference.modalities[m] for m in frequent)
    return Surroundings(reference.emotions[first], float(emotions[first]), modalities)


def _same_recording(reference: Reference, point: int, other: int | None) -> bool:
    """Whether two points are one recording, drawn for two pairs."""
    vectors, count = reference.joint, len(reference)
    assert other is not None
    same_half = point // count == other // count
    return same_half and bool(np.array_equal(vectors[point], vectors[other]))
