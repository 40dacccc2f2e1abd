"""Several runs become one model: the mean of their weights, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from train.averaging import run_seed
from train.config import Experiment
from train.stages import fit_experiment
from train.state import STATE_FILE, forget_state

CPU = torch.device("cpu")


@pytest.fixture
def twice(speech_experiment: Experiment) -> Experiment:
    return dataclasses.replace(speech_experiment, averaged_runs=2)


def fitted(experiment: Experiment, corpora: Path, folder: Path) -> dict[str, Tensor]:
    framework = fit_experiment(experiment, corpora, folder, CPU, folder.parent / "cache")
    return {name: value.clone() for name, value in framework.state_dict().items()}


def best(run: Path) -> dict[str, Tensor]:
    """The weights with which a run ended, from its state."""
    tensors = load_file(run / STATE_FILE)
    return {k.removeprefix("best."): v for k, v in tensors.items() if k.startswith("best.")}


def test_the_model_is_the_mean_of_runs_in_different_orders(
    twice: Experiment, corpora: Path, tmp_path: Path
) -> None:
    mean = fitted(twice, corpora, tmp_path / "run")
    first, second = (best(tmp_path / "run" / name) for name in ("run_1", "run_2"))
    assert any(not torch.equal(value, second[name]) for name, value in first.items())
    assert set(mean) == set(first)
    for name, value in mean.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (first[name] + second[name]) / 2)


def test_a_finished_run_is_not_repeated(twice: Experiment, corpora: Path, tmp_path: Path) -> None:
    once = fitted(twice, corpora, tmp_path / "run")
    logs = [path.read_text() for path in sorted((tmp_path / "run").glob("run_*/log.jsonl"))]
    again = fitted(twice, corpora, tmp_path / "run")
    assert all(torch.equal(value, again[name]) for name, value in once.items())
    assert logs == [path.read_text() for path in sorted((tmp_path / "run").glob("run_*/log.jsonl"))]
    assert len(logs) == 2
    forget_state(tmp_path / "run")
    assert not list((tmp_path / "run").rglob(STATE_FILE))


def test_runs_of_different_experiments_share_no_order(speech_experiment: Experiment) -> None:
    seeds = [
        run_seed(dataclasses.replace(speech_experiment, seed=seed), run)
        for seed in range(3)
        for run in range(3)
    ]
    assert len(set(seeds)) == len(seeds)


def test_less_than_one_run_is_refused(speech_experiment: Experiment) -> None:
    with pytest.raises(ValueError, match="averaged_runs is 0; it must be 1 or more"):
        dataclasses.replace(speech_experiment, averaged_runs=0)
