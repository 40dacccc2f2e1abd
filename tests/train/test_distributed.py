"""Two processes with half a batch each compute what one does with the whole batch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mer_core.frameworks.base import Framework
from mer_core.frameworks.registry import build_framework
from mer_core.types import Batch, Features
from tests import random_models
from tests.train.processes import in_processes
from train.config import EngineConfig, Experiment
from train.data.labelled import Labelled
from train.data.loading import share
from train.distributed import World, drawn_alike, join_world, share_statistics
from train.step import LossStep, SharedEvaluation

pytest.importorskip("accelerate")
CPU = torch.device("cpu")
LABELS = ("angry", "happy", "neutral", "sad")
WIDTH = 8
Arrays = dict[str, NDArray[np.float64]]

# Every term that compares rows: both targets, both similarities, all of Foal-Net's.
CASES = {
    "mgcma": {"framework": "mgcma", "instance_targets": "label", "samples": 0},
    "mgcma_pairs": {"framework": "mgcma", "distribution_similarity": "sigmoid"},
    "foal_net": {"framework": "foal_net", "projection_width": 8, "temperature": 0.2},
    "foal_net_sum": {"framework": "foal_net", "average_positives": False, "width": 8},
    "mgcma_ours": {
        "framework": "mgcma", "joint": True, "centred": True, "learn_instance_temperature": True,
    },
    "foal_net_ours": {"framework": "foal_net", "joint": True, "centred": True, "width": 8},
    "unimodal": {"framework": "unimodal", "contrast_temperature": 0.1},
}  # fmt: skip
MODALITIES = {"mgcma": ("speech", "text"), "foal_net": ("speech", "video"), "unimodal": ("speech",)}
KEYS = {
    "mgcma": ("speech_encoder", "text_encoder"),
    "foal_net": ("audio_encoder", "video_encoder"),
    "unimodal": ("encoder",),
}


def framework_of(case: str) -> Framework:
    """With fresh weights and without dropout: its numbers depend on the rows alone."""
    torch.manual_seed(0)
    architecture = dict(CASES[case])
    name = architecture["framework"]
    for key, modality in zip(KEYS[name], MODALITIES[name], strict=True):
        architecture[key] = {"family": "cached", "modality": modality, "width": WIDTH}
    if name != "unimodal":
        architecture["heads"] = 2
    if name == "mgcma":
        architecture["width"] = WIDTH
    framework = build_framework(architecture, LABELS)
    for module in framework.modules():
        if isinstance(module, nn.Dropout | nn.Dropout1d):
            module.p = 0.0
        if isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
    return framework.train()


def features(modality: str, rows: slice, total: int) -> Features:
    """Rows of different lengths, padded to their own longest; the third is absent."""
    random = np.random.default_rng(len(modality))
    tokens = torch.from_numpy(random.standard_normal((total, 6, WIDTH))).float()
    lengths = torch.from_numpy(random.integers(1, 7, total))
    lengths[2 % total] = 0
    tokens, lengths = tokens[rows], lengths[rows]
    mask = torch.arange(max(1, int(lengths.max()))) < lengths[:, None]
    tokens = torch.where(mask[:, :, None], tokens[:, : mask.shape[1]], 0.0)
    return Features(tokens, mask, mask.any(dim=1))


def batch_of(case: str, rows: slice, total: int, counts: bool = True) -> Labelled:
    name = str(CASES[case]["framework"])
    cached = {m: features(m, rows, total) for m in MODALITIES[name]}
    labels = torch.arange(total)[rows] % 3
    matched = torch.arange(total)[rows] != 1
    return Labelled(Batch(cached=cached), labels, matched=matched, counts=counts)


def experiment() -> Experiment:
    return Experiment("any", engine=EngineConfig(), loss_weights={})


def losses_and_gradients(world: World, case: str, total: int) -> tuple[Arrays, Arrays]:
    """Of one process' share of a batch."""
    own = share(total, world.rank, world.size)
    counts = own.start < own.stop
    item = batch_of(case, own if counts else slice(0, 1), total, counts)
    return computed(world, framework_of(case).to(world.device), item)


def computed(world: World, framework: Framework, item: Labelled) -> tuple[Arrays, Arrays]:
    """Losses and running means, gradients."""
    step = world.wrap(LossStep(framework, experiment(), world))
    with drawn_alike(7, world.device):  # for one process; several draw alike within the step
        loss, terms = step(item.to(world.device), 7)
    loss.backward()
    gradients = {
        name: p.grad.cpu().numpy().copy()
        for name, p in framework.named_parameters()
        if p.grad is not None
    }
    means = {name: b for name, b in framework.named_buffers() if name.endswith("_mean")}
    losses = {**terms, "loss": loss.detach(), **means}
    return {name: term.cpu().numpy() for name, term in losses.items()}, gradients


def with_tuned_encoders(world: World, name: str) -> tuple[Arrays, Arrays]:
    """Of rows padded to their own longest; some parameters, such as unused masks, learn nothing."""
    torch.manual_seed(0)
    make = {"mgcma": random_models.mgcma, "foal_net": random_models.foal_net}[name]
    framework = make(random_models.TINY, dropout=0.0).train()
    labels = random_models.LABELS
    rows = share(len(labels), world.rank, world.size)
    item = Labelled(random_models.batch(rows), torch.tensor(labels[rows]))
    return computed(world, framework, item)


