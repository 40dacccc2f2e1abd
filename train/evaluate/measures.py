"""Figures of sets of pairs, with replicates on resampled items; their mean over several sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mer_core.metrics.catalogue import METRICS, RECOGNITION, Metric, Need
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
        nulls: The null lines of the same figures: their values where there is nothing to find.
    """

    figures: Figures
    replicates: dict[str, Floats]
    nulls: Figures


def joined(first: Measured, second: Measured) -> Measured:
    """The figures of both; where they share a name, the second counts."""
    return Measured(
        first.figures | second.figures,
        first.replicates | second.replicates,
        first.nulls | second.nulls,
    )


def mean_over_sets(parts: Sequence[Measured]) -> Measured:
    """Each set counts equally; a figure that one set lacks does not exist.

    Except for figures that need natural pairs: their mean is over the sets that have them.
    """
    figures: Figures = {}
    nulls: Figures = {}
    replicates: dict[str, Floats] = {}
    for name in parts[0].figures:
        having = [part for part in parts if part.figures[name] is not None]
        counted = having if FIGURES[name].needs_pairs else parts
        figures[name] = _mean([part.figures[name] for part in counted])
        nulls[name] = _mean([part.nulls[name] for part in counted])
        if counted and all(name in part.replicates for part in counted):
            replicates[name] = np.mean([part.replicates[name] for part in counted], axis=0)
    return Measured(figures, replicates, nulls)


def _mean(values: Sequence[float | None]) -> float | None:
    """None if there is no value, or if one does not exist."""
    existing = [value for value in values if value is not None]
    return float(np.mean(existing)) if existing and len(existing) == len(values) else None


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
