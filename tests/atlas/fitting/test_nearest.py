"""Exact neighbours: scikit-learn's, with equal distances in the order of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from mer_core.atlas.distances import METRICS
from mer_core.atlas.fitting.nearest import ExactNeighbours
from tests.atlas.conftest import make_reference


@pytest.fixture
def vectors() -> np.ndarray:
    """(48, 16) of different lengths, no two distances equal."""
    joint = make_reference(each=6, width=16).joint
    lengths = np.random.default_rng(0).uniform(0.5, 2, (len(joint), 1)).astype(np.float32)
    return joint * lengths


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [2, 7, 48])
def test_neighbours_are_sklearns(vectors: np.ndarray, metric: str, k: int) -> None:
    oracle = NearestNeighbors(algorithm="brute", metric=metric).fit(vectors.astype(np.float64))
    expected, sets = oracle.kneighbors(vectors.astype(np.float64), k)
    indices, distances = ExactNeighbours(vectors, metric).query(vectors, k)
    for row in range(len(vectors)):
        assert set(indices[row]) == set(sets[row])
    np.testing.assert_allclose(distances, expected, atol=2e-6)
    np.testing.assert_array_equal(indices[:, 0], np.arange(len(vectors)))
    assert (distances[:, 0] == 0).all()
    assert (indices.dtype, distances.dtype) == (np.int32, np.float32)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_distances_keep_the_order_of_the_rows(vectors: np.ndarray, metric: str) -> None:
    twice = np.concatenate([vectors[:5], vectors[:5]])
    indices, distances = ExactNeighbours(twice, metric).query(twice, 2)
    first = np.arange(5)
    np.testing.assert_array_equal(indices, np.tile(np.stack([first, first + 5], axis=1), (2, 1)))
    assert (distances == 0).all()
