"""What strategies are measured on, against the evaluation of a checkpoint and known spreads."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from mer_core.emotions import FOUR
from mer_core.metrics.catalogue import RECOGNITION
from mer_core.metrics.recognition import recognition_report
from train.ablation.measure import (
    HALVES,
    PER_LABEL,
    balanced,
    half_samples,
)
from train.ablation.recognition import recognition
from train.ablation.runs import RunPaths, SharedInputs, task_of
from train.config import Experiment
from train.data.paired_task import label_indices
from train.data.pairs import Pair, SetName, evaluation_sets
from train.evaluate.branches import evaluator_of
from train.evaluate.measures import resampling_units
from train.stages import detach_encoders, start

CPU = torch.device("cpu")
PAIRED = SetName.parse("paired/ravdess×meld")


@pytest.mark.parametrize("which", ["mgcma", "foal_net"])
def test_cached_features_give_the_logits_of_evaluation(
    which: str, corpora: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """As computed live; and no embedding depends on its partner."""
    experiment: Experiment = request.getfixturevalue(which)
    inputs = SharedInputs(experiment, RunPaths(corpora, tmp_path / "out", CPU), "test")
    ((_, pairs),) = inputs.data.measured.items()
    assert all(part.split == "test" for pair in pairs for part in pair.parts if part)
    torch.manual_seed(experiment.seed)
    live = start(experiment).eval()  # the same seed gives the same encoders as `inputs`
    expected = evaluator_of(live, [pairs], experiment).logits(pairs[:24], "live")["both"]
    detach_encoders(live)
    found = inputs.data.logits(live, pairs)
    np.testing.assert_allclose(found[:24], expected, atol=2e-2)
    (output,) = inputs.data.outputs(live, pairs[:24])
    for name, encoder in live.encoders().items():
        m = encoder.modality
        lone = [Pair(**{m: getattr(pair, m)}) for pair in pairs[:24]]
        (alone,) = inputs.data.outputs(live, lone)
        for kind in ("embedding", "pooled"):
            torch.testing.assert_close(
                alone.features[f"{name}_{kind}"], output.features[f"{name}_{kind}"],
                rtol=1e-4, atol=1e-5,
            )  # fmt: skip
    first, second = balanced([[p.speech for p in pairs if p.speech] for _ in range(2)])
    assert first == second
    assert len(set(first)) <= PER_LABEL * len(FOUR)


def test_runs_share_features_and_validate_each_clip_once(
    mgcma: Experiment, corpora: Path, tmp_path: Path
) -> None:
    shared = SharedInputs(mgcma, RunPaths(corpora, tmp_path, CPU), "dev").task
    first, other = (task_of(dataclasses.replace(mgcma, seed=s), shared) for s in (4, 5))
    assert first.cached is other.cached is shared.cached
    clips = [pair.speech for pair in first.dev[PAIRED]]
    assert len(set(clips)) == len(clips)
    assert set(clips) == {pair.speech for pair in shared.dev[PAIRED]}
    drawn, same, another = (
        [item.labels.tolist() for item in task.epoch(0)] for task in (first, shared, other)
    )
    assert drawn == same != another


def test_recognition_agrees_with_the_report(
    corpora: Path, mgcma: Experiment, generator: np.random.Generator
) -> None:
    pairs = evaluation_sets(mgcma, corpora, "train")[PAIRED]  # of two speakers
    logits = generator.normal(0, 2, (len(pairs), 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    measured = recognition(pairs, probabilities)
    groups = [pair.group for pair in pairs]
    report = recognition_report(label_indices(pairs).numpy(), logits, FOUR, groups=groups)
    for name, value in measured.figures.items():
        assert value == pytest.approx(report[name])
    again = recognition(pairs, probabilities)
    assert set(measured.replicates) == set(RECOGNITION)
    for name, values in measured.replicates.items():
        np.testing.assert_array_equal(values, again.replicates[name])
    for name in ("unweighted_accuracy", "weighted_accuracy"):
        low, high = np.percentile(measured.replicates[name], [2.5, 97.5])
        assert [low, high] == pytest.approx(report[f"{name}_95"])  # two speakers: three outcomes


def test_clips_of_a_single_speaker_are_resampled(
    corpora: Path, mgcma: Experiment, generator: np.random.Generator
) -> None:
    """All pairs of a clip together, against a slow bootstrap of whole clips."""
    pairs = evaluation_sets(mgcma, corpora, "dev")[PAIRED]  # of one speaker
    probabilities = generator.dirichlet(np.ones(4), len(pairs))
    right = probabilities.argmax(axis=1) == label_indices(pairs).numpy()
    clips = sorted({p.speech.path for p in pairs if p.speech and p.speech.path})
    by_clip = [right[[p.speech is not None and p.speech.path == c for p in pairs]] for c in clips]
    assert {len(hits) for hits in by_clip} == {5}
    assert len(set(resampling_units(pairs))) == len(clips) == 8
    drawn = generator.integers(0, len(clips), (4_000, len(clips)))
    slow = [np.concatenate([by_clip[i] for i in row]).mean() for row in drawn]
    found = recognition(pairs, probabilities)
    values = found.replicates["weighted_accuracy"]
    assert found.figures["weighted_accuracy"] == pytest.approx(right.mean())
    assert values.mean() == pytest.approx(np.mean(slow), abs=0.02)
    assert values.std() == pytest.approx(np.std(slow), rel=0.1)
    other = [dataclasses.replace(pair, text=None) for pair in pairs]  # other partners, same clips
    again = recognition(other, probabilities).replicates["weighted_accuracy"]
    np.testing.assert_array_equal(again, values)
    assert not recognition(pairs[:5], probabilities[:5]).replicates  # of one clip


def test_half_samples_are_balanced_and_repeatable() -> None:
    labels = [np.repeat(np.arange(4), 10), np.repeat(np.arange(4), 6)]
    halves, again = list(half_samples(labels)), list(half_samples(labels))
    assert len(halves) == HALVES
    for rows, same in zip(halves, again, strict=True):
        for own, chosen, repeated in zip(labels, rows, same, strict=True):
            np.testing.assert_array_equal(chosen, repeated)
            assert len(set(chosen)) == len(chosen)
            assert np.bincount(own[chosen]).tolist() == [len(own) // 8] * 4
    assert len({tuple(rows[0]) for rows in halves}) > HALVES // 2


def test_half_samples_spread_like_the_bootstrap() -> None:
    """Of a mean, where the standard error is known: σ/√n."""
    values = np.random.default_rng(1).normal(size=200)
    found = [values[rows[0]].mean() for rows in half_samples([np.zeros(200, dtype=np.int64)])]
    assert np.std(found) == pytest.approx(values.std() / np.sqrt(200), rel=0.25)
