"""How well a strategy recognises the emotions of pairs, with replicates for intervals.

Resampling the speakers estimates what a figure would be on others. Where a set has only one, that
speaker's clips are resampled instead, and the interval holds for this speaker only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mer_core.emotions import FOUR
from mer_core.metrics.calibration import BINS
from mer_core.metrics.catalogue import RECOGNITION
from mer_core.metrics.nulls import SHUFFLES
from mer_core.metrics.recognition import (
    group_tables,
    macro_f1,
    unweighted_accuracy,
    weighted_accuracy,
)
from train.data.paired_task import label_indices
from train.data.pairs import Pair
from train.evaluate.measures import Figures, Floats, Measured, resampling_units

RESAMPLES = 1_000  # of the speakers, or of a lone speaker's clips


def recognition(pairs: Sequence[Pair], probabilities: Floats) -> Measured:
    """UA, WA, macro-F1 and ECE of calibrated (N, C) probabilities, bootstrapped.

    The resampled items are `resampling_units`; a single one has no replicates.
    """
    labels, groups = label_indices(pairs).numpy(), resampling_units(pairs)
    nulls = shuffled(labels, probabilities)
    tables = group_tables(labels, probabilities.argmax(axis=1), groups, len(FOUR))  # (G, C, C + 1)
    gaps = calibration_gaps(labels, probabilities, groups)  # (G, BINS)
    (values,) = _figures(tables, gaps, np.arange(len(tables))[None])
    figures = dict(zip(RECOGNITION, values.tolist(), strict=True))
    names = sorted(set(groups))
    if len(names) < 2:
        return Measured(figures, {}, nulls)
    # Sets of the same speakers, or of the same speaker's clips, get the same resamples.
    key = hashlib.sha256("\n".join(names).encode()).digest()
    drawn = np.random.default_rng(list(key)).integers(0, len(names), (RESAMPLES, len(names)))
    replicates = _figures(tables, gaps, drawn)
    return Measured(figures, dict(zip(RECOGNITION, replicates.T, strict=True)), nulls)


def shuffled(labels: NDArray[np.int64], probabilities: Floats) -> Figures:
    """Null lines: the mean of each figure over `SHUFFLES` in which the labels are dealt anew."""
    generator = np.random.default_rng(0)
    together = ["all"] * len(labels)
    rows = []
    for _ in range(SHUFFLES):
        dealt = generator.permutation(labels)
        tables = group_tables(dealt, probabilities.argmax(axis=1), together, len(FOUR))
        gaps = calibration_gaps(dealt, probabilities, together)
        rows.append(_figures(tables, gaps, np.zeros((1, 1), dtype=np.int64))[0])
    return dict(zip(RECOGNITION, np.mean(rows, axis=0).tolist(), strict=True))


def calibration_gaps(
    labels: NDArray[np.int64], probabilities: Floats, groups: Sequence[str]
) -> Floats:
    """(G, BINS) summed accuracy minus confidence; summed over groups, they make the ECE."""
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    confidence = probabilities.max(axis=1)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.zeros((int(index.max()) + 1, BINS))
    np.add.at(gaps, (index, bins), (probabilities.argmax(axis=1) == labels) - confidence)
    return gaps


def _figures(tables: NDArray[np.int64], gaps: Floats, drawn: NDArray[np.int64]) -> Floats:
    """(R, 4) figures in the order of `RECOGNITION`, of `drawn` (R, G) groups."""
    rows = []
    for groups in drawn:
        table = tables[groups].sum(axis=0)
        ece = np.abs(gaps[groups].sum(axis=0)).sum() / table.sum()
        rows.append((unweighted_accuracy(table), weighted_accuracy(table), macro_f1(table), ece))
    return np.array(rows)
