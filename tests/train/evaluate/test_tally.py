"""Counts give the figures that the items themselves give, also when they are pooled."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from mer_core.metrics.recognition import recognition_report
from train.evaluate.tally import Tally, together

LABELS = ("angry", "happy", "sad")


def drawn(seed: int, count: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, count)
    logits = random.normal(size=(count, 3)) + 1.5 * np.eye(3)[truth]
    units = np.array([f"scene {i}" for i in random.integers(0, 7, count)])
    return truth, logits, units


def test_figures_agree_with_scikit_learn() -> None:
    truth, logits, units = drawn(0)
    figures = Tally.of(truth, logits, LABELS, units).figures()
    predicted = logits.argmax(1)
    assert figures.n == 80
    assert figures.weighted_accuracy == pytest.approx(accuracy_score(truth, predicted))
    assert figures.unweighted_accuracy == pytest.approx(
        recall_score(truth, predicted, average="macro")
    )
    assert figures.macro_f1 == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert figures.refused == 0


def test_pooled_counts_are_those_of_the_pooled_items() -> None:
    parts = [drawn(seed, count=50) for seed in range(3)]
    parts[1][1][:5] = np.nan  # without an answer
    tallies = [Tally.of(*part[:2], LABELS, part[2], temperature=1.7) for part in parts]
    truth, logits, units = (np.concatenate(column) for column in zip(*parts, strict=True))
    pooled = together(tallies)
    figures, report = pooled.figures(), recognition_report(truth, logits, LABELS, temperature=1.7)
    for name in ("n", "weighted_accuracy", "unweighted_accuracy", "macro_f1", "ece", "refused"):
        assert getattr(figures, name) == pytest.approx(report[name])
    assert figures.refused == pytest.approx(5 / 150)
    assert pooled.units == tuple(sorted(set(units)))
    for unit, table in zip(pooled.units, pooled.tables, strict=True):
        assert table.sum() == (units == unit).sum()


def test_a_record_holds_everything() -> None:
    truth, logits, units = drawn(3)
    tally = Tally.of(truth, logits, LABELS, units)
    again = Tally.parse(json.loads(json.dumps(tally.record())))
    assert again.record() == tally.record()
    assert again.figures() == tally.figures()


def test_counts_of_other_classes_are_not_pooled() -> None:
    truth, logits, units = drawn(0)
    first = Tally.of(truth, logits, LABELS, units)
    with pytest.raises(ValueError, match="same classes"):
        together([first, Tally.of(truth, logits, ("a", "b", "c"), units)])


def test_nobody_is_answered() -> None:
    figures = Tally.of([0, 1], np.full((2, 3), np.nan), LABELS, ["a", "b"]).figures()
    assert (figures.refused, figures.weighted_accuracy, figures.ece) == (1.0, 0.0, 0.0)
