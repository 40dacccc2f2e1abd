"""Figures with replicates on resampled items, and their mean over several sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mer_core.metrics.report import METRICS

Floats = NDArray[np.float64]
Figures = dict[str, float | None]


@dataclass(frozen=True)
class Measured:
    """Figures of one set, or of all.

    Attributes:
        figures: Name → value, or None where it does not exist.
        replicates: Name → the same figure on resampled items.
    """

    figures: Figures
    replicates: dict[str, Floats]


def joined(first: Measured, second: Measured) -> Measured:
    """What both of them have; where they share a name, the second counts."""
    return Measured(first.figures | second.figures, first.replicates | second.replicates)


def mean_over_sets(parts: Sequence[Measured]) -> Measured:
    """Each set counts equally; a figure that one set lacks does not exist.

    But for what asks for natural pairs: of that, the sets that have it are the mean.
    """
    figures: Figures = {}
    replicates: dict[str, Floats] = {}
    for name in parts[0].figures:
        having = [part for part in parts if part.figures[name] is not None]
        asked = having if needs_pairs(name) else parts
        known = [value for part in asked if (value := part.figures[name]) is not None]
        figures[name] = float(np.mean(known)) if known and len(known) == len(asked) else None
        if asked and all(name in part.replicates for part in asked):
            replicates[name] = np.mean([part.replicates[name] for part in asked], axis=0)
    return Measured(figures, replicates)


def needs_pairs(name: str) -> bool:
    """Whether a figure, named as in `Measured.figures`, asks for natural pairs."""
    metric = METRICS.get(name.rpartition("/")[2])
    return metric is not None and "pair" in metric.needs
