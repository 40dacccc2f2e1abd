"""Mixing against scikit-learn's neighbours, every order of ties, and closed forms."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ortho_group
from sklearn.neighbors import NearestNeighbors

from mer_core.metrics.mixing import mixing, random_mixing

Cloud = NDArray[np.float64]


def two_clouds(seed: int, n: int = 30, m: int = 22, width: int = 4) -> tuple[Cloud, Cloud]:
    random = np.random.default_rng(seed)
    points = random.normal(size=(n + m, width))
    points[n:] += 0.7
    return points, np.repeat([0, 1], [n, m])


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("k", [1, 5, 15])
def test_it_agrees_with_scikit_learns_neighbours(k: int, width: int) -> None:
    points, modality = two_clouds(k, width=width)
    _, nearest = NearestNeighbors(n_neighbors=k).fit(points).kneighbors()  # never the point itself
    expected = (modality[nearest] != modality[:, None]).mean()
    assert mixing(points, modality, k) == pytest.approx(expected)


def test_order_place_turn_scale_and_names_change_nothing() -> None:
    points, modality = two_clouds(0)
    before = mixing(points, modality)
    order = np.random.default_rng(1).permutation(len(points))
    assert mixing(points[order], modality[order]) == pytest.approx(before)
    turned = points @ ortho_group.rvs(4, random_state=0) * 40.0 + 3.0
    assert mixing(turned, modality) == pytest.approx(before)
    assert mixing(points, np.where(modality, "words", "voice")) == pytest.approx(before)
    assert mixing(points, 1 - modality) == pytest.approx(before)


def test_separate_clouds_do_not_mix_and_coinciding_pairs_do() -> None:
    points, modality = two_clouds(2, 20, 20)
    assert mixing(points + 100.0 * modality[:, None], modality) == 0.0
    pairs = np.concatenate([points[:20], points[:20]])
    assert mixing(pairs, modality, k=1) == pytest.approx(1.0)  # the nearest is the own other half
    interleaved, parity = np.arange(10.0)[:, None], np.arange(10) % 2
    # Inside, both neighbours at distance 1 are of the other; at the ends the second is of the own.
    assert mixing(interleaved, parity, k=2) == pytest.approx((8 * 1.0 + 2 * 0.5) / 10)


def test_ties_give_the_mean_over_all_orders() -> None:
    random = np.random.default_rng(3)
    points = random.integers(0, 2, (6, 2)).astype(float)  # corners of a square: many ties
    modality = np.array([0, 0, 0, 1, 1, 1])
    shares = []
    for i in range(6):
        others = [j for j in range(6) if j != i]
        away = {j: float(np.square(points[i] - points[j]).sum()) for j in others}
        orders = [o for o in permutations(others) if [away[j] for j in o] == sorted(away.values())]
        hits = [np.mean([modality[j] != modality[i] for j in order[:3]]) for order in orders]
        shares.append(np.mean(hits))
    assert mixing(points, modality, k=3) == pytest.approx(np.mean(shares))


@pytest.mark.parametrize(("n", "m"), [(20, 20), (30, 10), (3, 2)])
def test_a_collapse_scores_as_random_mixing(n: int, m: int) -> None:
    modality = np.repeat([0, 1], [n, m])
    collapsed = np.full((n + m, 3), 0.3)
    assert mixing(collapsed, modality) == pytest.approx(random_mixing(modality))


def test_random_mixing_is_the_mean_over_random_modalities() -> None:
    points, modality = two_clouds(4, 30, 12)
    random = np.random.default_rng(5)
    values = [mixing(points, random.permutation(modality)) for _ in range(300)]
    standard_error = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values) - random_mixing(modality)) < 4 * standard_error
    by_hand = (30 * 12 / 41 + 12 * 30 / 41) / 42  # N_other / (N - 1), averaged over the points
    assert random_mixing(modality) == pytest.approx(by_hand)


def test_what_has_no_mixing_is_refused() -> None:
    points, modality = two_clouds(0, 5, 4)
    with pytest.raises(ValueError, match="two modalities"):
        mixing(points, np.zeros(9))
    with pytest.raises(ValueError, match="two modalities"):
        random_mixing(np.arange(9))
    with pytest.raises(ValueError, match="Each of 8 points needs a modality, but 9 have one"):
        mixing(points[:8], modality)
    with pytest.raises(ValueError, match=r"^points: the shape must be \(N, D\), but is \(9,\)"):
        mixing(points[:, 0], modality)
    points[2, 1] = math.nan
    with pytest.raises(ValueError, match=r"^points: 1 of 9 rows"):
        mixing(points, modality)
