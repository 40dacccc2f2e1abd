"""An observer sees every epoch of the whole network, and training goes on as if it did not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from mer_core.encoders.base import CachedEncoder
from mer_core.frameworks.base import Framework
from train.config import Experiment
from train.stages import fit_experiment

CPU = torch.device("cpu")


def of_epochs(experiment: Experiment, epochs: int) -> Experiment:
    optim = dataclasses.replace(experiment.optim, epochs=epochs, ema=0.5)
    return dataclasses.replace(experiment, optim=optim)


class Meddler:
    """Looks at weights and encoders, and draws random numbers meanwhile."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, float]] = []

    def __call__(self, framework: Framework, epoch: int) -> None:
        assert not framework.training
        for encoder in framework.encoders().values():
            assert not isinstance(encoder, CachedEncoder)
            assert not encoder.training
        torch.rand(7)
        weight = next(p for n, p in framework.named_parameters() if n.startswith("classifier"))
        self.seen.append((epoch, float(weight.detach().sum())))


@pytest.mark.parametrize("name", ["mgcma", "speech_experiment"])
def test_it_sees_every_epoch_and_changes_nothing(
    name: str, request: pytest.FixtureRequest, corpora: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Frozen encoders are in place for it, and averaged weights are what it sees."""
    monkeypatch.setattr("train.log.save_curves", lambda *_: None)
    experiment = of_epochs(request.getfixturevalue(name), 2)
    cache, meddler = tmp_path / "cache", Meddler()
    observed = fit_experiment(
        experiment, corpora, tmp_path / "observed", CPU, cache, observe=meddler
    )
    plain = fit_experiment(experiment, corpora, tmp_path / "plain", CPU, cache)
    assert [epoch for epoch, _ in meddler.seen] == [1, 2]
    for (key, ours), theirs in zip(
        observed.state_dict().items(), plain.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs), key
    fixed = dataclasses.replace(experiment.optim, select=False)
    last = Meddler()
    kept = fit_experiment(
        dataclasses.replace(experiment, optim=fixed), corpora, tmp_path / "last", CPU, cache,
        observe=last,
    )  # fmt: skip
    weight = next(p for n, p in kept.named_parameters() if n.startswith("classifier"))
    assert last.seen[-1] == (2, pytest.approx(float(weight.detach().sum())))


def test_epochs_of_several_runs_are_not_observed(
    speech_experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    averaged = dataclasses.replace(speech_experiment, averaged_runs=2)
    with pytest.raises(ValueError, match="averaged_runs=1"):
        fit_experiment(averaged, corpora, tmp_path, CPU, tmp_path, observe=Meddler())
