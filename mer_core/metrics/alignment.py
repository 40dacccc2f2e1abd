"""Metrics of how two clouds of embeddings are aligned; pure functions, in the original space.

`x` (N, D) and `y` (M, D) are the embeddings of two modalities, with rows of length 1
(`normalised`); `labels_*` are class indices. Distances on a two-dimensional map are not
meaningful: quote these instead. Functions without labels that pair row i of `x` with row i of `y`
are meaningful for recordings with both modalities, but not where partners were drawn by label.
A collapsed cloud has neither gap nor spread, so read gap and alignment together with uniformity and
accuracy. Ties count as the mean over all their orders, so a collapse scores as chance. Too few rows
or classes for a metric, or missing partners, are a ValueError.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from mer_core.alignment.gaussians import Gaussians

Floats = NDArray[np.float64]

FOLDS = 5  # of the modality probe
RIDGE = 1e-2  # of the modality probe, as a share of the features' mean variance
UNIFORMITY_T = 2.0  # Wang & Isola's t
DIGITS = 12  # decimals to which squared distances of rows of length 1 are compared


def normalised(rows: ArrayLike, name: str = "embeddings") -> Floats:
    """(N, D) rows scaled to length 1, except rows of zeros. Errors use `name`."""
    rows = _rows(rows, name)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _rows(values: ArrayLike, name: str) -> Floats:
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ValueError(f"{name}: the shape must be (N, D), but is {rows.shape}.")
    bad = int((~np.isfinite(rows)).any(axis=1).sum())
    if bad:
        raise ValueError(f"{name}: {bad} of {len(rows)} rows contain values that are not finite.")
    return rows


def gaussian_points(gaussians: Gaussians[Floats]) -> Floats:
    """(N, 2 D) `Gaussians.points` of finite (N, D) means and standard deviations, in float64.

    Their squared distances are the squared 2-Wasserstein distances of the Gaussians.
    """
    mean, std = _rows(gaussians.mean, "means"), _rows(gaussians.std, "standard deviations")
    if mean.shape != std.shape:
        raise ValueError(f"Means are {mean.shape}, but standard deviations {std.shape}.")
    return Gaussians(mean, std).points


def _check_several(*clouds: Floats) -> None:
    counts = [len(z) for z in clouds]
    if min(counts) < 2:
        raise ValueError(f"Two rows or more are needed, but there are {counts}.")


def _check_partners(x: Floats, y: Floats) -> None:
    if len(x) != len(y):
        raise ValueError(f"Every row needs a partner, but there are {len(x)} and {len(y)} rows.")


def check_common_space(x: Floats, y: Floats) -> None:
    """Refuse clouds of different widths."""
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"There is no common space: widths are {x.shape[1]} and {y.shape[1]}.")


def modality_gap(x: Floats, y: Floats) -> float:
    """||mean(x) - mean(y)||, 0 to 2; 0 = the clouds have one centre (Liang et al. 2022)."""
    return float(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)))


def modality_probe_accuracy(x: Floats, y: Floats, seed: int = 0) -> float:
    """Balanced accuracy of a linear probe for the modality; 0.5 = chance, 1 = always right.

    Ridge regression onto ±1, cross-validated over `FOLDS` seeded folds. If the clouds have equally
    many rows, row i of both is in one fold, so that no pair is split between training and test.
    """
    _check_several(x, y)
    rows = np.concatenate([x, y])  # (N + M, D)
    target = np.repeat([1.0, -1.0], [len(x), len(y)])
    fold = np.concatenate([np.random.default_rng(seed).permutation(len(z)) % FOLDS for z in (x, y)])
    weight = np.repeat([0.5 / len(x), 0.5 / len(y)], [len(x), len(y)])  # both count equally
    correct = 0.0
    for k in range(FOLDS):
        train, test = fold != k, fold == k
        scores = _ridge_scores(rows[train], target[train], weight[train], rows[test])
        right = np.where(scores == 0, 0.5, (scores > 0) == (target[test] > 0))
        correct += float((weight[test] * right).sum())
    return correct


def _ridge_scores(train: Floats, target: Floats, weight: Floats, test: Floats) -> Floats:
    """Predictions of a weighted ridge regression for `test`, rounded so that ties are 0."""
    weight = weight / weight.sum()
    centre, offset = weight @ train, weight @ target
    centred = train - centre
    covariance = centred.T @ (weight[:, None] * centred)  # (D, D)
    ridge = max(RIDGE * float(np.trace(covariance)) / len(covariance), 1e-9)
    slope = np.linalg.solve(
        covariance + ridge * np.eye(len(covariance)),
        centred.T @ (weight * (target - offset)),
    )
    return np.round((test - centre) @ slope + offset, 9)


def alignment(x: Floats, y: Floats) -> float:
    """Mean ||x_i - y_i||², 0 to 4; 0 = partners coincide (Wang & Isola 2020, alpha = 2)."""
    check_common_space(x, y)
    _check_partners(x, y)
    return float(np.square(x - y).sum(axis=1).mean())


def same_emotion_alignment(x: Floats, y: Floats, labels_x: ArrayLike, labels_y: ArrayLike) -> float:
    """Mean ||x_i - y_j||² over all pairs of the same emotion, 0 to 4; 0 = they coincide."""
    return float(squared_distances(x, y)[same_emotion(labels_x, labels_y)].mean())


def uniformity(z: Floats) -> float:
    """log mean_{i<j} exp(-2 ||z_i - z_j||²), -8 to 0; 0 = collapsed (Wang & Isola 2020, t = 2)."""
    _check_several(z)
    pairs = np.triu_indices(len(z), k=1)
    return float(np.log(np.exp(-UNIFORMITY_T * squared_distances(z, z)[pairs]).mean()))


def _rank_bounds(x: Floats, y: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(N,) number of rows of `y` nearer to x_i than y_i; (N,) number as near, y_i included.

    Among the tied rows, y_i has every rank with equal probability.
    """
    _check_partners(x, y)
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
    last = np.partition(distance, k - 1, axis=1)[:, k - 1 : k]  # (N, 1), the k-th smallest
    nearer, tied = distance < last, distance == last
    open_ranks = k - nearer.sum(axis=1)  # shared by the tied rows
    hits = (nearer & same).sum(axis=1) + open_ranks * (tied & same).sum(axis=1) / tied.sum(axis=1)
    return float(hits.mean() / k)


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


