"""Every speaker is tested by a run that never heard them, and nothing is selected."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mer_core.data import Example
from train.ablation.runs import RunPaths
from train.config import Experiment
from train.data.tasks import source_examples
from train.protocols.folds import every_example, folds_table, leave_speakers_out
from train.protocols.runs import Predictions, trained_on
from train.protocols.speakers import PUBLISHED, dealt, units_of

CPU = torch.device("cpu")


def test_folds_have_no_speaker_in_common() -> None:
    units = [(name,) for name in "abcdefg"]
    folds = dealt(units, 3)
    assert [len(fold) for fold in folds] == [3, 2, 2]
    assert sorted(name for fold in folds for name in fold) == list("abcdefg")
    with pytest.raises(ValueError, match="from 2 to 7"):
        dealt(units, 8)


def test_published_folds_are_used_where_there_are_any() -> None:
    everyone = tuple(sorted(name for fold in PUBLISHED["ravdess"] for name in fold))
    assert len(everyone) == 24
    assert units_of("ravdess", everyone) == list(PUBLISHED["ravdess"])
    some = ("ravdess_01", "ravdess_04", "ravdess_11")
    assert units_of("ravdess", some) == [("ravdess_01", "ravdess_11"), ("ravdess_04",)]
    assert units_of("nemo", ("nemo_A", "nemo_B")) == [("nemo_A",), ("nemo_B",)]


def test_splits_of_a_source_replace_those_of_the_corpus(
    speech_experiment: Experiment, corpora: Path
) -> None:
    speakers = ("ravdess_06", "ravdess_11")
    experiment = trained_on(speech_experiment, {"ravdess": 1.0}, speakers, ("ravdess_01",))
    source = experiment.sources["speech"]

    def of(split: str) -> set[str]:
        found = source_examples(source, corpora, split, ("angry", "sad"), "speech")
        return {example.group for example in found}

    assert of("train") == set(speakers)  # 06 tests otherwise
    assert of("test") == {"ravdess_01"}
    assert of("dev") == set()


def quick(experiment: Experiment, epochs: int = 1) -> Experiment:
    optim = dataclasses.replace(experiment.optim, epochs=epochs, draws=8, batch_size=4)
    return dataclasses.replace(experiment, optim=optim)


def test_each_fold_is_tested_once_by_the_others(
    speech_experiment: Experiment, corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = RunPaths(corpora, tmp_path, CPU, tmp_path / "cache")
    experiment = quick(speech_experiment)
    result = leave_speakers_out(experiment, "ravdess", paths)
    assert result["speakers"] == [
        ["ravdess_01", "ravdess_11"], ["ravdess_02"], ["ravdess_06"]
    ]  # fmt: skip
    assert [fold["all"]["n"] for fold in result["folds"]] == [16, 8, 8]
    for i, fold in enumerate(result["speakers"], start=1):
        folder = tmp_path / f"fold_{i}"
        config = json.loads((folder / "config.json").read_text())["experiment"]
        assert not set(fold) & set(config["sources"]["speech"]["speakers"]["train"])
        predictions = Predictions.load(folder / "predictions.npz")
        assert set(predictions.groups) == set(fold)
        assert not (folder / "state.safetensors").exists()
        assert "score" not in json.loads((folder / "log.jsonl").read_text())
    values = [fold["all"]["unweighted_accuracy"] for fold in result["folds"]]
    row = folds_table(result).splitlines()[-1]
    assert f"| {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f} |" in row
    assert (tmp_path / "folds.md").read_text() == folds_table(result) + "\n"

    def trains(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("train.protocols.runs.fit_experiment", trains)
    assert leave_speakers_out(experiment, "ravdess", paths) == result  # all there already
    with pytest.raises(ValueError, match="other settings"):
        leave_speakers_out(quick(speech_experiment, 2), "ravdess", paths)


def test_figures_among_some_classes() -> None:
    labels = ("angry", "calm", "sad")
    logits = np.array([[2, 9, 1], [0, 9, 1], [0, 1, 0], [1, 0, 0]], np.float32)
    logits[3] = np.nan
    column = np.array(["x"] * 4)
    predictions = Predictions(logits, np.array([0, 2, 1, 0]), labels, column, column, column)
    among = predictions.report(("angry", "sad"))
    assert among["n"] == 3
    assert among["labels"] == ["angry", "sad"]
    assert among["unweighted_accuracy"] == pytest.approx((1 / 2 + 1) / 2)
    assert among["refused"] == pytest.approx(1 / 3)
    everything = predictions.report()
    assert everything["labels"] == list(labels)
    assert everything["weighted_accuracy"] == pytest.approx(1 / 4)


def test_every_example_is_of_all_splits(speech_experiment: Experiment, corpora: Path) -> None:
    paths = RunPaths(corpora, Path(), CPU)
    examples = every_example("ravdess", speech_experiment, paths, "speech")
    assert {e.split for e in examples} == {"train", "dev", "test"}
    assert all(isinstance(e, Example) and e.path for e in examples)
