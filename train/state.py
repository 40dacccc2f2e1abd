"""The state of a running experiment: in memory, on disk without pickle, and averaged weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from mer_core.files import write_atomically
from mer_core.frameworks.base import Framework

STATE_FILE = "state.safetensors"

Weights = dict[str, Tensor]


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        epoch: Epochs that are done.
        update: Updates that are done, of all epochs.
        best_score: Of the epochs that are done.
        best_epoch: The one that has it, from 0.
        batch: Batches of the next epoch that are done.
        seconds: That they took.
    """

    epoch: int = 0
    update: int = 0
    best_score: float = float("-inf")
    best_epoch: int = 0
    batch: int = 0
    seconds: float = 0.0


@dataclass
class TrainingState:
    """Everything that training changes, and that resuming needs.

    Attributes:
        framework: With the weights that are being trained.
        optimizer: Of its parameters.
        averaged: Exponential moving average of the weights.
        best: Averaged weights of the best development epoch.
        progress: Epochs, updates and the best score so far.
        sums: Loss term → sum over the batches of the epoch, float64 on the device, so that no step
            waits for it.
        random: States of the random number generators within an epoch (`train.randomness`).
    """

    framework: Framework
    optimizer: torch.optim.Optimizer
    averaged: Weights
    best: Weights
    progress: Progress = field(default_factory=Progress)
    sums: Weights = field(default_factory=dict)
    random: Weights = field(default_factory=dict)

    def add(self, terms: Mapping[str, Tensor]) -> None:
        """Count the loss terms of one batch."""
        for name, term in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + term.double()
        self.progress.batch += 1

    def mean_losses(self) -> dict[str, float]:
        """Loss term → mean over the batches of the epoch; waits for the device."""
        means = torch.stack(list(self.sums.values())) / self.progress.batch
        return dict(zip(self.sums, means.tolist(), strict=True))

    def end_epoch(self) -> None:
        """Count an epoch, and nothing of the next one."""
        progress = self.progress
        progress.epoch, progress.batch, progress.seconds = progress.epoch + 1, 0, 0.0
        self.sums, self.random = {}, {}


def copy_weights(weights: Weights) -> Weights:
    """The same tensors in memory of their own."""
    return {name: value.clone() for name, value in weights.items()}


def average_into(averaged: Weights, current: Weights, decay: float) -> None:
    """averaged ← decay · averaged + (1 - decay) · current, in place; integers are copied."""
    floating = [name for name, value in current.items() if value.is_floating_point()]
    with torch.no_grad():
        if floating:  # in a few kernels instead of one for each tensor
            means, values = ([weights[n] for n in floating] for weights in (averaged, current))
            torch._foreach_lerp_(means, values, 1.0 - decay)
        for name in current.keys() - set(floating):
            averaged[name].copy_(current[name])


def save_state(folder: Path, state: TrainingState) -> None:
    """Write everything that resuming needs; an unfinished write never replaces a complete file.

    Keys are `model.NAME`, `averaged.NAME`, `best.NAME` and `optimizer.PARAMETER.FIELD`; within an
    epoch also `sums.TERM` and `random.GENERATOR`.
    """
    sets: dict[str, Weights] = {
        "model": state.framework.state_dict(),
        "averaged": state.averaged,
        "best": state.best,
        "sums": state.sums,
        "random": state.random,
    }
    moments = state.optimizer.state_dict()["state"]
    for index, parameter in enumerate(_parameter_names(state)):
        sets[f"optimizer.{parameter}"] = moments.get(index, {})
    tensors = {
        f"{prefix}.{name}": value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for prefix, weights in sets.items()
        for name, value in weights.items()
    }
    metadata = {"progress": json.dumps(asdict(state.progress))}
    write_atomically(folder / STATE_FILE, lambda file: save_file(tensors, file, metadata=metadata))


def forget_state(folder: Path) -> None:
    """Delete what only resuming needs, of a run and of runs within it."""
    for state in folder.rglob(STATE_FILE):
        state.unlink()


def load_state(folder: Path, state: TrainingState) -> None:
    """Fill `state` from `folder`; a new run has no file there and stays as it is.

    Raises:
        ValueError: The file was written by an older version.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return
    parts: dict[str, Weights] = {
        name: {} for name in ("model", "averaged", "best", "sums", "random")
    }
    indices = {name: index for index, name in enumerate(_parameter_names(state))}
    moments: dict[int, Weights] = {}
    for key, value in load_file(path).items():
        prefix, _, name = key.partition(".")
        if prefix != "optimizer":
            parts[prefix][name] = value
            continue
        parameter, _, moment = name.rpartition(".")
        if parameter not in indices:
            raise ValueError(f"{path} was written by an older version; delete it to start over.")
        moments.setdefault(indices[parameter], {})[moment] = value
    state.framework.load_state_dict(parts["model"])
    for target, source in ((state.averaged, parts["averaged"]), (state.best, parts["best"])):
        for name, value in source.items():
            target[name].copy_(value)
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": moments, "param_groups": groups})
    device = next(state.framework.parameters()).device
    state.sums = {name: value.to(device) for name, value in parts["sums"].items()}
    state.random = parts["random"]
    state.progress = _load_progress(path)


def _parameter_names(state: TrainingState) -> list[str]:
    """Names of the optimiser's parameters, in the order in which it counts them."""
    names = {parameter: name for name, parameter in state.framework.named_parameters()}
    return [names[p] for group in state.optimizer.param_groups for p in group["params"]]


def _load_progress(path: Path) -> Progress:
    with safe_open(path, framework="pt") as file:
        return Progress(**json.loads((file.metadata() or {})["progress"]))
