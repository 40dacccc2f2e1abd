"""Weighted ridge regression on an intercept, in closed form: what linear probes are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mer_core.metrics.clouds import Floats

RIDGE = 1e-2  # added to every variance, as a share of the features' mean variance
LEAST = 1e-9  # of what is added, where no feature varies


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted regression: `(rows − centre) @ slope + offset`.

    Attributes:
        centre: (D,) weighted mean of the rows.
        slope: (D,) for one target, (D, K) for K of them.
        offset: Weighted mean of the targets.
    """

    centre: Floats
    slope: Floats
    offset: Floats

    @classmethod
    def fit(cls, rows: Floats, targets: Floats, weights: Floats, ridge: float = RIDGE) -> Ridge:
        """Fit `targets` (N,) or (N, K) to `rows` (N, D), which count by `weights` (N,)."""
        weights = weights / weights.sum()
        centre, offset = weights @ rows, weights @ targets
        centred = rows - centre
        weighted = weights[:, None] * centred
        covariance = centred.T @ weighted  # (D, D)
        added = max(ridge * float(np.trace(covariance)) / len(covariance), LEAST)
        slope = np.linalg.solve(
            covariance + added * np.eye(len(covariance)), weighted.T @ (targets - offset)
        )
        return cls(centre, np.asarray(slope, np.float64), np.asarray(offset, np.float64))

    def predict(self, rows: Floats) -> Floats:
        """(M, D) → (M,) or (M, K)."""
        return np.asarray((rows - self.centre) @ self.slope + self.offset)
