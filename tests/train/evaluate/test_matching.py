"""Matched pairs against mismatched ones: which logits, which labels, and at which temperature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from mer_core.data import Example
from mer_core.emotions import FOUR
from mer_core.metrics.calibration import fit_temperature
from mer_core.types import Output
from train.data.pairs import Pair
from train.evaluate.matching import MATCH_LABELS, matching_trial, measure_matching
from train.evaluate.protocol import common_temperatures


def pairs_of(corpus: str) -> list[Pair]:
    return [
        Pair(
            speech=Example(corpus, "test", emotion, f"speaker {i % 3}", text=f"{emotion} {i}"),
            video=Example("faces", "test", emotion, f"face {i}", text=f"{emotion} {i}"),
        )
        for emotion in FOUR
        for i in range(4)
    ]


def outputs(pairs: Sequence[Pair]) -> Iterator[Output]:
    """Batches of three; both directions know the answer in four of five pairs, one more surely."""
    for start in range(0, len(pairs), 3):
        rows = []
        for i, pair in enumerate(pairs[start : start + 3], start):
            assert pair.speech is not None
            assert pair.video is not None
            same = pair.speech.emotion == pair.video.emotion
            sign = 1.0 if same == bool(i % 5) else -1.0
            rows.append([[-sign, sign], [-3 * sign, 3 * sign]])
        yield Output(torch.zeros(len(rows), 4), {"match_logits": torch.tensor(rows)})


def without(pairs: Sequence[Pair]) -> Iterator[Output]:
    yield Output(torch.zeros(len(pairs), 4), {})


def test_a_trial_holds_as_many_mismatched_pairs() -> None:
    pairs = pairs_of("a")
    trial = matching_trial(outputs, pairs, seed=0)
    assert trial is not None
    assert [MATCH_LABELS[i] for i in trial.labels] == ["same"] * 16 + ["different"] * 16
    assert trial.groups == [pair.group for pair in pairs] * 2
    same = np.repeat([True, False], 16)
    expected = [2.0 if own == bool(i % 5) else -2.0 for i, own in enumerate(same)]
    np.testing.assert_allclose(trial.logits, [[-value, value] for value in expected])


def test_reports_use_the_temperature_of_the_development_sets() -> None:
    dev, test = [pairs_of("a"), pairs_of("b")], {"paired/c×faces": pairs_of("c")}
    reports, temperature = measure_matching(outputs, dev, test, seed=0)
    trial = matching_trial(outputs, dev[0], seed=0)
    assert trial is not None
    assert temperature == pytest.approx(fit_temperature(trial.logits, trial.labels), rel=1e-3)
    (report,) = reports.values()
    assert report["n"] == 32
    assert report["weighted_accuracy"] == pytest.approx(25 / 32)  # 7 multiples of 5 below 32


def test_a_framework_that_does_not_match_has_no_reports() -> None:
    assert matching_trial(without, pairs_of("a"), seed=0) is None
    assert measure_matching(without, [pairs_of("a")], {"x": pairs_of("b")}, seed=0) == ({}, 1.0)


def test_every_set_of_a_condition_counts_equally() -> None:
    """A small set that is repeated weighs as much as a large one."""
    generator = np.random.default_rng(0)

    def drawn(count: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
        labels = np.tile(np.arange(4), count)
        logits = scale * (np.eye(4)[labels] + generator.normal(0, 0.5, (len(labels), 4)))
        return logits.astype(np.float32), labels

    large, small = drawn(50, 6.0), drawn(10, 1.0)
    found = common_temperatures([("both", large), ("text", small), ("both", small)])
    logits = np.concatenate([large[0], *[small[0]] * 5])
    labels = np.concatenate([large[1], *[small[1]] * 5])
    assert found["both"] == pytest.approx(fit_temperature(logits, labels), rel=1e-3)
    assert found["text"] == pytest.approx(fit_temperature(*small), rel=1e-3)
