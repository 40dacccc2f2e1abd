"""The one place that calls umap-learn; importing it brings umap and numba."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import umap
from threadpoolctl import threadpool_limits
from umap.distances import named_distances

from mer_core.atlas.fitting.nearest import FEW, ExactSearch
from mer_core.types import FloatArray

if TYPE_CHECKING:
    from mer_core.atlas.fitting.fit import OnEpoch
    from mer_core.atlas.maps import MapParams


def fit_umap(
    vectors: FloatArray,
    params: MapParams,
    start: FloatArray | None = None,
    on_epoch: OnEpoch | None = None,
) -> Any:
    """A fitted `umap.UMAP` of `vectors` (N, D); bit-identical for the same arguments.

    It starts from `start` (N, 2) or else from the two main axes. UMAP's usual spectral start is not
    bit-identical: its solver falls back on chance that no seed reaches where the neighbourhood
    graph is degenerate, as it is with vectors that occur twice. One thread throughout, for sums of
    several come out in another order every time.

    Below `FEW` points the neighbours come from us: the same bits as without, in about half
    the time (`tests/atlas/fitting/test_nearest.py` compares).

    Raises:
        ValueError: A vector is not finite.
    """
    if not np.isfinite(vectors).all():
        raise ValueError("A vector that is not finite has no place on a map.")
    progress: dict[str, Any] = {"disable": True}
    if on_epoch is not None:
        progress = {
            "disable": False, "file": _Epochs(on_epoch), "bar_format": "{n_fmt}/{total_fmt}",
            "mininterval": 0.1,
        }  # fmt: skip
    model = umap.UMAP(
        n_neighbors=params.n_neighbors,
        min_dist=params.min_dist,
        metric=params.metric,
        random_state=params.seed,
        n_jobs=1,
        init="pca" if start is None else start,
        tqdm_kwds=progress,
    )
    with threadpool_limits(1), warnings.catch_warnings():
        # On one job for a seed, and on an index that is none of UMAP's: both are meant.
        warnings.simplefilter("ignore")
        if len(vectors) < FEW:
            model.precomputed_knn = _neighbours(vectors, params)
        return model.fit(vectors)


def _neighbours(vectors: FloatArray, params: MapParams) -> tuple[Any, Any, ExactSearch]:
    """Indices and distances (N, K), and what finds those of other vectors."""
    search = ExactSearch(vectors, params.metric, named_distances[params.metric])
    return *search.query(search.vectors, params.n_neighbors), search


class _Epochs(io.TextIOBase):
    """What umap's progress bar writes into, turned into calls."""

    def __init__(self, on_epoch: OnEpoch) -> None:
        self.on_epoch = on_epoch

    def write(self, text: str) -> int:
        done, _, total = text.strip().partition("/")
        if done.isdigit() and total.isdigit():
            self.on_epoch(int(done), int(total))
        return len(text)
