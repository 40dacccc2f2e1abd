"""Rank, clusters and common neighbours of clouds, against scikit-learn and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ortho_group
from sklearn.metrics import adjusted_rand_score, v_measure_score
from sklearn.neighbors import NearestNeighbors

from mer_core.metrics.structure import clusters, effective_rank, mutual_neighbours, v_measure

Cloud = NDArray[np.float64]


@pytest.mark.parametrize("directions", [1, 2, 5])
def test_k_directions_of_equal_spread_have_effective_rank_k(directions: int) -> None:
    ends = np.concatenate([np.eye(6)[:directions], -np.eye(6)[:directions]])
    turn = ortho_group.rvs(6, random_state=0)
    assert effective_rank(3.0 * ends @ turn + 10.0) == pytest.approx(directions)


def test_effective_rank_is_the_exponential_of_an_entropy() -> None:
    spreads = np.array([4.0, 2.0, 1.0, 1.0])
    ends = np.concatenate([np.diag(spreads), -np.diag(spreads)])
    shares = spreads / spreads.sum()
    expected = math.exp(-sum(p * math.log(p) for p in shares))
    assert effective_rank(ends) == pytest.approx(expected)
    assert effective_rank(100 * ends[::-1]) == pytest.approx(expected)


def test_a_collapsed_cloud_has_no_direction() -> None:
    assert effective_rank(np.full((9, 4), 0.3)) == 0.0
    assert effective_rank(np.repeat([[0.1, 0.2], [0.3, 0.9]], 5, axis=0)) == pytest.approx(1.0)
    with pytest.raises(ValueError, match=r"Two rows or more .* \[1\]"):
        effective_rank(np.ones((1, 4)))


@pytest.mark.parametrize("seed", range(5))
def test_v_measure_agrees_with_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels, found = random.integers(0, 4, 60), random.integers(0, 2 + seed, 60)
    found[:20] = labels[:20]
    assert v_measure(labels, found) == pytest.approx(v_measure_score(labels, found))


def test_v_measure_of_extremes() -> None:
    labels = np.arange(40) % 4
    assert v_measure(labels, 7 - labels) == pytest.approx(1.0)
    assert v_measure(labels, np.zeros(40)) == pytest.approx(0.0)  # one cluster tells nothing
    assert v_measure(labels, np.arange(40) // 20) == pytest.approx(0.0)  # the modalities, balanced
    # Every item alone: homogeneity 1, completeness log 4 / log 40.
    complete = math.log(4) / math.log(40)
    assert v_measure(labels, np.arange(40)) == pytest.approx(2 * complete / (1 + complete))
    with pytest.raises(ValueError, match="two classes"):
        v_measure(np.zeros(5), np.arange(5))


def blobs(gap: float) -> tuple[Cloud, NDArray[np.int64], NDArray[np.int64]]:
    """Four emotions in each of two modalities, `gap` apart."""
    labels, modality = np.arange(80) % 4, np.repeat([0, 1], 40)
    rows = np.eye(6)[labels] + 0.05 * np.random.default_rng(0).normal(size=(80, 6))
    return rows + gap * modality[:, None] * np.eye(6)[5], labels, modality


def test_clusters_are_the_emotions_until_a_gap_hides_them() -> None:
    """What arXiv 2601.18525 shows: where modalities are apart, clusters split by modality."""
    rows, labels, modality = blobs(0.0)
    assert v_measure(labels, clusters(rows, 4)) == pytest.approx(1.0)
    turned = rows[::-1] @ ortho_group.rvs(6, random_state=1)
    assert v_measure(labels[::-1], clusters(turned, 4)) == pytest.approx(1.0)
    rows, labels, modality = blobs(9.0)
    assert adjusted_rand_score(modality, clusters(rows, 2)) == pytest.approx(1.0)
    assert v_measure(labels, clusters(rows, 4)) < 0.7


def test_fewer_different_rows_than_clusters_are_clusters_each() -> None:
    rows = np.repeat(np.eye(3), 4, axis=0)
    assert v_measure(np.arange(12) // 4, clusters(rows, 5)) == pytest.approx(1.0)
    assert len(np.unique(clusters(np.full((9, 2), 0.7), 4))) == 1


@pytest.mark.parametrize("k", [1, 4, 10])
def test_mutual_neighbours_agree_with_scikit_learn(k: int) -> None:
    random = np.random.default_rng(k)
    x = random.normal(size=(30, 5))
    y = np.concatenate([x[:, :2], random.normal(size=(30, 6))], axis=1)  # widths may differ
    near = [NearestNeighbors(n_neighbors=k).fit(z).kneighbors()[1] for z in (x, y)]
    expected = np.mean([len(set(a) & set(b)) / k for a, b in zip(*near, strict=True)])
    assert mutual_neighbours(x, y, k) == pytest.approx(expected)
    assert 0 < expected < 1


def test_mutual_neighbours_of_extremes() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 6))
    turn = ortho_group.rvs(6, random_state=0)
    assert mutual_neighbours(x, 5.0 * x @ turn - 3.0) == pytest.approx(1.0)
    point = np.zeros((40, 2))
    assert mutual_neighbours(point, x) == pytest.approx(10 / 39)  # a collapse scores as chance
    assert mutual_neighbours(point, point) == pytest.approx(10 / 39)
    with pytest.raises(ValueError, match="there are 40 and 39 rows"):
        mutual_neighbours(x, x[:39])
    with pytest.raises(ValueError, match=r"Two rows or more .* \[1\]"):
        mutual_neighbours(x[:1], x[:1])
