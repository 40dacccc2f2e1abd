"""Temperatures from speakers that the predicting run never heard."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mer_core.data import Example
from mer_core.metrics.calibration import fit_temperature
from train.ablation.runs import RunPaths
from train.config import Experiment
from train.evaluate.predictions import Predictions
from train.protocols.crossfit import (
    crossfit_encoder,
    crossfit_framework,
    crossfit_table,
    folds_of,
    load_crossfit,
)
from train.publish.export import evaluate_folder
from train.stages import fit_experiment

CPU = torch.device("cpu")


def quick(experiment: Experiment) -> Experiment:
    optim = dataclasses.replace(experiment.optim, epochs=1, draws=8, batch_size=4)
    return dataclasses.replace(experiment, optim=optim)


def test_each_fold_has_speakers_of_every_corpus() -> None:
    examples = {
        corpus: [Example(corpus, "train", "sad", f"{corpus}_{i}") for i in range(speakers)]
        for corpus, speakers in (("nemo", 7), ("other", 4))
    }
    folds = folds_of(examples, 3)
    assert sorted(name for fold in folds for name in fold) == sorted(
        example.group for found in examples.values() for example in found
    )
    assert all({name.split("_")[0] for name in fold} == {"nemo", "other"} for fold in folds)


def test_an_encoder_and_then_a_framework_on_the_encoders_of_its_folds(
    speech_experiment: Experiment, mgcma: Experiment, corpora: Path, tmp_path: Path
) -> None:
    paths = RunPaths(corpora, tmp_path / "speech", CPU, tmp_path / "cache")
    speech = quick(speech_experiment)
    result = crossfit_encoder(speech, paths, 2)
    assert sorted(name for fold in result["speakers"] for name in fold) == [
        "ravdess_01",
        "ravdess_02",
        "ravdess_11",
    ]  # fmt: skip  (06 tests)
    predictions = Predictions.load(tmp_path / "speech" / "crossfit.npz")
    four = [0, 4, 5, 6]  # of the eight classes, those that these tones have
    expected = fit_temperature(
        predictions.logits[:, four], np.searchsorted(four, predictions.truth)
    )
    assert result["temperatures"] == {
        "all": pytest.approx(expected, rel=1e-3), "speech": pytest.approx(expected, rel=1e-3)
    }  # fmt: skip
    assert "| ravdess | 24 |" in crossfit_table(result)
    again = RunPaths(corpora, tmp_path / "mgcma", CPU, tmp_path / "cache")
    fused = crossfit_framework(quick(mgcma), again, tmp_path / "speech")
    assert set(fused["temperatures"]) == {"speech", "text", "both"}
    for i, held in enumerate(result["speakers"], start=1):
        config = json.loads((tmp_path / "mgcma" / f"fold_{i}" / "config.json").read_text())
        splits = config["experiment"]["sources"]["speech"]["speakers"]
        assert splits["dev"] == held
        assert not set(splits["train"]) & {*held, "ravdess_06"}
    assert crossfit_framework(quick(mgcma), again, tmp_path / "speech") == fused
    fit_experiment(speech, corpora, tmp_path / "run", CPU, tmp_path / "cache")
    metrics = evaluate_folder(tmp_path / "run", speech, corpora, crossfit=tmp_path / "speech")
    assert metrics["temperatures"] == result["temperatures"]
    assert "cross-fitted over 3" in metrics["protocol"]["temperatures"]


def test_a_crossfit_of_something_else_is_refused(
    speech_experiment: Experiment, mgcma: Experiment, corpora: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no finished crossfit"):
        load_crossfit(tmp_path, speech_experiment)
    with pytest.raises(ValueError, match="no finished crossfit"):
        crossfit_framework(mgcma, RunPaths(corpora, tmp_path, CPU), tmp_path)
    (tmp_path / "crossfit.json").write_text('{"experiment": "other"}')
    with pytest.raises(ValueError, match="is of other, not of tiny"):
        load_crossfit(tmp_path, speech_experiment)
