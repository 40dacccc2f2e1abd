"""Alignment at two scales of the original space: Gaussians of emotions, and single pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mer_core.alignment.gaussians import Gaussians
from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.reference import Reference
from mer_core.atlas.visitor import VisitorClip
from mer_core.metrics.clouds import Floats, normalised, squared_distances
from mer_core.types import FloatArray

MAX_PAIRS = 24  # of the reference in a similarity matrix; more would be too small to see
PAIRS_PER_EMOTION = 3  # where the visitor chose none


@dataclass(frozen=True, eq=False)
class EmotionDistances:
    """2-Wasserstein distances between emotions of two modalities.

    Attributes:
        emotions: C names, those that occur.
        w2: (C, C); rows are emotions of the leading modality, columns of its partner.
    """

    emotions: tuple[str, ...]
    w2: Floats

    @property
    def same(self) -> float:
        """Mean distance of an emotion to itself in the other modality."""
        return float(np.diag(self.w2).mean())

    @property
    def other(self) -> float:
        """Mean distance to the other emotions; NaN with a single one."""
        others = self.w2[~np.eye(len(self.w2), dtype=bool)]
        return float(others.mean()) if others.size else float("nan")

    @property
    def ratio(self) -> float:
        """Same over other: below 1, an emotion is nearer to itself; NaN without others."""
        return self.same / self.other if self.other > 0 else float("nan")


@dataclass(frozen=True)
class Item:
    """One pair in a similarity matrix.

    Attributes:
        name: For people.
        emotion: Its label, or the predicted category; empty without one.
        row: In the reference, or None for a visitor's clip.
        clip: Id of the visitor's clip; None for the reference's.
    """

    name: str
    emotion: str
    row: int | None
    clip: ClipId | None = None

    @property
    def is_visitor(self) -> bool:
        """Whether it is a clip of this visit."""
        return self.row is None


def emotion_distances(reference: Reference) -> EmotionDistances:
    """W2 between the diagonal Gaussians of every emotion in each modality.

    A Gaussian is the mean and the standard deviation, dimension by dimension, of the reference's
    rows, normalised to length 1.
    """
    present = np.unique(reference.labels)
    gaussians = []
    for vectors in reference.embeddings.values():
        rows = normalised(vectors)
        own = [rows[reference.labels == index] for index in present]
        means = np.stack([group.mean(axis=0) for group in own])  # (C, D)
        gaussians.append(Gaussians(means, np.stack([group.std(axis=0) for group in own])))
    w2 = np.sqrt(squared_distances(*(group.points for group in gaussians)))
    return EmotionDistances(tuple(reference.emotions[i] for i in present), w2)


def default_rows(
    reference: Reference, each: int = PAIRS_PER_EMOTION, seed: int = 0
) -> tuple[int, ...]:
    """Pairs to show where none were chosen: `each` of every emotion, or all it has, by seed."""
    generator = np.random.default_rng(seed)
    rows: list[int] = []
    for index in range(len(reference.emotions)):
        own = np.flatnonzero(reference.labels == index)
        rows += sorted(generator.choice(own, min(each, len(own)), replace=False).tolist())
    return tuple(rows)


def rows_to_show(reference: Reference, points: Sequence[int]) -> tuple[int, ...]:
    """Pairs of the chosen points of a map, by emotion, thinned evenly to `MAX_PAIRS`.

    Args:
        reference: Whose map it is.
        points: Indices into `Reference.joint`; either half selects its pair, and numbers out of
            range are ignored. Without any: `default_rows`.
    """
    count = len(reference)
    pairs = {int(point) % count for point in points if 0 <= int(point) < 2 * count}
    if not pairs:
        return default_rows(reference)
    rows = sorted(pairs, key=lambda row: (int(reference.labels[row]), row))
    kept = np.linspace(0, len(rows) - 1, min(len(rows), MAX_PAIRS)).round().astype(int)
    return tuple(rows[i] for i in kept)


def items_of(
    reference: Reference, rows: Sequence[int], clips: Sequence[VisitorClip], strategy: str
) -> tuple[Item, ...]:
    """Pairs in the order of a matrix: by emotion, the reference's before the visitor's clips.

    Clips with one half have no pair and are left out; those without a category come last.
    """
    numbers = dict.fromkeys(reference.emotions, 0)
    items: list[Item] = []
    for row in rows:
        emotion = reference.emotions[int(reference.labels[row])]
        numbers[emotion] += 1
        items.append(Item(f"{emotion} {numbers[emotion]}", emotion, row))
    for clip in with_both_halves(clips):
        items.append(Item(clip.name, clip.predictions[strategy].emotion or "", None, clip.id))
    order = {emotion: index for index, emotion in enumerate(reference.emotions)}
    return tuple(sorted(items, key=lambda item: order.get(item.emotion, len(order))))


def similarities(
    reference: Reference, items: Sequence[Item], clips: Sequence[VisitorClip], strategy: str
) -> Floats:
    """(n, n) cosine of every item's leading half (rows) with every item's partner (columns).

    `items` are those of `items_of` for the same `clips`; `strategy` is the reference's.
    """
    visitors: dict[ClipId | None, VisitorClip] = {clip.id: clip for clip in clips}
    halves = []
    for modality in reference.modalities:
        rows = [
            _half(visitors[item.clip], strategy, modality)
            if item.row is None
            else reference.embeddings[modality][item.row]
            for item in items
        ]
        halves.append(normalised(rows))  # (n, D)
    return np.clip(halves[0] @ halves[1].T, -1.0, 1.0)


def with_both_halves(clips: Sequence[VisitorClip]) -> tuple[VisitorClip, ...]:
    """The clips that have both modalities."""
    return tuple(clip for clip in clips if len(clip.modalities) == 2)


def halves_of(clips: Sequence[VisitorClip], strategy: str) -> tuple[Floats, ...]:
    """For each modality, (N, D) rows of length 1, one per clip; all clips have both halves."""
    return tuple(
        normalised([_half(clip, strategy, modality) for clip in clips])
        for modality in clips[0].modalities
    )


def distinct(clips: Sequence[VisitorClip]) -> tuple[VisitorClip, ...]:
    """Clips with both halves, without those whose embeddings equal an earlier clip's.

    A collapsed strategy maps different clips to one point: equal means under every strategy.
    """
    pairs = with_both_halves(clips)
    equal = np.ones((len(pairs), len(pairs)), dtype=bool)
    for strategy in pairs[0].predictions if pairs else ():
        for rows in halves_of(pairs, strategy):
            equal &= squared_distances(rows, rows) == 0
    return tuple(clip for i, clip in enumerate(pairs) if not np.any(equal[i, :i]))


def _half(clip: VisitorClip, strategy: str, modality: str) -> FloatArray:
    vector = clip.vector(strategy, modality)
    assert vector is not None, "items are of clips with both halves"
    return vector
