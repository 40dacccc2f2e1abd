"""What the atlas needs of umap-learn, one test for each part that its documentation leaves out."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from mer_core.atlas.distances import METRICS
from mer_core.atlas.fitting.nearest import ExactNeighbours
from mer_core.atlas.maps import MapParams
from tests.atlas.conftest import make_reference

pytestmark = pytest.mark.slow  # compiles umap

PARAMS = MapParams(n_neighbors=8, seed=5)


@pytest.fixture
def vectors() -> np.ndarray:
    """(48, 16) of different lengths, no two distances equal."""
    joint = make_reference(each=6, width=16).joint
    lengths = np.random.default_rng(0).uniform(0.5, 2, (len(joint), 1)).astype(np.float32)
    return joint * lengths


@pytest.mark.parametrize("metric", METRICS)
def test_the_graph_is_that_of_umaps_own_search(vectors: np.ndarray, metric: str) -> None:
    import umap

    from mer_core.atlas.fitting.layout import fit_umap

    params = MapParams(n_neighbors=8, metric=metric, seed=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = umap.UMAP(n_neighbors=8, metric=metric, random_state=5, init="pca").fit(vectors)
    ours = fit_umap(vectors, params).model.graph_.toarray()
    np.testing.assert_array_equal(ours > 0, theirs.graph_.toarray() > 0)
    np.testing.assert_allclose(ours, theirs.graph_.toarray(), atol=2e-3)


def test_the_curve_is_where_we_read_it(vectors: np.ndarray) -> None:
    """Oracle: umap-learn's own fit of the curve, for its default spread."""
    import umap
    from umap.umap_ import find_ab_params

    from mer_core.atlas.fitting.layout import fit_umap

    model = umap.UMAP(n_neighbors=8, n_epochs=1, init="pca").fit(vectors)
    for name in ("_a", "_b"):
        assert hasattr(model, name), f"umap-learn no longer keeps the curve in `{name}`"
    assert fit_umap(vectors, PARAMS).curve == pytest.approx(find_ab_params(1.0, PARAMS.min_dist))


def test_transform_queries_our_index(vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    from mer_core.atlas.fitting.layout import fit_umap

    queries: list[int] = []
    query = ExactNeighbours.query

    def counted(index: ExactNeighbours, rows: np.ndarray, k: int, epsilon: float = 0.0) -> object:
        queries.append(len(rows))
        return query(index, rows, k, epsilon)

    layout = fit_umap(vectors, PARAMS)
    monkeypatch.setattr(ExactNeighbours, "query", counted)
    points = layout.model.transform(vectors[:5])
    assert queries == [5], "umap-learn's `transform` no longer queries `precomputed_knn[2]`"
    size = np.ptp(layout.points, axis=0).max()
    assert np.median(np.linalg.norm(points - layout.points[:5], axis=1)) < 0.1 * size


def test_every_epoch_may_be_reported(vectors: np.ndarray) -> None:
    from mer_core.atlas.fitting.layout import fit_umap

    epochs: list[tuple[int, int]] = []
    silent = fit_umap(vectors, PARAMS)
    reported = fit_umap(vectors, PARAMS, on_epoch=lambda done, total: epochs.append((done, total)))
    assert epochs, "tqdm no longer calls `bar_format.format(n=…, total=…)`, or umap uses no tqdm"
    assert epochs == sorted(epochs)
    assert epochs[-1] == (500, 500)  # umap-learn's number of epochs for few points
    np.testing.assert_array_equal(reported.points, silent.points)


def test_a_vector_that_is_not_finite_is_refused(vectors: np.ndarray) -> None:
    from mer_core.atlas.fitting.layout import fit_umap

    vectors[3, 2] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        fit_umap(vectors, PARAMS)
