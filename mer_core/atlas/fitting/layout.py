"""The only module that calls umap-learn, and that relies on what umap-learn does not document.

Importing it imports umap and numba. Beyond the documented interface it uses the fitted curve
(`_a`, `_b`), `query` and `_angular_trees` of a search index, and tqdm's call of `bar_format.format`
with the fields `n` and `total`; `tests/atlas/fitting/test_layout.py` names the one that moved.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import umap
from threadpoolctl import threadpool_limits

from mer_core.atlas.fitting.nearest import FEW, ExactNeighbours
from mer_core.atlas.fitting.progress import OnEpoch
from mer_core.types import FloatArray

if TYPE_CHECKING:
    from mer_core.atlas.maps import MapParams

SECONDS = 0.1  # between two reports of the epoch, at least


@dataclass(frozen=True, eq=False)
class Layout:
    """What umap-learn fitted.

    Attributes:
        points: (N, 2) in its own coordinates.
        curve: (a, b): membership at distance d on the map is 1 / (1 + a · d^2b).
        model: umap-learn's, for its `transform`.
    """

    points: FloatArray
    curve: tuple[float, float]
    model: Any


def fit_umap(
    vectors: FloatArray,
    params: MapParams,
    start: FloatArray | None = None,
    on_epoch: OnEpoch | None = None,
) -> Layout:
    """Fit `vectors` (N, D); the same arguments give the same bits on one machine.

    It starts from `start` (N, 2), or else from the two main axes. UMAP's default spectral start is
    not repeatable: where the neighbourhood graph is degenerate, as with vectors that occur twice,
    its solver falls back on random numbers that no seed controls. It runs on one thread, because
    several add up in another order every time. Across CPUs it differs all the same: rounding
    decides which negative samples are drawn.

    Raises:
        ValueError: A vector is not finite.
    """
    if not np.isfinite(vectors).all():
        raise ValueError("A vector that is not finite cannot be put on a map.")
    model = umap.UMAP(
        n_neighbors=params.n_neighbors,
        min_dist=params.min_dist,
        metric=params.metric,
        random_state=params.seed,
        n_jobs=1,
        init="pca" if start is None else start,
        precomputed_knn=_neighbours(vectors, params),
        tqdm_kwds=_progress_bar(on_epoch),
    )
    with threadpool_limits(1), warnings.catch_warnings():
        # It warns that a seed means one job, and that the index is not pynndescent's.
        warnings.simplefilter("ignore")
        model.fit(vectors)
    return Layout(model.embedding_, (float(model._a), float(model._b)), model)


def _neighbours(vectors: FloatArray, params: MapParams) -> tuple[Any, Any, Any]:
    """Indices and distances (N, K) and the index; three None where umap-learn is to search."""
    if len(vectors) >= FEW:
        return None, None, None
    index = ExactNeighbours(vectors, params.metric)
    return *index.query(vectors, params.n_neighbors), index


def _progress_bar(on_epoch: OnEpoch | None) -> dict[str, Any]:
    """Arguments of the tqdm bar that umap-learn draws over its epochs."""
    if on_epoch is None:
        return {"disable": True}
    bar = _EpochReporter(on_epoch)
    return {"disable": False, "file": io.StringIO(), "bar_format": bar, "mininterval": SECONDS}


class _EpochReporter(str):
    """A `bar_format` that passes tqdm's counts on, and formats nothing.

    umap-learn has no callback. tqdm calls `bar_format.format` with every field of its meter.
    """

    _on_epoch: OnEpoch

    def __new__(cls, on_epoch: OnEpoch) -> _EpochReporter:
        reporter = super().__new__(cls, "{n}/{total}")  # tqdm ignores an empty one
        reporter._on_epoch = on_epoch
        return reporter

    def format(self, *_: object, **meter: Any) -> str:
        self._on_epoch(meter["n"], meter["total"])
        return ""
