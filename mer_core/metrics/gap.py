"""Metrics of whether the clouds of two modalities meet.

A collapsed cloud has neither gap nor spread, so read these together with uniformity and accuracy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mer_core.metrics.clouds import (
    Floats,
    centred,
    check_common_space,
    check_partners,
    check_several,
    distances_of_pairs,
    same_emotion,
    squared_distances,
)
from mer_core.metrics.ridge import Ridge

FOLDS = 5  # of the modality probe

# Of the MMD whose values may be compared between strategies: the radius of the sphere that all
# embeddings are on, so that the kernel is 1 at distance 0, 1/e at a right angle and 1/e² at the
# opposite side. It resolves all distances that there can be, and depends on no cloud.
FIXED_BANDWIDTH = 1.0


def modality_gap(x: Floats, y: Floats) -> float:
    """||mean(x) - mean(y)||, 0 to 2; 0 = the clouds have one centre (Liang et al. 2022).

    It is the centroid gap of arXiv 2604.00279.
    """
    return float(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)))


def distribution_gap(x: Floats, y: Floats) -> float:
    """How differently the clouds are spread once both are centred, 0 to √2; 0 = alike.

    arXiv 2604.00279 names what is left of the gap after mean-centring. We could not see its
    formula; ours is the 2-Wasserstein distance of Gaussians with the clouds' covariances, the
    Bures distance √(tr A + tr B - 2 tr (A^½ B A^½)^½). So modality_gap² + distribution_gap² is the
    squared distance of Gaussians fitted to the two clouds (Fréchet; Gelbrich 1990), which bounds
    that of the clouds from below.
    """
    check_common_space(x, y)
    # With A = PᵀP and B = QᵀQ, the trace of the root is the sum of the singular values of P Qᵀ.
    p, q = (np.asarray(np.linalg.qr(centred(z) / np.sqrt(len(z)), mode="r")) for z in (x, y))
    shared = float(np.linalg.svd(p @ q.T, compute_uv=False).sum())
    squared = float(np.square(p).sum() + np.square(q).sum()) - 2.0 * shared
    return float(np.sqrt(max(squared, 0.0)))


def centroid_share(x: Floats, y: Floats) -> float:
    """Share of the centres in the whole gap, modality_gap² / (modality_gap² + distribution_gap²).

    1 = the clouds differ in place only, and centring would unite them; 0 = in spread only, or not
    at all.
    """
    centres, spread = modality_gap(x, y) ** 2, distribution_gap(x, y) ** 2
    return centres / (centres + spread) if centres + spread > 0 else 0.0


def relative_gap(x: Floats, y: Floats) -> float:
    """Distance of partners over itself plus that of two rows of one modality, 0 to 1.

    0 = partners coincide; 0.5 = a partner is as far as any row of the own modality, or everything
    is on one point; 1 = modalities are far apart and tight. The distance is (1 - cosine) / 2
    (Schrodi et al., arXiv 2404.07983, and its code).
    """
    check_partners(x, y)
    check_common_space(x, y)
    return relative_to_width(float(np.square(x - y).sum(axis=1).mean()), x, y)


def same_emotion_relative_gap(
    x: Floats, y: Floats, labels_x: ArrayLike, labels_y: ArrayLike
) -> float:
    """`relative_gap` where every item of the same emotion in the other modality is a partner.

    As Schrodi et al. do for images and the names of their classes.
    """
    partners = squared_distances(x, y)[same_emotion(labels_x, labels_y)]
    return relative_to_width(float(partners.mean()), x, y)


def relative_to_width(partners: float, x: Floats, y: Floats) -> float:
    """The relative gap of `partners`, a mean squared distance: of unit rows, 2 - 2 cosine."""
    check_several(x, y)
    # The mean squared distance of two different rows is twice their unbiased variance.
    within = np.mean([2.0 * np.square(centred(z)).sum() / (len(z) - 1) for z in (x, y)])
    return float(partners / (partners + within)) if partners + within > 0 else 0.5


def modality_probe_accuracy(x: Floats, y: Floats, seed: int = 0) -> float:
    """Balanced accuracy of a linear probe for the modality; 0.5 = chance, 1 = always right.

    Ridge regression onto ±1, cross-validated over `FOLDS` seeded folds. If the clouds have equally
    many rows, row i of both is in one fold, so that no pair is split between training and test.
    """
    check_several(x, y)
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
    return np.round(Ridge.fit(train, target, weight).predict(test), 9)


def squared_mmd(x: Floats, y: Floats, bandwidth: float | None = None) -> float:
    """Unbiased MMD² with k(a, b) = exp(-||a - b||² / 2 h²), at most 2; about 0 if equal.

    Gretton et al. 2012, Eq. 3.

    Args:
        x: (N, D).
        y: (M, D).
        bandwidth: h. If None, the median distance between two rows of both clouds: the most
            sensitive to whether these two differ. It shrinks and grows with them, so that clouds
            which come closer and tighter may get a larger value: compare strategies with
            `FIXED_BANDWIDTH`.
    """
    check_several(x, y)
    rows = np.concatenate([x, y])
    distance = squared_distances(rows, rows)
    if bandwidth is None:
        square = float(np.median(distances_of_pairs(distance))) or 1.0
    else:
        square = bandwidth**2
    kernel = np.exp(-distance / (2.0 * square))
    n, m = len(x), len(y)
    within_x = (kernel[:n, :n].sum() - n) / (n * (n - 1))
    within_y = (kernel[n:, n:].sum() - m) / (m * (m - 1))
    return float(within_x + within_y - 2.0 * kernel[:n, n:].mean())