def assert_close(first: tuple[Arrays, Arrays], second: tuple[Arrays, Arrays]) -> None:
    for ours, theirs in zip(first, second, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            np.testing.assert_allclose(theirs[name], value, rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_two_processes_equal_one(case: str) -> None:
    alone = losses_and_gradients(World(CPU), case, 7)
    assert {"ce", "loss"} < set(alone[0])
    assert all(np.abs(g).max() > 0 for name, g in alone[1].items() if name.startswith("log_"))
    assert ("joint" in alone[0]) == case.endswith("_ours")
    moved = [np.abs(mean).max() for name, mean in alone[0].items() if name.endswith("_mean")]
    assert len(moved) == (2 if case.endswith("_ours") else 0)
    assert all(value > 0 for value in moved)
    for shared in in_processes(2, losses_and_gradients, case, 7):
        assert_close(alone, shared)


@pytest.mark.parametrize("name", ["mgcma", "foal_net"])
def test_two_processes_equal_one_with_tuned_encoders(name: str) -> None:
    alone = with_tuned_encoders(World(CPU), name)
    assert any("backbone" in parameter for parameter in alone[1])
    for shared in in_processes(2, with_tuned_encoders, name):
        assert_close(alone, shared)


@pytest.mark.parametrize("case", ["mgcma", "foal_net", "foal_net_ours"])
def test_a_process_without_rows_takes_part(case: str) -> None:
    alone = losses_and_gradients(World(CPU), case, 2)
    for shared in in_processes(3, losses_and_gradients, case, 2):
        assert_close(alone, shared)


def gathered(world: World) -> tuple[Tensor, ...]:
    rows = torch.full((1 + world.rank, 2 + world.rank), float(world.rank + 1), requires_grad=True)
    flags = torch.ones(1 + world.rank, dtype=torch.bool)
    partners = torch.arange(1 + world.rank)
    whole = world.gather({"rows": rows, "flags": flags, "partners": partners}, {"partners"})
    (whole["rows"] * torch.arange(9.0).view(3, 3)).sum().backward()
    return tuple(t.detach().numpy() for t in (*whole.values(), rows.grad))  # type: ignore[misc]


def test_rows_are_gathered_in_order_and_padded() -> None:
    expected = [[1, 1, 0], [2, 2, 2], [2, 2, 2]]
    first, second = in_processes(2, gathered)
    for rows, flags, partners, _ in (first, second):
        assert rows.tolist() == expected
        assert flags.tolist() == [True] * 3
        assert flags.dtype == bool
        assert partners.tolist() == [0, 1, 2]
    # Twice the derivative of the own rows, since gradients of parameters are averaged.
    assert first[3].tolist() == [[0, 2]]
    assert second[3].tolist() == [[6, 8, 10], [12, 14, 16]]


def judged(world: World, rows: int) -> NDArray[np.float64]:
    framework = framework_of("mgcma").eval()
    judge = framework if world.size == 1 else SharedEvaluation(framework, world)
    with torch.inference_mode():
        return judge(batch_of("mgcma", slice(0, rows), rows).batch).logits.numpy()


@pytest.mark.parametrize("rows", [1, 5])
def test_processes_share_an_evaluation(rows: int) -> None:
    alone = judged(World(CPU), rows)
    for shared in in_processes(2, judged, rows):
        np.testing.assert_allclose(shared, alone, atol=1e-6)


def draws(world: World) -> list[float]:
    torch.manual_seed(world.rank)
    with drawn_alike(3, CPU):
        alike = float(torch.rand(()))
    return [alike, float(torch.rand(()))]


def test_losses_draw_alike_and_dropout_does_not() -> None:
    first, second = in_processes(2, draws)
    assert first[0] == second[0]
    assert first[1] != second[1]
    torch.manual_seed(0)
    assert first[1] == float(torch.rand(()))  # as if nothing had been drawn in between


def test_batch_norms_are_refused_on_several_cpus() -> None:
    module = nn.Sequential(nn.BatchNorm1d(2))
    share_statistics(module, World(CPU))
    with pytest.raises(ValueError, match="on GPUs only"):
        share_statistics(module, World(CPU, rank=0, size=2))


def test_one_process_needs_no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_world("cpu") == World(CPU)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="use auto"):
        join_world("cuda:1")


@pytest.mark.slow
def test_fit_in_two_processes_ends_where_one_does(
    mgcma: Experiment, corpora: Path, tmp_path: Path
) -> None:
    """Whole epochs, validation and accumulation included, up to rounding."""
    architecture = {**mgcma.architecture, "dropout": 0.0, "classifier_dropout": 0.0, "samples": 0}
    optim = dataclasses.replace(mgcma.optim, epochs=2, accumulate=2, ema=0.5)
    quiet = dataclasses.replace(mgcma, architecture=architecture, optim=optim)
    alone = fitted(World(CPU), quiet, corpora, tmp_path / "one", tmp_path / "cache")
    results = in_processes(2, fitted, quiet, corpora, tmp_path / "two", tmp_path / "cache")
    for weights in results:
        for name, value in alone.items():
            np.testing.assert_allclose(weights[name], value, atol=1e-4, err_msg=name)
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    assert [len(log) for log in logs] == [2, 2]  # one process writes


def fitted(
    world: World, experiment: Experiment, root: Path, folder: Path, cache: Path
) -> dict[str, NDArray[np.float32]]:
    from train.stages import fit_experiment

    framework = fit_experiment(experiment, root, folder, CPU, cache, world)
    return {name: value.numpy() for name, value in framework.state_dict().items()}
