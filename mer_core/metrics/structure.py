"""Metrics of how clouds are spread, what they are grouped by, and whether two are arranged alike.

`linear_cka` and `mutual_neighbours` pair row i of `x` with row i of `y`: they are meaningful for
recordings with both modalities, but not where partners were drawn by label.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import entropy

from mer_core.metrics.clouds import (
    Floats,
    among_nearest,
    centred,
    check_partners,
    check_several,
    distances_of_pairs,
    distances_to_others,
    squared_distances,
)

UNIFORMITY_T = 2.0  # Wang & Isola's t
MUTUAL = 10  # nearest neighbours, as in arXiv 2405.07987
STARTS = 4  # of k-means; the tightest clusters count


def uniformity(z: Floats) -> float:
    """log mean_{i<j} exp(-2 ||z_i - z_j||²), -8 to 0; 0 = collapsed (Wang & Isola 2020, t = 2)."""
    check_several(z)
    return float(np.log(np.exp(-UNIFORMITY_T * distances_of_pairs(squared_distances(z, z))).mean()))


def effective_rank(z: Floats) -> float:
    """In how many directions the cloud is spread, 0 = collapsed, to min(N - 1, D).

    exp of the entropy of the singular values, divided by their sum (Roy & Vetterli 2007), of the
    centred rows: where the cloud is does not count. k directions of equal spread make k.
    """
    check_several(z)
    values = np.linalg.svd(centred(z), compute_uv=False)
    shares = values[values > 0] / values.sum() if values.any() else values[:0]
    return float(np.exp(-(shares * np.log(shares)).sum())) if shares.size else 0.0


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


def clusters(z: Floats, count: int, seed: int = 0) -> NDArray[np.int64]:
    """(N,) k-means cluster of each row, the tightest of `STARTS` seeded starts.

    If there are no more different rows than clusters, each is a cluster.
    """
    # scikit-learn takes a second to import, and the page needs none of it.
    from sklearn.cluster import KMeans

    first_equal = np.argmax(squared_distances(z, z) == 0, axis=1)
    _, distinct = np.unique(first_equal, return_inverse=True)
    if distinct.max() < count:
        return np.asarray(distinct, dtype=np.int64)
    found = KMeans(count, n_init=STARTS, random_state=seed).fit_predict(z)
    return np.asarray(found, dtype=np.int64)


def v_measure(labels: ArrayLike, cluster: ArrayLike) -> float:
    """Harmonic mean of homogeneity and completeness, 0 to 1 (Rosenberg & Hirschberg 2007).

    1 = every cluster holds one class, all of it; 0 = they tell nothing of each other. arXiv
    2601.18525 clusters both modalities together: where they are apart, k-means finds these instead
    of the classes.
    """
    classes, index = np.unique(np.asarray(labels), return_inverse=True)
    if len(classes) < 2:
        raise ValueError("A V-measure needs two classes or more.")
    _, own = np.unique(np.asarray(cluster), return_inverse=True)
    table = np.zeros((index.max() + 1, own.max() + 1))
    np.add.at(table, (index, own), 1.0)
    of_classes, of_clusters = entropy(table.sum(axis=1)), entropy(table.sum(axis=0))
    shared = max(of_classes + of_clusters - entropy(table.ravel()), 0.0)  # mutual information
    return float(2.0 * shared / (of_classes + of_clusters))


def linear_cka(x: Floats, y: Floats) -> float:
    """||Yᵀ X||² / (||Xᵀ X|| ||Yᵀ Y||), centred columns, 0 to 1 (Kornblith et al. 2019).

    1 = the rows have the same geometry up to rotation and scale; 0 if all rows of a cloud are
    equal.
    """
    check_partners(x, y)
    x, y = centred(x), centred(y)
    scale = float(np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    return float(np.square(y.T @ x).sum()) / scale if scale > 0 else 0.0


def mutual_neighbours(x: Floats, y: Floats, k: int = MUTUAL) -> float:
    """Share of a recording's `k` nearest others in one modality that are so in the other, 0 to 1.

    The mutual k-nearest-neighbour overlap of Huh et al. (arXiv 2405.07987), which needs no common
    space. arXiv 2602.14486 compares it with permuted partners: its mean over all permutations is
    exactly k / (N - 1).
    """
    check_partners(x, y)
    check_several(x)
    k = min(k, len(x) - 1)
    near_x, near_y = (among_nearest(distances_to_others(z), k) for z in (x, y))
    return float((near_x * near_y).sum(axis=1).mean() / k)
