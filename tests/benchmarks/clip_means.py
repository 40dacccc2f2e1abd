"""A mean over clips, with its 95 % bootstrap interval over speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2_000


@dataclass(frozen=True)
class ClipMean:
    """A mean and its 95 % interval."""

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """`value [low, high]`, each number by `spec`."""
        value, low, high = (format(number, spec) for number in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}]".replace("-", "−")


def clip_mean(values: Sequence[float], units: Sequence[str], seed: int) -> ClipMean:
    """The mean of N values, whose units (speakers) are drawn with replacement."""
    numbers, names = np.asarray(values, dtype=np.float64), sorted(set(units))
    own = np.array([[unit == name for unit in units] for name in names], dtype=np.float64)  # (U, N)
    sums, counts = own @ numbers, own.sum(axis=1)
    generator = np.random.default_rng(seed)
    times = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    low, high = np.percentile((times @ sums) / (times @ counts), (2.5, 97.5))
    return ClipMean(float(numbers.mean()), float(low), float(high))
