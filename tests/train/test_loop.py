"""The loop learns, repeats itself bit by bit, and resumes to the same numbers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from train.config import Experiment, OptimConfig
from train.loop import parameter_groups, schedule
from train.stages import fit_experiment
from train.state import average_into

CPU = torch.device("cpu")


def run(experiment: Experiment, corpora: Path, folder: Path) -> dict[str, Tensor]:
    framework = fit_experiment(experiment, corpora, folder, CPU, folder / "cache")
    return {name: value.clone() for name, value in framework.state_dict().items()}


def rows(folder: Path) -> list[dict[str, float]]:
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_trains_twice_to_the_same_bits(
    speech_experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    first = run(speech_experiment, corpora, tmp_path / "a")
    second = run(speech_experiment, corpora, tmp_path / "b")
    assert_same(first, second)
    assert rows(tmp_path / "a") == rows(tmp_path / "b")
    other = run(dataclasses.replace(speech_experiment, seed=4), corpora, tmp_path / "c")
    assert any(not torch.equal(value, other[name]) for name, value in first.items())


def test_resumes_to_the_same_numbers(
    speech_experiment: Experiment,
    corpora: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = run(speech_experiment, corpora, tmp_path / "whole")

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    # Cut off while the third epoch is being written down: epochs one and two are on disk.
    import train.loop as loop

    kept = loop.save_state
    saved: list[int] = []

    def save_twice(*arguments: object) -> None:
        if len(saved) == 2:
            cut_off()
        saved.append(1)
        kept(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "save_state", save_twice)
    with pytest.raises(KeyboardInterrupt):
        run(speech_experiment, corpora, tmp_path / "halves")
    monkeypatch.setattr(loop, "save_state", kept)
    assert_same(whole, run(speech_experiment, corpora, tmp_path / "halves"))
    assert rows(tmp_path / "whole")[-1] == rows(tmp_path / "halves")[-1]


def test_learns_what_the_tones_say(
    speech_experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    optim = dataclasses.replace(speech_experiment.optim, epochs=12, draws=64)
    run(dataclasses.replace(speech_experiment, optim=optim), corpora, tmp_path)
    log = rows(tmp_path)
    assert log[-1]["train_ce"] < 0.7 * log[0]["train_ce"]
    assert max(row["ravdess_ua4"] for row in log) >= 0.75  # chance is 0.25
    assert (tmp_path / "curves.png").stat().st_size > 1_000


def test_stops_early_without_progress(
    speech_experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    optim = dataclasses.replace(
        speech_experiment.optim, epochs=30, draws=16, learning_rate=1e-9, patience=1
    )
    run(dataclasses.replace(speech_experiment, optim=optim), corpora, tmp_path)
    assert len(rows(tmp_path)) < 30


def test_schedules() -> None:
    optim = OptimConfig(warmup=0.1, schedule="linear")
    assert schedule(0.0, optim) < 0.02
    assert schedule(0.05, optim) == pytest.approx(0.5, abs=0.01)
    assert schedule(0.1, optim) == pytest.approx(1.0)
    assert schedule(0.55, optim) == pytest.approx(0.5)
    assert schedule(1.0, optim) == pytest.approx(0.0)
    cosine = dataclasses.replace(optim, schedule="cosine")
    assert schedule(0.55, cosine) == pytest.approx(0.5)
    assert schedule(0.325, cosine) == pytest.approx(0.8536, abs=1e-3)
    assert schedule(0.9, dataclasses.replace(optim, schedule="constant")) == 1.0


def test_only_injected_encoders_of_a_framework_learn_slowly() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.speech_encoder = nn.Linear(2, 2)
            self.classifier = nn.Linear(2, 3)

    optim = OptimConfig(learning_rate=1e-3, encoder_learning_rate=1e-5)
    peaks = {g["peak"]: sum(p.numel() for p in g["params"]) for g in parameter_groups(Two(), optim)}
    assert peaks == {1e-3: 9, 1e-5: 6}


def test_average_is_the_exponential_one() -> None:
    averaged = {"w": torch.tensor([1.0]), "n": torch.tensor(1)}
    average_into(averaged, {"w": torch.tensor([3.0]), "n": torch.tensor(7)}, 0.75)
    assert averaged["w"].item() == pytest.approx(0.75 * 1.0 + 0.25 * 3.0)
    assert averaged["n"].item() == 7
