"""Whether two results differ: paired bootstrap over whole units, and Holm's correction.

A unit is a dialogue or a speaker: items of one unit are not independent, so units are drawn, the
same for both results. `tables` are (S, G, C, C + 1): a confusion table (see `recognition`) for each
of S seeds and G units; a figure is the mean over seeds of the metric of the summed tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Tables = NDArray[np.int64]
Floats = NDArray[np.float64]
Metric = Callable[[NDArray[np.int64]], Floats]  # (..., C, C + 1) → (...,), see `recognition`

INTERVAL = (2.5, 97.5)  # percentiles


@dataclass(frozen=True)
class Difference:
    """A figure minus another one.

    Attributes:
        value: The difference.
        low: Of its 95 % interval.
        high: Of its 95 % interval.
        p: Two-sided, before any correction.
    """

    value: float
    low: float
    high: float
    p: float


def mean_figure(tables: Tables, metric: Metric) -> float:
    """The mean over seeds of a metric, from tables (S, G, C, C + 1)."""
    return float(metric(tables.sum(axis=1)).mean())


def resampled(tables: Tables, metric: Metric, resamples: int, seed: int) -> Floats:
    """(R,) bootstrap replicates of `mean_figure`; equal seeds and G draw equal units."""
    seeds, units, *shape = tables.shape
    generator = np.random.default_rng(seed)
    chances = np.full(units, 1 / units)
    counts = generator.multinomial(units, chances, size=resamples).astype(np.float64)  # (R, G)
    values = np.zeros(resamples)
    for one in tables.reshape(seeds, units, -1).astype(np.float64):  # products of integers are slow
        sums = (counts @ one).reshape(resamples, *shape)  # (R, C, C + 1)
        values += metric(sums.astype(np.int64))
    return values / seeds


def interval(tables: Tables, metric: Metric, resamples: int, seed: int) -> tuple[float, float]:
    """95 % percentile bootstrap interval of `mean_figure`."""
    low, high = np.percentile(resampled(tables, metric, resamples, seed), INTERVAL)
    return float(low), float(high)


def paired_difference(
    first: Tables, second: Tables, metric: Metric, resamples: int, seed: int
) -> Difference:
    """`first` minus `second` on the same units.

    p is twice the smaller share of replicates on either side of 0 (Efron and Tibshirani 1993,
    ch. 15.4: the level at which the percentile interval just touches 0), with one added to both
    counts, so that it is never 0 (Davison and Hinkley 1997, Eq. 4.11).

    Args:
        first: (S, G, C, C + 1).
        second: (S', G, C, C + 1); of the same G units in the same order.
        metric: Of tables.
        resamples: R.
        seed: Of the draws.

    Raises:
        ValueError: Other units or classes, or other numbers of items by unit and class.
    """
    if not same_items(first, second):
        raise ValueError("Paired tests need the same items in both results.")
    replicates = resampled(first, metric, resamples, seed) - resampled(
        second, metric, resamples, seed
    )
    low, high = np.percentile(replicates, INTERVAL)
    tail = min((replicates <= 0).sum(), (replicates >= 0).sum())
    return Difference(
        mean_figure(first, metric) - mean_figure(second, metric),
        float(low),
        float(high),
        min(1.0, 2 * (int(tail) + 1) / (resamples + 1)),
    )


def same_items(first: Tables, second: Tables) -> bool:
    """Whether every seed of both has the same units, and in each the same items of each class."""
    if first.shape[1:] != second.shape[1:]:
        return False
    rows = np.concatenate([first.sum(axis=3), second.sum(axis=3)])  # (S + S', G, C)
    return bool((rows == rows[:1]).all())


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of a family of tests, in the order given (Holm 1979).

    Step down: the smallest of m is multiplied by m, the next by m - 1, and so on; no adjusted value
    is below that of a smaller p. The chance of any false rejection stays below the level, whatever
    the dependence.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    stepped = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return [float(value) for value in adjusted]
