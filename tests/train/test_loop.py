"""The loop learns, repeats itself bit by bit, and resumes to the same numbers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mer_core.encoders.base import CachedEncoder, Encoder
from mer_core.frameworks.base import Framework
from mer_core.frameworks.descriptor import DESCRIPTORS
from mer_core.frameworks.registry import build_framework
from mer_core.types import Batch, Features, Output
from train.config import Experiment, OptimConfig
from train.data.labelled import Labelled
from train.data.loading import Batches
from train.log import EpochRecord
from train.loop import fit, parameter_groups, schedule, start_state
from train.precision import autocast_type
from train.stages import fit_experiment
from train.state import STATE_FILE, average_into, load_state

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
    uninterrupted = run(speech_experiment, corpora, tmp_path / "whole")

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    # Cut off while the third epoch is being written down: epochs one and two are on disk.
    import train.loop as loop

    real = loop.save_state
    saved: list[int] = []

    def save_twice(*arguments: object) -> None:
        if len(saved) == 2:
            cut_off()
        saved.append(1)
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "save_state", save_twice)
    with pytest.raises(KeyboardInterrupt):
        run(speech_experiment, corpora, tmp_path / "halves")
    monkeypatch.setattr(loop, "save_state", real)
    assert_same(uninterrupted, run(speech_experiment, corpora, tmp_path / "halves"))
    assert rows(tmp_path / "whole")[-1] == rows(tmp_path / "halves")[-1]


def test_learns_the_labels_of_tones(
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


class Parts(Framework):
    """Encoders, and a number that `constrain_` keeps at 1 or below; loss: (w · label)² + number."""

    labels = ("a", "b")

    def __init__(self, *encoders: Encoder) -> None:
        super().__init__()
        for i, encoder in enumerate(encoders):
            self.add_module(f"part_{i}", encoder)
        self.weight = nn.Parameter(torch.ones(1, 1))
        self.log_temperature = nn.Parameter(torch.tensor(0.9))

    def encode(self, batch: Batch) -> dict[str, Features]:
        return {}

    def fuse(self, features: dict[str, Features]) -> Output:
        return Output(self.weight * 1.0)

    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        loss = (output.logits * labels.float().mean()).square().sum()
        return {"ce": loss, "pull": -self.log_temperature}

    def constrain_(self) -> None:
        with torch.no_grad():
            self.log_temperature.clamp_(max=1.0)

    def architecture(self) -> dict[str, object]:
        return {}


class Tuned(CachedEncoder):
    """Cached features, times a weight, plus a bias."""

    def __init__(self, modality: str) -> None:
        super().__init__(modality, 2)
        self.linear = nn.Linear(2, 2)


class Counted:
    """Batches with the labels 1, 2, 3, …"""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def epoch(self, epoch: int) -> Batches:
        plan = [[i + 1] for i in range(self.batches)]
        return Batches(plan, lambda rows: Labelled(Batch(), torch.tensor(rows)))

    def validate(self, framework: nn.Module) -> dict[str, float]:
        return {"score": 0.0}


def counted_experiment(**optim: object) -> Experiment:
    settings = {"epochs": 1, "warmup": 0.0, "schedule": "constant", "clip": 1e9, **optim}
    return Experiment(name="parts", optim=OptimConfig(precision="fp32", **settings))  # type: ignore[arg-type]


def test_a_partial_accumulation_at_the_end_is_stepped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradients: list[float] = []

    def record(optimizer: torch.optim.AdamW) -> None:
        (gradient,) = (
            p.grad.item() for g in optimizer.param_groups for p in g["params"] if p.ndim == 2
        )
        gradients.append(gradient)

    monkeypatch.setattr(torch.optim.AdamW, "step", record)
    fit(Parts(), Counted(5), counted_experiment(accumulate=2), tmp_path, CPU, report=str)
    # d/dw mean over the batches of (w · label)² at w = 1: 2 · mean(label²).
    assert gradients == pytest.approx([2 * (1 + 4) / 2, 2 * (9 + 16) / 2, 2 * 25])
    (row,) = rows(tmp_path)
    assert row["train_ce"] == pytest.approx((1 + 4 + 9 + 16 + 25) / 5)


@pytest.mark.parametrize("accumulate", [1, 2, 3])
def test_the_schedule_counts_every_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accumulate: int
) -> None:
    rates: list[float] = []
    monkeypatch.setattr(
        torch.optim.AdamW, "step", lambda self: rates.append(self.param_groups[0]["lr"])
    )
    experiment = counted_experiment(
        epochs=2, accumulate=accumulate, schedule="linear", learning_rate=1.0
    )
    fit(Parts(), Counted(5), experiment, tmp_path, CPU, report=str)
    updates = 2 * -(-5 // accumulate)
    assert rates == pytest.approx([1 - i / updates for i in range(updates)])


def test_parameters_are_constrained_after_each_step(tmp_path: Path) -> None:
    # AdamW's first step has the length of the learning rate: 0.9 + 0.5 overshoots 1.
    framework = fit(
        Parts(), Counted(1), counted_experiment(learning_rate=0.5, ema=0.0), tmp_path, CPU,
        report=str,
    )  # fmt: skip
    assert framework.get_parameter("log_temperature").item() == pytest.approx(1.0)


def shares(framework: Framework, **optim: float) -> dict[str, tuple[float, float]]:
    """Parameter → its peak learning rate and weight decay."""
    settings = OptimConfig(learning_rate=1e-3, weight_decay=0.1, **optim)  # type: ignore[arg-type]
    names = {id(p): name for name, p in framework.named_parameters()}
    return {
        names[id(p)]: (group["peak"], group["weight_decay"])
        for group in parameter_groups(framework, settings)
        for p in group["params"]
    }


@pytest.mark.parametrize("modalities", [("speech",), ("speech", "text")])
def test_encoders_learn_at_their_own_rate_where_one_is_set(modalities: tuple[str, ...]) -> None:
    framework = Parts(*(Tuned(modality) for modality in modalities))
    assert {peak for peak, _ in shares(framework).values()} == {1e-3}
    set_apart = shares(framework, encoder_learning_rate=1e-5)
    for name, (peak, _) in set_apart.items():
        assert peak == (1e-5 if name.startswith("part_") else 1e-3)


class Layered(CachedEncoder):
    """Three layers; the first one is the lowest."""

    def __init__(self) -> None:
        super().__init__("speech", 2)
        self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))

    def depth(self, parameter: str) -> int:
        return len(self.layers) - 1 - int(parameter.split(".")[1])


def test_lower_layers_learn_more_slowly() -> None:
    rates = shares(Parts(Layered()), encoder_learning_rate=1e-4, layer_decay=0.5)
    for layer, factor in enumerate((0.25, 0.5, 1.0)):
        for kind in ("weight", "bias"):
            assert rates[f"part_0.layers.{layer}.{kind}"][0] == pytest.approx(1e-4 * factor)
    assert rates["weight"][0] == 1e-3


def test_norms_biases_and_temperatures_do_not_decay() -> None:
    decays = {name for name, (_, decay) in shares(Parts(Tuned("speech"))).items() if decay}
    assert decays == {"weight", "part_0.linear.weight"}


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_only_weights_of_frameworks_decay(name: str) -> None:
    encoders = {
        f"{m.name}_encoder": {
            "family": "cached", "width": 8, "modality": "speech" if m.name == "audio" else m.name
        }
        for m in DESCRIPTORS[name].modalities
    }  # fmt: skip
    framework = build_framework({"framework": name, "width": 8, "heads": 2, **encoders}, ("a", "b"))
    spared = {name for name, (_, decay) in shares(framework).items() if not decay}
    expected = set()
    for module_name, module in framework.named_modules():
        for parameter, _ in module.named_parameters(module_name, recurse=False):
            last = parameter.rpartition(".")[2]
            if isinstance(module, nn.LayerNorm) or "bias" in last or "temperature" in last:
                expected.add(parameter)
    one_dimensional = {n for n, p in framework.named_parameters() if p.shape[:-1].numel() == 1}
    assert expected <= spared <= expected | one_dimensional
    assert any("temperature" in parameter for parameter in spared)
    assert any("norm" in parameter for parameter in spared)


def test_moments_return_to_their_parameters(tmp_path: Path) -> None:
    experiment = counted_experiment(learning_rate=0.1)
    fit(Parts(Tuned("speech")), Counted(3), experiment, tmp_path, CPU, report=str)
    state = start_state(Parts(Tuned("speech")), experiment.optim)
    load_state(tmp_path, state)
    assert (state.progress.epoch, state.progress.update) == (1, 3)
    moments = {
        name: state.optimizer.state[p]
        for name, p in state.framework.named_parameters()
        if p in state.optimizer.state
    }
    assert set(moments) == {"weight", "log_temperature"}  # the encoder had no gradient
    assert moments["log_temperature"]["exp_avg"].item() == pytest.approx(-(1 - 0.9**3))
    assert moments["weight"]["exp_avg"].shape == (1, 1)


def test_a_state_of_an_older_version_is_refused(tmp_path: Path) -> None:
    experiment = counted_experiment()
    fit(Parts(), Counted(1), experiment, tmp_path, CPU, report=str)
    tensors = load_file(tmp_path / STATE_FILE)
    renamed = {key.replace("optimizer.weight", "optimizer.0"): v for key, v in tensors.items()}
    save_file(renamed, tmp_path / STATE_FILE, metadata={"progress": "{}"})
    with pytest.raises(ValueError, match="older version"):
        load_state(tmp_path, start_state(Parts(), experiment.optim))


def test_a_line_of_the_log_is_read_as_it_was_written() -> None:
    record = EpochRecord(3, {"ce": 1.5, "train_like": 0.25}, {"score": 0.5, "a/b": 0.75}, 2.5)
    assert record.row() == {
        "epoch": 3, "train_ce": 1.5, "train_train_like": 0.25, "score": 0.5, "a/b": 0.75,
        "seconds": 2.5,
    }  # fmt: skip
    assert EpochRecord.parse(json.dumps(record.row())) == record


def test_auto_uses_bf16_where_the_cpu_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for reported, expected in ((True, torch.bfloat16), (False, None)):
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda r=reported: {"avx512_bf16": r}, raising=False
        )
        assert autocast_type("auto", CPU) is expected
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as in older versions
    assert autocast_type("auto", CPU) is None
    assert autocast_type("bf16", CPU) is torch.bfloat16
    assert autocast_type("fp32", CPU) is None


def test_average_is_the_exponential_one() -> None:
    averaged = {"w": torch.tensor([1.0]), "n": torch.tensor(1)}
    average_into(averaged, {"w": torch.tensor([3.0]), "n": torch.tensor(7)}, 0.75)
    assert averaged["w"].item() == pytest.approx(0.75 * 1.0 + 0.25 * 3.0)
    assert averaged["n"].item() == 7
