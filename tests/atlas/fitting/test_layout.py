"""What the atlas needs of umap-learn, one test for each part that its documentation leaves out."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

from mer_core.atlas.distances import METRICS
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
    """Oracle: what `umap.umap_.find_ab_params` gives for the default spread."""
    from umap.umap_ import find_ab_params

    from mer_core.atlas.fitting.layout import fit_umap

    model = fit_umap(vectors, PARAMS).model
    assert hasattr(model, "_a"), "umap-learn no longer keeps the fitted curve in `_a` and `_b`"
    assert fit_umap(vectors, PARAMS).curve == pytest.approx(find_ab_params(1.0, PARAMS.min_dist))


def test_transform_asks_our_index(vectors: np.ndarray) -> None:
    """A vector of the fit is transformed to its own point's neighbourhood."""
    from mer_core.atlas.fitting.layout import fit_umap

    layout = fit_umap(vectors, PARAMS)
    source = inspect.getsource(type(layout.model).transform)
    for name in ("_knn_search_index._angular_trees", "_knn_search_index.query("):
        assert name in source, f"umap-learn's `transform` no longer uses `{name}` of its index"
    points = layout.model.transform(vectors)
    size = np.ptp(layout.points, axis=0).max()
    assert np.median(np.linalg.norm(points - layout.points, axis=1)) < 0.1 * size


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
