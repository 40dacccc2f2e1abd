"""The gap between two clouds and its parts, against slow loops, SciPy and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment
from scipy.stats import ortho_group

from mer_core.metrics.clouds import normalised
from mer_core.metrics.gap import (
    FIXED_BANDWIDTH,
    centroid_share,
    distribution_gap,
    modality_gap,
    relative_gap,
    same_emotion_relative_gap,
    squared_mmd,
)

Cloud = NDArray[np.float64]


def clouds(seed: int, n: int = 24, m: int = 24, width: int = 5) -> tuple[Cloud, Cloud]:
    random = np.random.default_rng(seed)
    shift, scale = random.normal(size=width), random.uniform(0.3, 2.0, size=width)
    x = normalised(random.normal(size=(n, width)))
    return x, normalised(random.normal(size=(m, width)) * scale + shift)


@pytest.mark.parametrize(("n", "m", "width"), [(24, 24, 5), (30, 17, 5), (6, 8, 20)])
def test_the_distribution_gap_is_the_bures_distance_of_the_covariances(
    n: int, m: int, width: int
) -> None:
    x, y = clouds(n, n, m, width)
    a, b = (np.cov(z, rowvar=False, bias=True) + 1e-13 * np.eye(width) for z in (x, y))
    root = sqrtm(a)
    expected = math.sqrt(np.trace(a + b) - 2 * np.trace(sqrtm(root @ b @ root)).real)
    assert distribution_gap(x, y) == pytest.approx(expected, abs=1e-5)


def test_the_distribution_gap_ignores_place_and_sees_spread() -> None:
    x, y = clouds(1)
    assert distribution_gap(x + 5.0, y - 2.0) == pytest.approx(distribution_gap(x, y))
    assert distribution_gap(x, x[::-1] + 1.0) == pytest.approx(0.0, abs=1e-6)
    assert distribution_gap(x, y) == pytest.approx(distribution_gap(y, x))
    line = np.array([[-1.0], [1.0]])
    assert distribution_gap(3.0 * line, 0.5 * line) == pytest.approx(2.5)  # |σ - τ|
    point = np.tile(x[:1], (9, 1))
    spread = math.sqrt(np.trace(np.cov(y, rowvar=False, bias=True)))
    assert distribution_gap(point, y) == pytest.approx(spread)


@pytest.mark.parametrize("seed", range(3))
def test_its_parts_bound_the_distance_of_the_clouds(seed: int) -> None:
    """Gelbrich: Gaussians of the same mean and covariance are no farther than the clouds."""
    x, y = clouds(seed, 12, 12, 3)
    cost = np.square(x[:, None] - y[None]).sum(axis=-1)
    rows, columns = linear_sum_assignment(cost)
    parts = modality_gap(x, y) ** 2 + distribution_gap(x, y) ** 2
    assert parts <= cost[rows, columns].mean() + 1e-12
    assert centroid_share(x, y) == pytest.approx(modality_gap(x, y) ** 2 / parts)


def test_the_centroids_share_of_extremes() -> None:
    x, _ = clouds(2)
    assert centroid_share(x, x + 1.0) == pytest.approx(1.0)  # the same cloud in another place
    assert centroid_share(x - x.mean(0), 2 * (x - x.mean(0))) == pytest.approx(0.0, abs=1e-12)
    point = np.tile(x[:1], (4, 1))
    assert centroid_share(point, point) == 0.0
    assert centroid_share(point, -point) == pytest.approx(1.0)


def dissimilarity(a: Cloud, b: Cloud) -> float:
    return (1 - float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))) / 2


def within(z: Cloud) -> float:
    pairs = [dissimilarity(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j]
    return sum(pairs) / len(pairs)


@pytest.mark.parametrize("seed", range(3))
def test_relative_gaps_agree_with_slow_loops(seed: int) -> None:
    """As the code of arXiv 2404.07983 computes them, for captions and for names of classes."""
    x, y = clouds(seed)
    partners = np.mean([dissimilarity(a, b) for a, b in zip(x, y, strict=True)])
    width = (within(x) + within(y)) / 2
    assert relative_gap(x, y) == pytest.approx(partners / (partners + width))
    labels_x, labels_y = np.arange(24) % 3, np.arange(24) % 4
    same = np.mean(
        [
            dissimilarity(a, b)
            for a, own in zip(x, labels_x, strict=True)
            for b, theirs in zip(y, labels_y, strict=True)
            if own == theirs
        ]
    )
    result = same_emotion_relative_gap(x, y, labels_x, labels_y)
    assert result == pytest.approx(same / (same + width))


def test_relative_gaps_of_extremes() -> None:
    x, _ = clouds(3)
    labels = np.arange(24) % 2
    assert relative_gap(x, x) == 0.0
    point = np.tile(x[:1], (24, 1))
    assert relative_gap(point, point) == 0.5  # a collapse scores as chance
    assert same_emotion_relative_gap(point, point, labels, labels) == 0.5
    assert relative_gap(point, -point) == 1.0  # apart, and each on one point
    two = np.eye(2)[labels]  # each emotion on its own point, the same in both modalities
    assert same_emotion_relative_gap(two, two, labels, labels) == 0.0


def test_the_fixed_bandwidth_has_closed_forms() -> None:
    """Each cloud on one point, at distance d: 2 (1 - exp(-d² / 2))."""
    for angle in (0.0, 0.3, math.pi / 2, math.pi):
        x = np.tile([[1.0, 0.0]], (5, 1))
        y = np.tile([[math.cos(angle), math.sin(angle)]], (7, 1))
        squared = 2 - 2 * math.cos(angle)
        expected = 2 * (1 - math.exp(-squared / 2))
        assert squared_mmd(x, y, FIXED_BANDWIDTH) == pytest.approx(expected, abs=1e-9)


def test_only_the_fixed_bandwidth_sees_clouds_come_closer() -> None:
    """Two clouds at half the distance and half the width differ as much to their own bandwidth."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 4)) * 0.2, random.normal(size=(50, 4)) * 0.2 + 0.4
    own, fixed = squared_mmd(x, y), squared_mmd(x, y, FIXED_BANDWIDTH)
    assert squared_mmd(x / 2, y / 2) == pytest.approx(own)
    assert squared_mmd(x / 2, y / 2, FIXED_BANDWIDTH) < fixed / 2


@pytest.mark.parametrize("seed", range(3))
def test_rotations_and_order_change_nothing(seed: int) -> None:
    x, y = clouds(seed)
    turn = ortho_group.rvs(5, random_state=seed)
    order = np.random.default_rng(seed).permutation(24)
    for metric in (distribution_gap, centroid_share, relative_gap):
        assert metric(x @ turn, y @ turn) == pytest.approx(metric(x, y), abs=1e-9)
        assert metric(x[order], y[order]) == pytest.approx(metric(x, y), abs=1e-9)


def test_too_little_input_is_refused() -> None:
    x, y = clouds(0, 5, 7)
    with pytest.raises(ValueError, match="there are 5 and 7 rows"):
        relative_gap(x, y)
    with pytest.raises(ValueError, match=r"Two rows or more .* \[1, 1\]"):
        relative_gap(x[:1], y[:1])
    with pytest.raises(ValueError, match="widths are 4 and 5"):
        distribution_gap(x[:, :4], y)
