"""`fit` on a GPU: bf16, workers and pinned memory, and runs that change devices."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mer_core.types import Output
from tests.train.test_loop import Counted, Parts, counted_experiment
from tests.train.test_resume import run
from train.config import EngineConfig, Experiment
from train.distributed import World
from train.loop import fit
from train.stages import fit_experiment

CPU = torch.device("cpu")


def losses(folder: Path) -> list[float]:
    return [
        json.loads(line)["train_ce"] for line in (folder / "log.jsonl").read_text().splitlines()
    ]


def with_optim(experiment: Experiment, **changes: object) -> Experiment:
    return dataclasses.replace(
        experiment,
        optim=dataclasses.replace(experiment.optim, **changes),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("name", ["mgcma", "foal_net"])
def test_an_epoch_in_bf16(
    name: str, device: torch.device, corpora: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    experiment = with_optim(request.getfixturevalue(name), precision="bf16", draws=32)
    framework = fit_experiment(experiment, corpora, tmp_path / "run", device, tmp_path)
    assert all(bool(p.isfinite().all()) for p in framework.parameters())
    assert next(framework.parameters()).dtype == torch.float32  # only products are rounded
    (loss,) = losses(tmp_path / "run")
    assert 0 < loss < 3 * np.log(4)


def test_clips_come_from_workers_in_pinned_memory(
    speech_experiment: Experiment, device: torch.device, corpora: Path, tmp_path: Path
) -> None:
    experiment = dataclasses.replace(
        with_optim(speech_experiment, epochs=4, draws=64), engine=EngineConfig(workers=2)
    )
    fit_experiment(experiment, corpora, tmp_path / "run", device, tmp_path)
    log = losses(tmp_path / "run")
    assert log[-1] < 0.9 * log[0]


@pytest.mark.parametrize("first", ["cpu", "gpu"])
def test_a_run_goes_on_on_another_device(
    first: str, mgcma: Experiment, device: torch.device, corpora: Path, tmp_path: Path
) -> None:
    still = {**mgcma.architecture, "dropout": 0.0, "classifier_dropout": 0.0, "samples": 0}
    experiment = with_optim(dataclasses.replace(mgcma, architecture=still), schedule="constant")
    longer = with_optim(experiment, epochs=2)
    order = (CPU, device) if first == "cpu" else (device, CPU)
    for settings, on in zip((experiment, longer), order, strict=True):
        fit_experiment(settings, corpora, tmp_path / "both", on, tmp_path)
    fit_experiment(longer, corpora, tmp_path / "whole", CPU, tmp_path)
    assert losses(tmp_path / "both") == pytest.approx(losses(tmp_path / "whole"), rel=0.02)
    assert len(losses(tmp_path / "both")) == 2


def test_a_run_stopped_within_an_epoch_goes_on(
    mgcma: Experiment, device: torch.device, corpora: Path, tmp_path: Path
) -> None:
    """With dropout: the GPU's generator continues where it was."""
    experiment = dataclasses.replace(
        with_optim(mgcma, draws=24, batch_size=4), engine=EngineConfig(save_updates=1)
    )
    world = World(device)
    whole = run(world, experiment, corpora, tmp_path / "whole", tmp_path)
    assert run(world, experiment, corpora, tmp_path / "stopped", tmp_path, 3) == {}
    resumed = run(world, experiment, corpora, tmp_path / "stopped", tmp_path)
    for name, value in whole.items():
        np.testing.assert_allclose(resumed[name], value, atol=1e-4, err_msg=name)


class Greedy(Parts):
    """Asks for 32 TB."""

    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        return {"ce": torch.empty(2**45, dtype=torch.uint8, device=labels.device).float().sum()}


def test_memory_that_runs_out_ends_in_advice(gpu: torch.device, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"optim\.batch_size=16 with optim\.accumulate=2"):
        fit(Greedy(), Counted(1), counted_experiment(), tmp_path, gpu, report=str)


@pytest.mark.slow
def test_a_compiled_framework_computes_the_same(
    mgcma: Experiment, device: torch.device, corpora: Path, tmp_path: Path
) -> None:
    still = {**mgcma.architecture, "dropout": 0.0, "classifier_dropout": 0.0, "samples": 0}
    experiment = dataclasses.replace(mgcma, architecture=still)
    compiled = dataclasses.replace(experiment, engine=EngineConfig(compile=True))
    for name, settings in (("eager", experiment), ("compiled", compiled)):
        fit_experiment(settings, corpora, tmp_path / name, device, tmp_path)
    assert losses(tmp_path / "compiled") == pytest.approx(losses(tmp_path / "eager"), rel=1e-3)
