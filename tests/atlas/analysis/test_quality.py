"""Map quality against scikit-learn and against loops."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.metrics import pairwise_distances

from mer_core.atlas.analysis.quality import point_quality
from mer_core.atlas.distances import METRICS, distances, normalise_for_metric


@pytest.mark.parametrize("metric", METRICS)
def test_trustworthiness_is_sklearns(metric: str) -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((50, 6)).astype(np.float32)
    points = (vectors[:, :2] + 0.5 * random.standard_normal((50, 2))).astype(np.float32)
    for neighbours in (3, 15):
        ours = point_quality(vectors, points, metric, neighbours).mean
        expected = trustworthiness(vectors, points, n_neighbors=neighbours, metric=metric)
        assert ours.trustworthiness == pytest.approx(expected, abs=1e-6)


def test_preservation_by_loops() -> None:
    random = np.random.default_rng(1)
    vectors = random.standard_normal((30, 5)).astype(np.float32)
    points = random.standard_normal((30, 2)).astype(np.float32)
    kept = []
    for i in range(30):
        others = [j for j in range(30) if j != i]
        true = sorted(others, key=lambda j: np.linalg.norm(vectors[i] - vectors[j]))[:4]
        shown = sorted(others, key=lambda j: np.linalg.norm(points[i] - points[j]))[:4]
        kept.append(len(set(true) & set(shown)) / 4)
    found = point_quality(vectors, points, "euclidean", 4)
    np.testing.assert_allclose(found.kept / 4, kept)
    assert found.mean.preservation == pytest.approx(np.mean(kept))


def test_a_map_of_itself_is_perfect_on_fewer_neighbours_for_few_points() -> None:
    points = np.random.default_rng(2).standard_normal((9, 2)).astype(np.float32)
    found = point_quality(points, points, "euclidean").mean
    assert (found.trustworthiness, found.preservation, found.neighbours) == (1, 1, 4)


@pytest.mark.parametrize("metric", METRICS)
def test_distances_are_sklearns(metric: str) -> None:
    rows = normalise_for_metric(np.random.default_rng(3).standard_normal((20, 7)), metric)
    expected = pairwise_distances(rows, metric=metric)
    for i in range(20):
        np.testing.assert_allclose(distances(rows, rows[i], metric), expected[i], atol=1e-5)
