"""Recognition metrics and their uncertainty; pure functions on arrays.

`labels` (N,) are class indices, the rows of `probabilities` (N, C) sum to 1, and `groups` (N,) are
names of speakers or dialogues.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from mer_core.metrics.calibration import expected_calibration_error


def confusion(labels: ArrayLike, predicted: ArrayLike, classes: int) -> NDArray[np.int64]:
    """(C, C + 1) counts; rows are true classes, columns predicted ones.

    The last column is of items without an answer, whose `predicted` is C. They count as wrong.
    """
    table = np.zeros((classes, classes + 1), dtype=np.int64)
    np.add.at(table, (np.asarray(labels), np.asarray(predicted)), 1)
    return table


def weighted_accuracy(table: NDArray[np.int64]) -> float:
    """WA: share of correct predictions, from a confusion table."""
    return float(np.trace(table) / max(1, table.sum()))


def unweighted_accuracy(table: NDArray[np.int64]) -> float:
    """UA: mean recall over the classes that occur, from a confusion table."""
    counts = table.sum(axis=1)
    occurs = counts > 0
    return float((np.diag(table)[occurs] / counts[occurs]).mean()) if occurs.any() else 0.0


def macro_f1(table: NDArray[np.int64]) -> float:
    """Mean F1 over the classes that occur or are predicted, from a confusion table."""
    sums = table.sum(axis=0)[: len(table)] + table.sum(axis=1)
    occurs = sums > 0
    return float((2 * np.diag(table)[occurs] / sums[occurs]).mean()) if occurs.any() else 0.0


def weighted_accuracies(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """(...,) `weighted_accuracy` of every table (..., C, C + 1) of a stack, such as resamples."""
    right = np.trace(tables, axis1=-2, axis2=-1)
    return np.asarray(right / np.maximum(1, tables.sum(axis=(-2, -1))))


def unweighted_accuracies(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """(...,) `unweighted_accuracy` of every table (..., C, C + 1) of a stack."""
    counts = tables.sum(axis=-1)  # (..., C)
    recalls = np.diagonal(tables, axis1=-2, axis2=-1) / np.maximum(1, counts)
    return np.asarray(recalls.sum(axis=-1) / np.maximum(1, (counts > 0).sum(axis=-1)))


def macro_f1s(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """(...,) `macro_f1` of every table (..., C, C + 1) of a stack."""
    sums = tables.sum(axis=-2)[..., :-1] + tables.sum(axis=-1)  # (..., C)
    scores = 2 * np.diagonal(tables, axis1=-2, axis2=-1) / np.maximum(1, sums)
    return np.asarray(scores.sum(axis=-1) / np.maximum(1, (sums > 0).sum(axis=-1)))


def recognition_report(
    labels: ArrayLike,
    logits: ArrayLike,
    names: tuple[str, ...],
    *,
    groups: ArrayLike | None = None,
    temperature: float = 1.0,
    resamples: int = 1_000,
    seed: int = 0,
) -> dict[str, Any]:
    """UA, WA, macro-F1, ECE, confusion and, with `groups`, 95 % bootstrap intervals of UA and WA.

    Whole groups are drawn with replacement, because items of one speaker are not independent.
    A row of NaN is an item without an answer. It counts as wrong in every figure but the ECE, which
    is over answered items; `refused` is the share of such rows, `confusion` (C, C) is without them.
    """
    labels = np.asarray(labels)
    predicted, answered, probabilities = answers(logits, temperature)
    table = confusion(labels, predicted, len(names))
    report: dict[str, Any] = {
        "n": len(labels),
        "refused": float(1 - answered.mean()) if len(labels) else 0.0,
        "unweighted_accuracy": unweighted_accuracy(table),
        "weighted_accuracy": weighted_accuracy(table),
        "macro_f1": macro_f1(table),
        "ece": expected_calibration_error(labels[answered], probabilities),
        "labels": list(names),
        "confusion": table[:, :-1].tolist(),
    }
    if groups is not None:
        tables = group_tables(labels, predicted, groups, len(names))
        report["groups"] = len(tables)
        for name, metric in (
            ("unweighted_accuracy", unweighted_accuracy),
            ("weighted_accuracy", weighted_accuracy),
        ):
            report[f"{name}_95"] = bootstrap_interval(tables, metric, resamples, seed)
    return report


def answers(
    logits: ArrayLike, temperature: float = 1.0
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]:
    """What logits (N, C) answer; a row of NaN is an item without an answer.

    Returns:
        (N,) predicted classes, C where there is no answer; (N,) whether there is one; and the
        probabilities (M, C) of the M items that have one.
    """
    scores = np.asarray(logits, dtype=np.float64)
    answered: NDArray[np.bool_] = ~np.asarray(np.isnan(scores).any(axis=1))
    probabilities = softmax(scores[answered] / temperature, axis=1)
    predicted = np.full(len(scores), scores.shape[1], dtype=np.int64)
    predicted[answered] = probabilities.argmax(axis=1)
    return predicted, answered, probabilities


def group_tables(
    labels: ArrayLike, predicted: ArrayLike, groups: ArrayLike, classes: int
) -> NDArray[np.int64]:
    """(G, C, C + 1) confusion tables, one per group."""
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    tables = np.zeros((int(index.max()) + 1, classes, classes + 1), dtype=np.int64)
    np.add.at(tables, (index, np.asarray(labels), np.asarray(predicted)), 1)
    return tables


def bootstrap_interval(
    tables: NDArray[np.int64],
    metric: Callable[[NDArray[np.int64]], float],
    resamples: int,
    seed: int,
) -> list[float]:
    """95 % percentile interval of `metric` over resampled groups; `tables` (G, C, C + 1)."""
    generator = np.random.default_rng(seed)
    values = [
        metric(tables[generator.integers(0, len(tables), len(tables))].sum(axis=0))
        for _ in range(resamples)
    ]
    return [float(value) for value in np.percentile(values, [2.5, 97.5])]
