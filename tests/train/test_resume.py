"""A run that is stopped after any update ends with the bits of one that is not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import train.loop as loop
from tests.train.processes import in_processes
from train.config import EngineConfig, Experiment
from train.distributed import World
from train.identity import identity
from train.randomness import random_states, start_randomness
from train.stages import fit_experiment
from train.state import STATE_FILE

CPU = torch.device("cpu")
Weights = dict[str, NDArray[np.float32]]


class StoppedError(Exception):
    """As by the power supply."""


@pytest.fixture(scope="module")
def experiment(mgcma: Experiment) -> Experiment:
    """Two epochs of three updates, with dropout, draws and an average of the weights."""
    optim = dataclasses.replace(
        mgcma.optim, epochs=2, draws=20, batch_size=4, accumulate=2, ema=0.5
    )
    engine = EngineConfig(save_updates=1)
    return dataclasses.replace(mgcma, optim=optim, engine=engine)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the runs; they share a cache."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def whole(experiment: Experiment, corpora: Path, folder: Path) -> Weights:
    """The weights of an uninterrupted run in one process."""
    return run(World(CPU), experiment, corpora, folder / "whole", folder / "cache")


def run(
    world: World, experiment: Experiment, root: Path, folder: Path, cache: Path, stop: int = 0
) -> Weights:
    """Train; after `stop` updates of this attempt have been saved, the process dies."""
    saves, real = 0, loop.update

    def update(*arguments: object) -> None:
        nonlocal saves
        if stop and saves == stop:
            raise StoppedError
        saves += 1
        real(*arguments)  # type: ignore[arg-type]

    loop.update = update  # type: ignore[assignment]
    try:
        framework = fit_experiment(experiment, root, folder, CPU, cache, world)
    except StoppedError:
        return {}
    finally:
        loop.update = real
    return {name: value.numpy().copy() for name, value in framework.state_dict().items()}


def rows(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def assert_same(first: Weights, second: Weights) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value, err_msg=name)


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_stopped_after_any_update(
    experiment: Experiment, corpora: Path, folder: Path, whole: Weights, stop: int
) -> None:
    world, stopped, cache = World(CPU), folder / f"stopped-{stop}", folder / "cache"
    assert run(world, experiment, corpora, stopped, cache, stop) == {}
    assert (stopped / STATE_FILE).exists()
    assert_same(whole, run(world, experiment, corpora, stopped, cache))
    assert rows(stopped) == rows(folder / "whole")


def test_saving_within_epochs_changes_nothing(
    experiment: Experiment, corpora: Path, folder: Path, whole: Weights
) -> None:
    seldom = dataclasses.replace(experiment, engine=EngineConfig())
    assert_same(whole, run(World(CPU), seldom, corpora, folder / "seldom", folder / "cache"))


@pytest.mark.slow
def test_two_processes_stopped_within_an_epoch(
    experiment: Experiment, corpora: Path, folder: Path
) -> None:
    pytest.importorskip("accelerate")
    cache, stopped = folder / "cache", folder / "two-stopped"
    whole, other = in_processes(2, run, experiment, corpora, folder / "two", cache)
    assert_same(whole, other)
    assert in_processes(2, run, experiment, corpora, stopped, cache, 2) == [{}, {}]
    resumed, _ = in_processes(2, run, experiment, corpora, stopped, cache)
    assert_same(whole, resumed)
    assert rows(stopped) == rows(folder / "two")


def test_another_number_of_processes_draws_anew(experiment: Experiment) -> None:
    def drawn(states: dict[str, torch.Tensor], batch: int = 3) -> float:
        start_randomness(11, batch, World(CPU), states)
        return float(torch.rand(()))

    torch.manual_seed(5)
    states = random_states(World(CPU))
    following = float(torch.rand(()))
    assert drawn(states) == following
    two = {**states, "cpu.1": states["cpu.0"]}
    assert drawn(two) == drawn({}) != following
    assert drawn(states, batch=0) == drawn({}, batch=0) != following


def test_how_the_machine_is_used_is_no_part_of_a_run(experiment: Experiment) -> None:
    other = dataclasses.replace(experiment, engine=EngineConfig(workers=3, compile=True))
    assert identity(experiment, {}, "") == identity(other, {}, "")
    assert "engine" not in identity(experiment, {}, "")["experiment"]