def linear_cka(x: Floats, y: Floats) -> float:
    """||Yᵀ X||² / (||Xᵀ X|| ||Yᵀ Y||), centred columns, 0 to 1 (Kornblith et al. 2019).

    1 = the rows have the same geometry up to rotation and scale; 0 if all rows of a cloud are
    equal.
    """
    _check_partners(x, y)
    x, y = _centred(x), _centred(y)
    scale = float(np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    return float(np.square(y.T @ x).sum()) / scale if scale > 0 else 0.0


def _centred(z: Floats) -> Floats:
    """`z` minus the mean of each column; all 0 if the rows are equal but for rounding."""
    z = np.asarray(z, dtype=np.float64)
    centred = z - z.mean(axis=0)
    collapsed = np.square(centred).sum() <= 10.0**-DIGITS * np.square(z).sum()
    return np.zeros_like(z) if collapsed else centred


def squared_mmd(x: Floats, y: Floats) -> float:
    """Unbiased MMD² with k(a, b) = exp(-||a - b||² / 2 h²), at most 2; about 0 if equal.

    Gretton et al. 2012, Eq. 3; h is the median distance between two rows of both clouds.
    """
    _check_several(x, y)
    rows = np.concatenate([x, y])
    distance = squared_distances(rows, rows)
    median = float(np.median(distance[np.triu_indices(len(rows), k=1)]))
    kernel = np.exp(-distance / (2.0 * (median or 1.0)))
    n, m = len(x), len(y)
    within_x = (kernel[:n, :n].sum() - n) / (n * (n - 1))
    within_y = (kernel[n:, n:].sum() - m) / (m * (m - 1))
    return float(within_x + within_y - 2.0 * kernel[:n, n:].mean())


def silhouette(z: Floats, labels: ArrayLike) -> float:
    """Mean (b - a) / max(a, b), -1 to 1 (Rousseeuw 1987); an item alone in its class counts 0.

    a is the mean distance to the own class, b that to the nearest other class. By emotion, higher
    is better; by modality, about 0.
    """
    classes, index = np.unique(np.asarray(labels), return_inverse=True)
    if len(classes) < 2:
        raise ValueError("A silhouette needs two classes or more.")
    member = np.eye(len(classes))[index]  # (N, C)
    size, rows = member.sum(axis=0), np.arange(len(index))
    sums = np.sqrt(squared_distances(z, z)) @ member  # (N, C)
    own = sums[rows, index] / np.maximum(size[index] - 1, 1)
    means = sums / size
    means[rows, index] = np.inf
    other = means.min(axis=1)
    widest = np.maximum(own, other)
    counted = (size[index] > 1) & (widest > 0)
    return float(np.where(counted, (other - own) / np.where(widest > 0, widest, 1.0), 0.0).mean())


def w2_ratio(x: Gaussians[Floats], y: Gaussians[Floats], related: NDArray[np.bool_]) -> float:
    """Mean W2 of the `related` (N, M) pairs over that of the others; below 1 = nearer."""
    distance = np.sqrt(squared_distances(gaussian_points(x), gaussian_points(y)))
    if related.shape != distance.shape:
        raise ValueError(f"There are {distance.shape} pairs, but `related` is {related.shape}.")
    if related.all() or not related.any():
        raise ValueError("Some pairs must be related, and some not.")
    others = float(distance[~related].mean())
    return float(distance[related].mean()) / others if others > 0 else 1.0


def same_emotion(labels_x: ArrayLike, labels_y: ArrayLike) -> NDArray[np.bool_]:
    """(N, M) bool, True where two items have the same emotion."""
    return np.asarray(np.asarray(labels_x)[:, None] == np.asarray(labels_y)[None, :])


def squared_distances(x: Floats, y: Floats) -> Floats:
    """(N, M) squared Euclidean distances, never negative, rounded so that ties are equal."""
    check_common_space(x, y)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    square_x, square_y = np.square(x).sum(axis=1), np.square(y).sum(axis=1)
    distance = square_x[:, None] + square_y[None, :] - 2.0 * (x @ y.T)
    # Rounding errors grow with the length of the rows; for length 1 the unit is exactly 1.
    largest = max(square_x.max(initial=0.0), square_y.max(initial=0.0)) or 1.0
    unit = 2.0 ** np.round(np.log2(largest))
    return np.asarray(np.round(np.maximum(distance, 0.0) / unit, DIGITS) * unit)
