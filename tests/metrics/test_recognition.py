"""Metrics against scikit-learn, hand-computed cases and known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

from mer_core.metrics.calibration import expected_calibration_error, fit_temperature
from mer_core.metrics.recognition import (
    bootstrap_interval,
    confusion,
    group_tables,
    macro_f1,
    macro_f1s,
    recognition_report,
    unweighted_accuracies,
    unweighted_accuracy,
    weighted_accuracies,
    weighted_accuracy,
)

NAMES = ("angry", "happy", "neutral", "sad")


@pytest.mark.parametrize("seed", range(8))
def test_recognition_agrees_with_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    classes = int(random.integers(2, 9))
    labels, predicted = random.integers(0, classes, (2, int(random.integers(5, 300))))
    labels[labels == seed % 3] = 0  # some classes never occur
    table = confusion(labels, predicted, classes)
    np.testing.assert_array_equal(
        table[:, :-1], confusion_matrix(labels, predicted, labels=np.arange(classes))
    )
    occurring = np.unique(labels)
    recall = recall_score(labels, predicted, labels=occurring, average="macro", zero_division=0)
    assert unweighted_accuracy(table) == pytest.approx(recall)
    assert weighted_accuracy(table) == pytest.approx(accuracy_score(labels, predicted))
    assert macro_f1(table) == pytest.approx(f1_score(labels, predicted, average="macro"))


def test_recognition_by_hand() -> None:
    table = confusion([0, 0, 0, 1], [0, 0, 1, 1], 3)
    assert table.tolist() == [[2, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert weighted_accuracy(table) == pytest.approx(3 / 4)
    assert unweighted_accuracy(table) == pytest.approx((2 / 3 + 1) / 2)
    assert macro_f1(table) == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_items_without_an_answer_count_as_wrong() -> None:
    logits = np.log([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    labels, names, groups = [0, 0, 1, 1], ("angry", "sad"), ["a", "a", "b", "b"]
    full = recognition_report(labels, logits, names, groups=groups)
    assert full["refused"] == 0.0
    logits[1] = np.nan
    report = recognition_report(labels, logits, names, groups=groups)
    assert report["n"] == 4
    assert report["refused"] == 1 / 4
    assert report["unweighted_accuracy"] == pytest.approx((1 / 2 + 1) / 2)
    assert report["weighted_accuracy"] == pytest.approx(3 / 4)
    assert report["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert report["confusion"] == [[1, 0], [0, 2]]
    assert report["ece"] == pytest.approx((0.1 + 0.3 + 0.4) / 3)
    assert report["unweighted_accuracy_95"] == [0.5, 1.0]
    assert recognition_report(labels, logits * np.nan, names)["unweighted_accuracy"] == 0.0


def test_nothing_to_score() -> None:
    empty = confusion(np.zeros(0, int), np.zeros(0, int), 4)
    assert unweighted_accuracy(empty) == weighted_accuracy(empty) == macro_f1(empty) == 0.0
    assert expected_calibration_error(np.zeros(0, int), np.zeros((0, 4))) == 0.0


def test_calibration_error_by_hand() -> None:
    probabilities = [[0.95, 0.05], [0.91, 0.09], [0.4, 0.6], [0.35, 0.65], [1.0, 0.0]]
    labels = [0, 1, 1, 1, 0]
    # Bin 0.9-1.0: 0.95, 0.91, 1.0 with 2 of 3 right; bin 0.6-0.7: 0.6, 0.65 with 2 of 2 right.
    expected = (3 / 5) * abs(2 / 3 - 2.86 / 3) + (2 / 5) * abs(1 - 1.25 / 2)
    assert expected_calibration_error(labels, probabilities) == pytest.approx(expected)


def test_calibration_error_agrees_with_a_slow_loop(generator: np.random.Generator) -> None:
    probabilities = softmax(generator.normal(0, 2, (400, 4)), axis=1)
    labels = generator.integers(0, 4, 400)
    total = 0.0
    for k in range(10):
        inside = [
            i for i, p in enumerate(probabilities) if k / 10 <= max(p) < (k + 1) / 10 + (k == 9)
        ]
        if inside:
            right = np.mean([np.argmax(probabilities[i]) == labels[i] for i in inside])
            sure = np.mean([max(probabilities[i]) for i in inside])
            total += len(inside) / 400 * abs(right - sure)
    assert expected_calibration_error(labels, probabilities) == pytest.approx(total)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5, 8.0])
def test_a_known_temperature_is_recovered(
    temperature: float, generator: np.random.Generator
) -> None:
    honest = generator.normal(0, 2, (6_000, 4))
    cumulative = softmax(honest, axis=1).cumsum(axis=1)
    labels = (generator.random((6_000, 1)) > cumulative).sum(axis=1).clip(max=3)
    result = fit_temperature(honest * temperature, labels)
    assert result == pytest.approx(temperature, rel=0.06)
    calibrated = softmax(honest * temperature / result, axis=1)
    assert expected_calibration_error(labels, calibrated) < 0.03


def test_groups_add_up(generator: np.random.Generator) -> None:
    labels, predicted = generator.integers(0, 4, (2, 200))
    speakers = generator.choice(["a", "b", "c"], 200)
    tables = group_tables(labels, predicted, speakers, 4)
    np.testing.assert_array_equal(tables.sum(axis=0), confusion(labels, predicted, 4))
    for i, speaker in enumerate("abc"):
        own = speakers == speaker
        np.testing.assert_array_equal(tables[i], confusion(labels[own], predicted[own], 4))


def test_bootstrap_interval() -> None:
    same = np.tile(np.array([[8, 2], [3, 7]]), (5, 1, 1))
    low, high = bootstrap_interval(same, unweighted_accuracy, 50, 0)
    assert low == high == pytest.approx(0.75)  # equal groups: no uncertainty
    random = np.random.default_rng(1)
    rates = random.uniform(0.4, 0.8, 60)
    right = random.binomial(100, rates)
    few = np.array([[[r, 100 - r], [0, 0]] for r in right])
    wide = bootstrap_interval(few[:10], weighted_accuracy, 2_000, 0)
    narrow = bootstrap_interval(few, weighted_accuracy, 2_000, 0)
    assert narrow == bootstrap_interval(few, weighted_accuracy, 2_000, 0)
    assert narrow[1] - narrow[0] < wide[1] - wide[0]
    mean, error = right.mean() / 100, right.std() / 100 / np.sqrt(60)
    assert narrow == pytest.approx([mean - 1.96 * error, mean + 1.96 * error], abs=0.01)


def test_report_is_consistent(generator: np.random.Generator) -> None:
    labels = generator.integers(0, 4, 300)
    logits = generator.normal(0, 1, (300, 4)) + 2.0 * np.eye(4)[labels]
    speakers = generator.integers(0, 12, 300)
    report = recognition_report(labels, logits, NAMES, groups=speakers, resamples=100)
    assert report["n"] == 300
    assert report["groups"] == 12
    assert report["labels"] == list(NAMES)
    assert report["weighted_accuracy"] == pytest.approx((logits.argmax(axis=1) == labels).mean())
    for name in ("unweighted_accuracy", "weighted_accuracy"):
        low, high = report[f"{name}_95"]
        assert low <= report[name] <= high
    cooler = recognition_report(labels, logits, NAMES, temperature=3.0)
    assert cooler["confusion"] == report["confusion"]
    assert cooler["ece"] != report["ece"]
    assert "groups" not in cooler


def test_stacks_of_tables_are_measured_as_single_ones() -> None:
    random = np.random.default_rng(0)
    tables = random.integers(0, 9, (40, 3, 4, 5))
    tables[0] = 0  # no item at all
    tables[1, :, 2] = 0  # a class that never occurs
    tables[2, :, :, 1] = 0  # one that is never answered
    for stacked, single in (
        (weighted_accuracies, weighted_accuracy),
        (unweighted_accuracies, unweighted_accuracy),
        (macro_f1s, macro_f1),
    ):
        expected = [[single(table) for table in row] for row in tables]
        np.testing.assert_allclose(stacked(tables), expected, rtol=1e-12)
