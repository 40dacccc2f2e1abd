"""Clouds of embeddings: what all metrics of them share.

In these metrics, `x` (N, D) and `y` (M, D) are the embeddings of two modalities, with rows of
length 1 (`normalised`); `labels_*` are class indices. Distances on a two-dimensional map are not
meaningful: quote metrics of the original space instead. Ties count as the mean over all their
orders, so a collapse scores as chance. Too few rows or classes for a metric, missing partners, or
clouds of different widths are a ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import squareform

from mer_core.alignment.gaussians import Gaussians

Floats = NDArray[np.float64]
GaussianPair = tuple[Gaussians[Floats], Gaussians[Floats]]

DIGITS = 12  # decimals to which squared distances of rows of length 1 are compared


def normalised(rows: ArrayLike, name: str = "embeddings") -> Floats:
    """(N, D) rows scaled to length 1, except rows of zeros. Errors use `name`."""
    rows = finite_rows(rows, name)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def finite_rows(values: ArrayLike, name: str) -> Floats:
    """(N, D) in float64; errors use `name`."""
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
    mean = finite_rows(gaussians.mean, "means")
    std = finite_rows(gaussians.std, "standard deviations")
    if mean.shape != std.shape:
        raise ValueError(f"Means are {mean.shape}, but standard deviations {std.shape}.")
    return Gaussians(mean, std).points


def check_several(*clouds: Floats) -> None:
    """Refuse clouds with fewer than two rows."""
    counts = [len(z) for z in clouds]
    if min(counts) < 2:
        raise ValueError(f"Two rows or more are needed, but there are {counts}.")


def check_partners(x: Floats, y: Floats) -> None:
    """Refuse clouds of which some rows have no partner."""
    if len(x) != len(y):
        raise ValueError(f"Every row needs a partner, but there are {len(x)} and {len(y)} rows.")


def check_common_space(x: Floats, y: Floats) -> None:
    """Refuse clouds of different widths."""
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"There is no common space: widths are {x.shape[1]} and {y.shape[1]}.")


def same_emotion(labels_x: ArrayLike, labels_y: ArrayLike) -> NDArray[np.bool_]:
    """(N, M) bool, True where two items have the same emotion."""
    return np.asarray(np.asarray(labels_x)[:, None] == np.asarray(labels_y)[None, :])


def centred(z: Floats) -> Floats:
    """`z` minus the mean of each column; all 0 if the rows are equal but for rounding."""
    z = np.asarray(z, dtype=np.float64)
    moved = z - z.mean(axis=0)
    collapsed = np.square(moved).sum() <= 10.0**-DIGITS * np.square(z).sum()
    return np.zeros_like(z) if collapsed else moved


def squared_distances(x: Floats, y: Floats) -> Floats:
    """(N, M) squared Euclidean distances, never negative, rounded so that ties are equal."""
    check_common_space(x, y)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    square_x, square_y = np.square(x).sum(axis=1), np.square(y).sum(axis=1)
    # Rounding errors grow with the length of the rows; for length 1 the unit is exactly 1.
    largest = max(square_x.max(initial=0.0), square_y.max(initial=0.0)) or 1.0
    steps = 10.0**DIGITS / 2.0 ** np.round(np.log2(largest))
    distance = x @ y.T
    distance *= -2.0  # in place from here on: the metrics spend most of their time in this function
    distance += square_x[:, None] + square_y[None, :]
    np.maximum(distance, 0.0, out=distance)
    distance *= steps
    np.rint(distance, out=distance)
    distance /= steps
    return np.asarray(distance)


def distances_to_others(z: Floats) -> Floats:
    """(N, N) `squared_distances` within one cloud, infinite from a row to itself."""
    distance = squared_distances(z, z)
    np.fill_diagonal(distance, np.inf)
    return distance


def distances_of_pairs(distance: Floats) -> Floats:
    """(N (N - 1) / 2,) of the `squared_distances` within one cloud, every pair of rows once."""
    return np.asarray(squareform(distance, checks=False))


def among_nearest(distance: Floats, k: int) -> Floats:
    """(N, M) probability that each column is among the `k` smallest of its row.

    1 or 0, but for columns that are tied for the last ranks: there, every order is as likely.
    """
    last = np.partition(distance, k - 1, axis=1)[:, k - 1 : k]  # (N, 1), the k-th smallest
    nearer, tied = distance < last, distance == last
    open_ranks = k - nearer.sum(axis=1, keepdims=True)  # shared by the tied columns
    return np.asarray(nearer + tied * (open_ranks / tied.sum(axis=1, keepdims=True)))


@dataclass(frozen=True, eq=False)
class Clouds:
    """Labelled items of two modalities in one space, checked by `of`.

    Attributes:
        x: (N, D) embeddings of one modality, of length 1.
        y: (M, D) embeddings of the other.
        labels_x: (N,) class indices.
        labels_y: (M,) class indices.
        natural: Whether row i of `x` and row i of `y` are of one recording.
        gaussians: Of the same utterances, if distribution alignment is on.
    """

    x: Floats
    y: Floats
    labels_x: NDArray[np.int64]
    labels_y: NDArray[np.int64]
    natural: bool
    gaussians: GaussianPair | None = None

    @classmethod
    def of(
        cls,
        x: ArrayLike,
        y: ArrayLike,
        labels_x: ArrayLike,
        labels_y: ArrayLike,
        *,
        natural: bool,
        gaussians: GaussianPair | None = None,
    ) -> Clouds:
        """Scale the rows to length 1.

        Raises:
            ValueError: An array is not (N, D) or not finite, the clouds differ in width or share
                fewer than two emotions, pairs are incomplete, or the Gaussians are not of these
                utterances.
        """
        x, y = normalised(x, "x"), normalised(y, "y")
        check_common_space(x, y)
        labels = np.asarray(labels_x), np.asarray(labels_y)
        if (labels[0].shape, labels[1].shape) != ((len(x),), (len(y),)):
            raise ValueError("Every embedding needs one label.")
        if natural and len(x) != len(y):
            raise ValueError(f"Natural pairs need as many of each, not {len(x)} and {len(y)}.")
        if len(np.intersect1d(*labels)) < 2:
            raise ValueError("Two emotions or more must occur in both modalities.")
        if gaussians is not None:
            _check_gaussians(gaussians, (len(x), len(y)))
        return cls(x, y, *labels, natural, gaussians)

    @property
    def joint(self) -> Floats:
        """(N + M, D), `x` first."""
        return np.concatenate([self.x, self.y])

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N + M,) of `joint`."""
        return np.concatenate([self.labels_x, self.labels_y])

    @property
    def modality(self) -> NDArray[np.int64]:
        """(N + M,) 0 for rows of `x`, 1 for those of `y`."""
        return np.repeat([0, 1], [len(self.x), len(self.y)])


def _check_gaussians(gaussians: GaussianPair, expected: tuple[int, int]) -> None:
    points = [gaussian_points(part) for part in gaussians]
    check_common_space(*points)
    counts = len(points[0]), len(points[1])
    if counts != expected:
        raise ValueError(f"{counts} Gaussians do not belong to {expected} embeddings.")
