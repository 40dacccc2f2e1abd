"""The linear view: embeddings projected at right angles onto two directions that have a meaning.

Horizontal is the direction of a modality probe, ridge regression as in `metrics.gap`.
Vertical is the leading discriminant of emotion among the directions at right angles to it, by
penalised optimal scoring (Hastie, Buja & Tibshirani 1995): it gives every emotion a score, and
without a penalty it is the first direction of linear discriminant analysis. The scores are those
of the network without alignment, so that up means the same emotion under every strategy; every
strategy has its own directions, because it has its own space.

Embeddings have length 1 and both directions too, so coordinates have one unit under every strategy.
Nothing is fitted to a new point: it is projected as the reference is. The directions are fitted to
the points that are shown, so some separation is chance; the control shows how much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from mer_core.atlas.distances import normalise_for_metric
from mer_core.atlas.reference import Reference
from mer_core.frameworks.descriptor import BEFORE
from mer_core.metrics.ridge import Ridge
from mer_core.types import FloatArray

Floats = NDArray[np.float64]

# A share of the features' mean variance. Stronger than that of the probe's accuracy (0.01), whose
# directions hold 0.5 to 5 % of the spread of the shipped embeddings; these hold 19 to 57 %.
RIDGE = 1.0
FLAT = 1e-9  # a direction shorter than this tells nothing apart


@dataclass(frozen=True, eq=False)
class LinearProjection:
    """An affine map from embeddings to the plane.

    Attributes:
        centre: (D,) which is projected to 0.
        axes: (2, D) orthonormal: horizontal, vertical.
    """

    centre: Floats
    axes: Floats

    def project(self, vectors: FloatArray) -> Floats:
        """(M, D) embeddings of either modality → (M, 2).

        Raises:
            ValueError: Not (M, D), or not finite.
        """
        width = len(self.centre)
        if vectors.ndim != 2 or vectors.shape[1] != width:
            raise ValueError(f"Embeddings of this view are (M, {width}), not {vectors.shape}.")
        if not np.isfinite(vectors).all():
            raise ValueError("An embedding that is not finite cannot be projected.")
        return np.asarray((_rows(vectors) - self.centre) @ self.axes.T)


@dataclass(frozen=True, eq=False)
class LinearView:
    """The projections of one framework.

    Attributes:
        projections: Strategy → its projection.
        scores: (K,) how far up the vertical axis looks for each emotion; NaN for one without pairs.
    """

    projections: Mapping[str, LinearProjection]
    scores: Floats

    @property
    def ends(self) -> tuple[int, int]:
        """Indices of the emotions at the lower and the upper end of the vertical axis."""
        return int(np.nanargmin(self.scores)), int(np.nanargmax(self.scores))


def fit_linear(references: Mapping[str, Reference], ridge: float = RIDGE) -> LinearView:
    """The linear view of references of the same pairs, `BEFORE` among them."""
    scores = emotion_scores(references[BEFORE], ridge)
    return LinearView({name: fit(one, scores, ridge) for name, one in references.items()}, scores)


def fit(reference: Reference, scores: Floats, ridge: float = RIDGE) -> LinearProjection:
    """One strategy's projection, with emotions scored as under every other one (D ≥ 2)."""
    rows = _rows(reference.joint)
    centre, horizontal, rest = _modality(rows, ridge)
    known = np.nan_to_num(scores)[np.tile(reference.labels, 2)]
    slope = Ridge.fit(rest, known, np.ones(len(rest)), ridge).slope
    vertical = _unit(slope - (slope @ horizontal) * horizontal, rest)
    return LinearProjection(centre, np.stack([horizontal, vertical]))


def emotion_scores(reference: Reference, ridge: float = RIDGE) -> Floats:
    """(K,) scores of mean 0 and variance 1 that a ridge regression predicts best.

    Regressing on the scores gives the leading discriminant. The largest score is positive; an
    emotion without pairs is NaN, and a single emotion scores 0.
    """
    scores = np.full(len(reference.emotions), np.nan)
    present, codes, counts = np.unique(
        np.tile(reference.labels, 2), return_inverse=True, return_counts=True
    )
    if len(present) < 2:
        scores[present] = 0
        return scores
    _, _, rest = _modality(_rows(reference.joint), ridge)
    indicators = np.eye(len(present))[codes]  # (2N, K)
    fitted = Ridge.fit(rest, indicators, np.ones(len(rest)), ridge).predict(rest)
    shares = counts / len(rest)
    explained = indicators.T @ (fitted - shares) / len(rest)  # (K, K)
    _, solutions = eigh((explained + explained.T) / 2, np.diag(shares))
    leading = solutions[:, -1]
    largest = int(np.argmax(np.round(np.abs(leading), 6)))  # of equal ones, the first
    scores[present] = leading * np.sign(leading[largest])
    return scores


def _modality(rows: Floats, ridge: float) -> tuple[Floats, Floats, Floats]:
    """Centre (D,), direction from the partner to the leading modality (D,), rows without it."""
    weights = np.ones(len(rows))
    target = np.repeat([1.0, -1.0], len(rows) // 2)
    probe = Ridge.fit(rows, target, weights, ridge)
    centred = rows - probe.centre
    horizontal = _unit(probe.slope, centred)
    return probe.centre, horizontal, centred - np.outer(centred @ horizontal, horizontal)


def _unit(direction: Floats, rows: Floats) -> Floats:
    """`direction` at length 1; where it tells nothing apart, the main axis of `rows`."""
    length = float(np.linalg.norm(direction))
    if length < FLAT:
        _, axes = np.linalg.eigh(rows.T @ rows)
        return np.asarray(axes[:, -1])
    return np.asarray(direction / length)


def _rows(vectors: FloatArray) -> Floats:
    return normalise_for_metric(vectors, "cosine").astype(np.float64)
