"""A visitor's clip among the reference in the original space, before and after alignment.

A map is for the eye; distances are measured in the space that it was made from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.collection import Atlas
from mer_core.atlas.distances import SAME, distances, normalise_for_metric
from mer_core.atlas.reference import Reference
from mer_core.atlas.visitor import VisitorClip
from mer_core.frameworks.descriptor import BEFORE
from mer_core.types import FloatArray

SURROUNDING = 15  # neighbours that describe where a clip is; as many as UMAP uses
MIN_SHARE = 0.25  # of the neighbours, for a modality to be named among them
CACHED = 32  # references whose distances are kept: every strategy of both frameworks


@dataclass(frozen=True)
class Neighbour:
    """One recording of the reference.

    Attributes:
        modality: Which half of its pair.
        row: The pair.
        point: Index into `Reference.joint`, and so into the map's points.
        emotion: Its label.
        corpus: Its name.
        group: Its speaker, dialogue or picture.
        distance: Cosine distance, 0 (same direction) to 2.
        rank: 1 = nearest.
    """

    modality: str
    row: int
    point: int
    emotion: str
    corpus: str
    group: str
    distance: float
    rank: int


@dataclass(frozen=True)
class Surroundings:
    """The neighbours of a vector, in summary.

    Attributes:
        emotion: Their most frequent one; of equally frequent ones, that of the nearest.
        share: Of the neighbours that have this emotion, 0 to 1.
        modalities: Those with a share of at least `MIN_SHARE`, the most frequent first.
    """

    emotion: str
    share: float
    modalities: tuple[str, ...]


@dataclass(frozen=True)
class HalvesDistance:
    """How far the two halves of one clip are from each other.

    Attributes:
        distance: Cosine distance, 0 to 2.
        closer_than: Share of the reference's pairs of one emotion that are farther apart, 0 to 1:
            comparable between spaces, where distances are not.
    """

    distance: float
    closer_than: float


@dataclass(frozen=True)
class Movement:
    """What one strategy did to one clip, as (before, after).

    Attributes:
        surroundings: Modality → neighbours of that half.
        halves: Distance of its halves; None for a clip with one.
    """

    surroundings: Mapping[str, tuple[Surroundings, Surroundings]]
    halves: tuple[HalvesDistance, HalvesDistance] | None


def nearest(reference: Reference, vector: FloatArray, k: int = 5) -> tuple[Neighbour, ...]:
    """The k nearest recordings of both modalities by cosine; of ties, the first of the reference.

    A recording that occurs in several pairs is listed once, at its first row.

    Args:
        reference: Of the strategy that `vector` is from.
        vector: (D,).
        k: At most; the reference may have fewer.

    Raises:
        ValueError: `vector` is of another space or not finite, or k is below 1.
    """
    rows = _joint(reference)
    width = rows.shape[1]
    if vector.shape != (width,):
        raise ValueError(f"Embeddings of this reference are ({width},), not {vector.shape}.")
    if not np.isfinite(vector).all():
        raise ValueError("An embedding that is not finite has no neighbours.")
    if k < 1:
        raise ValueError(f"k must be 1 or more, but is {k}.")
    query = normalise_for_metric(vector[None], "cosine")[0]
    all_distances = distances(rows, query, "cosine")  # (2N,)
    listed: list[Neighbour] = []
    for point in np.argsort(all_distances, kind="stable"):
        distance = float(all_distances[point])
        neighbour = _neighbour(reference, int(point), distance, len(listed) + 1)
        if not any(_same_recording(rows, neighbour, other) for other in listed):
            listed.append(neighbour)
            if len(listed) == k:
                break
    return tuple(listed)


def movement(atlas: Atlas, strategy: str, clip: VisitorClip) -> Movement:
    """What `strategy` did to `clip`, compared with no alignment; of `BEFORE`, both are the same."""
    surroundings = {
        modality: (
            _surroundings(atlas, BEFORE, clip, modality),
            _surroundings(atlas, strategy, clip, modality),
        )
        for modality in clip.modalities
    }
    if len(clip.modalities) < 2:
        return Movement(surroundings, None)
    before, after = (_halves_distance(atlas, name, clip) for name in (BEFORE, strategy))
    return Movement(surroundings, (before, after))


def _surroundings(atlas: Atlas, strategy: str, clip: VisitorClip, modality: str) -> Surroundings:
    vector = _vector(clip, strategy, modality)
    near = nearest(atlas.charts[strategy].reference, vector, SURROUNDING)
    # Among equal counts, `Counter` keeps the order of first occurrence: that of the nearest.
    (emotion, count), *_ = Counter(n.emotion for n in near).most_common()
    modalities = Counter(n.modality for n in near).most_common()
    frequent = tuple(name for name, times in modalities if times / len(near) >= MIN_SHARE)
    return Surroundings(emotion, count / len(near), frequent)


def _halves_distance(atlas: Atlas, strategy: str, clip: VisitorClip) -> HalvesDistance:
    distance = clip.halves_distance(strategy)
    pairs = _same_emotion(atlas.charts[strategy].reference)
    farther = len(pairs) - int(np.searchsorted(pairs, distance, side="right"))
    tied = len(pairs) - farther - int(np.searchsorted(pairs, distance, side="left"))
    return HalvesDistance(distance, (farther + tied / 2) / len(pairs))


def _vector(clip: VisitorClip, strategy: str, modality: str) -> FloatArray:
    vector = clip.vector(strategy, modality)
    assert vector is not None, "a clip has the same halves under every strategy"
    return vector


def _neighbour(reference: Reference, point: int, distance: float, rank: int) -> Neighbour:
    second, row = divmod(point, len(reference))
    modality = reference.modalities[second]
    return Neighbour(
        modality,
        row,
        point,
        reference.emotions[int(reference.labels[row])],
        reference.corpora[modality][row],
        reference.groups[modality][row],
        distance,
        rank,
    )


def _same_recording(rows: FloatArray, one: Neighbour, other: Neighbour) -> bool:
    """Whether two points are one recording, drawn for two pairs."""
    if (one.modality, one.emotion, one.group) != (other.modality, other.emotion, other.group):
        return False
    return float(1 - rows[one.point] @ rows[other.point]) < SAME


@lru_cache(maxsize=CACHED)
def _joint(reference: Reference) -> FloatArray:
    """(2N, D) of length 1."""
    return normalise_for_metric(reference.joint, "cosine")


@lru_cache(maxsize=CACHED)
def _same_emotion(reference: Reference) -> NDArray[np.float32]:
    """Sorted cosine distances of every leading half to every partner of its emotion."""
    lead, partner = (
        normalise_for_metric(vectors, "cosine") for vectors in reference.embeddings.values()
    )
    same = reference.labels[:, None] == reference.labels[None, :]
    return np.sort(np.maximum(1 - lead @ partner.T, 0)[same])
