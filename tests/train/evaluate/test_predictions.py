"""Logits of many examples, restricted, reported and stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mer_core.data import Example
from train.evaluate.predictions import Predictions, pooled

LABELS = ("angry", "calm", "sad")


@pytest.fixture
def predictions() -> Predictions:
    logits = np.array([[2, 9, 1], [0, 9, 1], [0, 1, 0], [1, 0, 0]], np.float32)
    logits[3] = np.nan
    examples = [
        Example("ravdess", "test", emotion, "ravdess_01", Path(f"a/{emotion}{i}.wav"), dialogue=d)
        for i, (emotion, d) in enumerate(
            (("angry", "x"), ("sad", "x"), ("calm", ""), ("angry", ""))
        )
    ]
    return Predictions.of(logits, examples, LABELS)


def test_figures_among_some_classes(predictions: Predictions) -> None:
    among = predictions.report(("angry", "sad"))
    assert among["n"] == 3
    assert among["labels"] == ["angry", "sad"]
    assert among["unweighted_accuracy"] == pytest.approx((1 / 2 + 1) / 2)
    assert among["refused"] == pytest.approx(1 / 3)
    everything = predictions.report()
    assert everything["labels"] == list(LABELS)
    assert everything["weighted_accuracy"] == pytest.approx(1 / 4)
    figures = predictions.among(("sad", "angry")).tally().figures()
    assert (figures.n, figures.weighted_accuracy) == (3, pytest.approx(2 / 3))


def test_a_dialogue_is_a_unit_and_else_the_group_is(predictions: Predictions) -> None:
    assert predictions.units.tolist() == ["x", "x", "ravdess_01", "ravdess_01"]
    assert predictions.names.tolist() == ["angry0", "sad1", "calm2", "angry3"]
    assert predictions.among().tally().units == ("ravdess_01", "x")


def test_a_file_holds_all_of_it(predictions: Predictions, tmp_path: Path) -> None:
    predictions.save(tmp_path / "p.npz")
    loaded = Predictions.load(tmp_path / "p.npz")
    assert loaded.labels == LABELS
    for name, value in vars(predictions).items():
        np.testing.assert_array_equal(getattr(loaded, name), value)
    twice = pooled([predictions, loaded])
    assert len(twice.truth) == 8
    assert twice.report()["n"] == 8
