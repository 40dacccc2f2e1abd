"""Counts of a run's answers, by dialogue or speaker: all that figures, intervals and tests need.

They hold no item, so that they may be published where a corpus may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mer_core.metrics.calibration import confidence_gaps
from mer_core.metrics.recognition import (
    answers,
    group_tables,
    macro_f1,
    unweighted_accuracy,
    weighted_accuracy,
)


@dataclass(frozen=True)
class Figures:
    """What a set of items comes to.

    Attributes:
        n: Items.
        weighted_accuracy: WA, the accuracy.
        unweighted_accuracy: UA, the mean recall of the classes that occur.
        macro_f1: Over the classes that occur or are predicted.
        ece: Expected calibration error, over answered items.
        refused: Share of items without an answer, which count as wrong.
    """

    n: int
    weighted_accuracy: float
    unweighted_accuracy: float
    macro_f1: float
    ece: float
    refused: float


@dataclass(frozen=True)
class Tally:
    """Counts of one set of items.

    Attributes:
        labels: The C classes.
        units: The G units with an item, sorted; the bootstrap draws them.
        tables: (G, C, C + 1) confusion tables, see `mer_core.metrics.recognition.confusion`.
        gaps: (BINS,) summed accuracy minus confidence, see `confidence_gaps`.
    """

    labels: tuple[str, ...]
    units: tuple[str, ...]
    tables: NDArray[np.int64]
    gaps: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        truth: ArrayLike,
        logits: ArrayLike,
        labels: tuple[str, ...],
        units: ArrayLike,
        temperature: float = 1.0,
    ) -> Tally:
        """Of N > 0 items.

        Args:
            truth: (N,) indices into `labels`.
            logits: (N, C); NaN where an item was refused.
            labels: The C classes.
            units: (N,) names.
            temperature: Divides the logits; changes the calibration only.
        """
        predicted, answered, probabilities = answers(logits, temperature)
        return cls(
            labels,
            tuple(np.unique(np.asarray(units)).tolist()),
            group_tables(truth, predicted, units, len(labels)),
            confidence_gaps(np.asarray(truth)[answered], probabilities),
        )

    def figures(self) -> Figures:
        """What the counts come to."""
        table = self.tables.sum(axis=0)  # (C, C + 1)
        items = int(table.sum())
        refused = int(table[:, -1].sum())
        return Figures(
            items,
            weighted_accuracy(table),
            unweighted_accuracy(table),
            macro_f1(table),
            float(np.abs(self.gaps).sum() / max(1, items - refused)),
            refused / max(1, items),
        )

    def record(self) -> dict[str, Any]:
        """As JSON; `parse` reads it."""
        tables = {unit: table.tolist() for unit, table in zip(self.units, self.tables, strict=True)}
        return {"labels": list(self.labels), "units": tables, "gaps": self.gaps.tolist()}

    @classmethod
    def parse(cls, record: Mapping[str, Any]) -> Tally:
        """From what `record` gives."""
        labels = tuple(record["labels"])
        shape = (-1, len(labels), len(labels) + 1)
        return cls(
            labels,
            tuple(record["units"]),
            np.array(list(record["units"].values()), dtype=np.int64).reshape(shape),
            np.array(record["gaps"], dtype=np.float64),
        )


def together(parts: Sequence[Tally]) -> Tally:
    """Counts of parts, such as folds; units are sorted, and those of several parts add up.

    Raises:
        ValueError: The parts have other classes.
    """
    if any(part.labels != parts[0].labels for part in parts):
        raise ValueError("Only counts of the same classes can be pooled.")
    names = sorted({unit for part in parts for unit in part.units})
    index = {unit: i for i, unit in enumerate(names)}
    classes = len(parts[0].labels)
    tables = np.zeros((len(names), classes, classes + 1), dtype=np.int64)
    for part in parts:
        np.add.at(tables, [index[unit] for unit in part.units], part.tables)
    gaps = np.sum([part.gaps for part in parts], axis=0)
    return Tally(parts[0].labels, tuple(names), tables, gaps)
