"""Who lies next to a visitor's clip in the original space, and what alignment did to it.

Places on a map are for the eye; distances are quoted from the space that the map was made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.collection import Atlas
from mer_core.atlas.distances import distances, prepared
from mer_core.atlas.reference import Reference
from mer_core.atlas.visitor import VisitorClip
from mer_core.frameworks.descriptor import BEFORE
from mer_core.types import FloatArray

AROUND = 15  # neighbours whose majority says where a clip lies; as many as UMAP looks at
SHARED = 0.25  # of the neighbours; a modality from here on is said to be among them
SAME = 1e-6  # cosine distance below which two rows of one speaker are one recording
KEPT = 32  # references whose distances are kept: every strategy of both frameworks


@dataclass(frozen=True)
class Neighbour:
    """One recording of the reference.

    Attributes:
        modality: Which half of its pair.
        row: The pair.
        point: Index into `Reference.joint`, and so into the map's points.
        emotion: Its label.
        corpus: Where it is from.
        group: Its speaker, dialogue or picture.
        distance: Cosine distance, 0 (same direction) to 2.
        place: 1 = nearest.
    """

    modality: str
    row: int
    point: int
    emotion: str
    corpus: str
    group: str
    distance: float
    place: int


@dataclass(frozen=True)
class Surroundings:
    """Among whom a vector lies.

    Attributes:
        emotion: The most frequent one of the neighbours; of several, that of the nearest.
        share: Of the neighbours that have it, 0 to 1.
        modalities: Those with a share of at least `SHARED`, the most frequent first.
    """

    emotion: str
    share: float
    modalities: tuple[str, ...]


@dataclass(frozen=True)
class Apart:
    """How far the two halves of one clip are from each other.

    Attributes:
        distance: Cosine distance, 0 to 2.
        closer_than: Share of the reference's pairs of one emotion that are farther apart, 0 to 1;
            it compares distances of different spaces.
    """

    distance: float
    closer_than: float


@dataclass(frozen=True)
class Movement:
    """What one strategy did to one clip, as (before, after).

    Attributes:
        surroundings: Modality → among whom that half lies.
        halves: Of both halves; None for a clip with one.
    """

    surroundings: Mapping[str, tuple[Surroundings, Surroundings]]
    halves: tuple[Apart, Apart] | None


def nearest(reference: Reference, vector: FloatArray, k: int = 5) -> tuple[Neighbour, ...]:
    """The k nearest recordings of both modalities by cosine; of ties, the first of the reference.

    A recording that occurs in several pairs is listed once, at its first row.

    Args:
        reference: Of the strategy that `vector` is from.
        vector: (D,).
        k: Or fewer, where the reference has no more.

    Raises:
        ValueError: `vector` is of another space or not finite, or k is below 1.
    """
    many = _joint(reference)
    width = many.shape[1]
    if vector.shape != (width,):
        raise ValueError(f"Embeddings of this reference are ({width},), not {vector.shape}.")
    if not np.isfinite(vector).all():
        raise ValueError("An embedding that is not finite has no neighbours.")
    if k < 1:
        raise ValueError(f"k must be 1 or more, but is {k}.")
    away = distances(many, prepared(vector[None], "cosine")[0], "cosine")  # (2N,)
    found: list[Neighbour] = []
    for point in np.argsort(away, kind="stable"):
        neighbour = _described(reference, int(point), float(away[point]), len(found) + 1)
        if not any(_is_one(many, neighbour, other) for other in found):
            found.append(neighbour)
            if len(found) == k:
                break
    return tuple(found)


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
    return Movement(surroundings, (_apart(atlas, BEFORE, clip), _apart(atlas, strategy, clip)))


def _surroundings(atlas: Atlas, strategy: str, clip: VisitorClip, modality: str) -> Surroundings:
    vector = _vector(clip, strategy, modality)
    found = nearest(atlas.charts[strategy].reference, vector, AROUND)
    # `Counter` keeps the order of first sight among equals, and `found` begins with the nearest.
    (emotion, count), *_ = Counter(n.emotion for n in found).most_common()
    modalities = Counter(n.modality for n in found).most_common()
    shared = tuple(name for name, times in modalities if times / len(found) >= SHARED)
    return Surroundings(emotion, count / len(found), shared)


def _apart(atlas: Atlas, strategy: str, clip: VisitorClip) -> Apart:
    distance = clip.apart(strategy)
    pairs = _same_emotion(atlas.charts[strategy].reference)
    farther = len(pairs) - int(np.searchsorted(pairs, distance, side="right"))
    tied = len(pairs) - farther - int(np.searchsorted(pairs, distance, side="left"))
    return Apart(distance, (farther + tied / 2) / len(pairs))


def _vector(clip: VisitorClip, strategy: str, modality: str) -> FloatArray:
    vector = clip.vector(strategy, modality)
    assert vector is not None, "a clip has the same halves under every strategy"
    return vector


def _described(reference: Reference, point: int, distance: float, place: int) -> Neighbour:
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
        place,
    )


def _is_one(many: FloatArray, one: Neighbour, other: Neighbour) -> bool:
    """Whether two rows are the same recording, drawn for two pairs."""
    if (one.modality, one.emotion, one.group) != (other.modality, other.emotion, other.group):
        return False
    return float(1 - many[one.point] @ many[other.point]) < SAME


@lru_cache(maxsize=KEPT)
def _joint(reference: Reference) -> FloatArray:
    """(2N, D) of length 1."""
    return prepared(reference.joint, "cosine")


@lru_cache(maxsize=KEPT)
def _same_emotion(reference: Reference) -> NDArray[np.float32]:
    """Sorted cosine distances of every leading half to every partner of its emotion."""
    lead, partner = (prepared(vectors, "cosine") for vectors in reference.embeddings.values())
    same = reference.labels[:, None] == reference.labels[None, :]
    return np.sort(np.maximum(1 - lead @ partner.T, 0)[same])
