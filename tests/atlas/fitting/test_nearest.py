"""Exact neighbours: those of a full table of distances, and UMAP's own fit to the bit."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from mer_core.atlas.distances import METRICS
from mer_core.atlas.fitting.nearest import ExactSearch
from mer_core.atlas.maps import MapParams
from tests.atlas.conftest import make_reference

# As scipy documents them, in doubles.
ORACLES = {
    "cosine": lambda x, y: 1 - x @ y / np.sqrt((x @ x) * (y @ y)),
    "euclidean": lambda x, y: np.sqrt(((x - y) ** 2).sum()),
    "manhattan": lambda x, y: np.abs(x - y).sum(),
}


@pytest.fixture
def vectors() -> np.ndarray:
    """Of different lengths, four of them twice: ties."""
    joint = make_reference(each=6, width=16).joint
    lengths = np.random.default_rng(0).uniform(0.5, 2, (len(joint), 1)).astype(np.float32)
    return np.concatenate([joint * lengths, (joint * lengths)[:4]])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [2, 7, 51])
def test_the_nearest_of_a_full_table(vectors: np.ndarray, metric: str, k: int) -> None:
    def exact(x: np.ndarray, y: np.ndarray) -> float:
        return float(ORACLES[metric](x.astype(np.float64), y.astype(np.float64)))

    table = np.array([[exact(x, y) for y in vectors] for x in vectors], dtype=np.float32)
    order = np.argsort(table, axis=1, kind="stable")[:, :k]
    indices, away = ExactSearch(vectors, metric, exact).query(vectors, k)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_array_equal(away, np.take_along_axis(table, order, axis=1))
    assert (indices.dtype, away.dtype) == (np.int32, np.float32)


def test_only_a_few_are_asked_for(vectors: np.ndarray) -> None:
    asked = []

    def exact(x: np.ndarray, y: np.ndarray) -> float:
        asked.append(y)
        return float(np.abs(x - y).sum())

    ExactSearch(vectors, "manhattan", exact).query(vectors[:1], 5)
    assert 5 <= len(asked) <= 7


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
def test_umap_itself_makes_the_same_bits(vectors: np.ndarray, metric: str) -> None:
    import umap

    from mer_core.atlas.fitting.layout import fit_umap

    params = MapParams(n_neighbors=8, metric=metric, seed=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = umap.UMAP(
            n_neighbors=8, min_dist=params.min_dist, metric=metric, random_state=5, n_jobs=1,
            init="pca",
        ).fit(vectors)  # fmt: skip
    ours = fit_umap(vectors, params)
    assert (ours.graph_ != theirs.graph_).nnz == 0
    np.testing.assert_array_equal(ours.embedding_, theirs.embedding_)
    others = make_reference(each=2, width=16, seed=1).joint
    # Close, not the same: `transform` leaves the order of equally near ones to chance.
    np.testing.assert_allclose(ours.transform(others), theirs.transform(others), atol=0.05)


@pytest.mark.slow
def test_a_vector_that_is_not_finite_is_refused(vectors: np.ndarray) -> None:
    from mer_core.atlas.fitting.layout import fit_umap

    vectors[3, 2] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        fit_umap(vectors, MapParams(n_neighbors=5))
