"""Metrics of whether partners, or items of one emotion, are near in the other modality.

Functions without labels pair row i of `x` with row i of `y`: they are meaningful for recordings
with both modalities, but not where partners were drawn by label.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from mer_core.alignment.gaussians import Gaussians
from mer_core.metrics.clouds import (
    Floats,
    among_nearest,
    check_common_space,
    check_partners,
    gaussian_points,
    same_emotion,
    squared_distances,
)


def alignment(x: Floats, y: Floats) -> float:
    """Mean ||x_i - y_i||², 0 to 4; 0 = partners coincide (Wang & Isola 2020, alpha = 2)."""
    check_common_space(x, y)
    check_partners(x, y)
    return float(np.square(x - y).sum(axis=1).mean())


def same_emotion_alignment(x: Floats, y: Floats, labels_x: ArrayLike, labels_y: ArrayLike) -> float:
    """Mean ||x_i - y_j||² over all pairs of the same emotion, 0 to 4; 0 = they coincide."""
    return float(squared_distances(x, y)[same_emotion(labels_x, labels_y)].mean())


def _rank_bounds(x: Floats, y: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(N,) number of rows of `y` nearer to x_i than y_i; (N,) number as near, y_i included.

    Among the tied rows, y_i has every rank with equal probability.
    """
    check_partners(x, y)
    distance = squared_distances(x, y)
    own = np.diag(distance)[:, None]
    return (distance < own).sum(axis=1), (distance == own).sum(axis=1)


def ranks(x: Floats, y: Floats) -> Floats:
    """(N,) mean rank of y_i among all of `y` by distance from x_i; 1 = nearest."""
    nearer, tied = _rank_bounds(x, y)
    return nearer + (tied + 1) / 2


def recall_at(x: Floats, y: Floats, k: int) -> float:
    """R@k: share of x_i whose partner y_i is among the k nearest, 0 to 1; chance k/N."""
    nearer, tied = _rank_bounds(x, y)
    return float(np.clip((k - nearer) / tied, 0.0, 1.0).mean())


def mean_reciprocal_rank(x: Floats, y: Floats) -> float:
    """MRR: mean 1/rank of y_i by distance from x_i, 0 to 1; 1 = always the nearest."""
    nearer, tied = _rank_bounds(x, y)
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, len(y) + 1))])
    return float(((harmonic[nearer + tied] - harmonic[nearer]) / tied).mean())


def precision_at(
    x: Floats, y: Floats, labels_x: ArrayLike, labels_y: ArrayLike, k: int = 5
) -> float:
    """P@k: share of the same emotion among the k nearest `y` of each x_i; chance 1/C if balanced.

    Rows tied for the last ranks count with their probability of being among the k.
    """
    distance, same = squared_distances(x, y), same_emotion(labels_x, labels_y)
    k = min(k, distance.shape[1])
    return float((among_nearest(distance, k) * same).sum(axis=1).mean() / k)


def foscttm(x: Floats, y: Floats) -> float:
    """Fraction of samples closer than the true match, both ways; 0 best, 0.5 chance (SCOT)."""
    rank = np.concatenate([ranks(x, y), ranks(y, x)])
    return float((rank - 1.0).mean() / max(1, len(x) - 1))


def same_emotion_foscttm(x: Floats, y: Floats, labels_x: ArrayLike, labels_y: ArrayLike) -> float:
    """Probability that another emotion's item is nearer than one of the own; 0 best, 0.5 chance.

    One minus the area under the ROC curve of each item's distances, averaged over both directions.
    """
    distance, same = squared_distances(x, y), same_emotion(labels_x, labels_y)
    shares = [_nearer_share(distance, same), _nearer_share(distance.T, same.T)]
    return float(np.concatenate(shares).mean())


def _nearer_share(distance: Floats, same: NDArray[np.bool_]) -> Floats:
    """Per row, the share of (same, other) pairs in which the other is nearer (Mann-Whitney)."""
    own = same.sum(axis=1)
    other = same.shape[1] - own
    usable = (own > 0) & (other > 0)
    sums = (rankdata(distance[usable], axis=1) * same[usable]).sum(axis=1)
    own, other = own[usable], other[usable]
    return np.asarray((sums - own * (own + 1) / 2) / (own * other))


def w2_ratio(x: Gaussians[Floats], y: Gaussians[Floats], related: NDArray[np.bool_]) -> float:
    """Mean W2 of the `related` (N, M) pairs over that of the others; below 1 = nearer."""
    distance = np.sqrt(squared_distances(gaussian_points(x), gaussian_points(y)))
    if related.shape != distance.shape:
        raise ValueError(f"There are {distance.shape} pairs, but `related` is {related.shape}.")
    if related.all() or not related.any():
        raise ValueError("Some pairs must be related, and some not.")
    others = float(distance[~related].mean())
    return float(distance[related].mean()) / others if others > 0 else 1.0
