"""Figures of sets of pairs, with replicates on resampled items; their mean over several sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mer_core.metrics.report import METRICS, Metric, Need
from train.data.pairs import Pair

Floats = NDArray[np.float64]
Figures = dict[str, float | None]  # key of `FIGURES` → value, or None where it does not exist


class Space(StrEnum):
    """Where embeddings are compared: ahead of alignment, or behind it and ahead of fusion."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Figure:
    """What is measured, and where.

    Attributes:
        metric: Title, direction and needs.
        space: Of the embeddings; None where there are none, as in recognition.
    """

    metric: Metric
    space: Space | None = None

    @property
    def needs_pairs(self) -> bool:
        """Whether it exists for natural pairs only."""
        return Need.PAIRS in self.metric.needs


RECOGNITION = {
    "unweighted_accuracy": Metric("UA", "higher"),
    "weighted_accuracy": Metric("WA", "higher"),
    "macro_f1": Metric("macro-F1", "higher"),
    "ece": Metric("ECE", "lower"),
}

# Space → metric → key of its figure.
ALIGNMENT = {
    Space.AFTER: {name: name for name in METRICS},
    Space.BEFORE: {name: f"{Space.BEFORE}/{name}" for name in METRICS},
}
FIGURES = {name: Figure(metric) for name, metric in RECOGNITION.items()} | {
    keys[name]: Figure(metric, space)
    for space, keys in ALIGNMENT.items()
    for name, metric in METRICS.items()
}


@dataclass(frozen=True)
class Measured:
    """Figures of one set, or of all.

    Attributes:
        figures: By their keys in `FIGURES`.
        replicates: The same figures on resampled items.
    """

    figures: Figures
    replicates: dict[str, Floats]


def joined(first: Measured, second: Measured) -> Measured:
    """The figures of both; where they share a name, the second counts."""
    return Measured(first.figures | second.figures, first.replicates | second.replicates)


def mean_over_sets(parts: Sequence[Measured]) -> Measured:
    """Each set counts equally; a figure that one set lacks does not exist.

    Except for figures that need natural pairs: their mean is over the sets that have them.
    """
    figures: Figures = {}
    replicates: dict[str, Floats] = {}
    for name in parts[0].figures:
        having = [part for part in parts if part.figures[name] is not None]
        counted = having if FIGURES[name].needs_pairs else parts
        values = [value for part in counted if (value := part.figures[name]) is not None]
        complete = bool(values) and len(values) == len(counted)
        figures[name] = float(np.mean(values)) if complete else None
        if counted and all(name in part.replicates for part in counted):
            replicates[name] = np.mean([part.replicates[name] for part in counted], axis=0)
    return Measured(figures, replicates)


def speakers(pairs: Sequence[Pair]) -> set[str]:
    """The speakers of these pairs."""
    return {pair.group for pair in pairs}


def resampling_units(pairs: Sequence[Pair]) -> list[str]:
    """What a bootstrap draws, for each pair: its speaker or, if there is only one, its clip.

    A clip is named by its index among the set's clips, which are in a fixed order.
    """
    if len(speakers(pairs)) > 1:
        return [pair.group for pair in pairs]
    indices = {clip: i for i, clip in enumerate(dict.fromkeys(pair.first for pair in pairs))}
    return [f"{pair.group} {indices[pair.first]:06d}" for pair in pairs]
