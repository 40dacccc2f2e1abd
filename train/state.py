"""Checkpoints of a running experiment, without pickle, and the averaging of weights."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from train.files import write_whole

STATE_FILE = "state.safetensors"

Weights = dict[str, Tensor]


@dataclass
class Progress:
    """How far a run has come."""

    epoch: int = 0
    update: int = 0
    best_score: float = float("-inf")
    best_epoch: int = 0


def average_into(averaged: Weights, current: Weights, decay: float) -> None:
    """averaged ← decay · averaged + (1 - decay) · current, in place; integers are copied."""
    with torch.no_grad():
        for name, value in current.items():
            if value.is_floating_point():
                averaged[name].lerp_(value, 1.0 - decay)
            else:
                averaged[name].copy_(value)


def save_state(
    folder: Path,
    framework: nn.Module,
    averaged: Weights,
    best: Weights,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write everything that resuming needs; a half-written file never replaces a whole one."""
    tensors: Weights = {}
    for prefix, weights in (
        ("model", framework.state_dict()),
        ("averaged", averaged),
        ("best", best),
    ):
        tensors |= {f"{prefix}.{name}": value.contiguous() for name, value in weights.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    told = {"progress": json.dumps(asdict(progress))}
    write_whole(folder / STATE_FILE, lambda file: save_file(tensors, file, metadata=told))


def load_state(
    folder: Path,
    framework: nn.Module,
    averaged: Weights,
    best: Weights,
    optimizer: torch.optim.Optimizer,
) -> Progress:
    """Fill framework, `averaged`, `best` and optimizer from `folder`; a fresh run has nothing."""
    path = folder / STATE_FILE
    if not path.exists():
        return Progress()
    tensors = load_file(path)
    parts: dict[str, Weights] = {"model": {}, "averaged": {}, "best": {}}
    moments: dict[int, Weights] = {}
    for key, value in tensors.items():
        prefix, _, name = key.partition(".")
        if prefix == "optimizer":
            index, _, field = name.partition(".")
            moments.setdefault(int(index), {})[field] = value
        else:
            parts[prefix][name] = value
    framework.load_state_dict(parts["model"])
    for target, source in ((averaged, parts["averaged"]), (best, parts["best"])):
        for name, value in source.items():
            target[name].copy_(value)
    whole = optimizer.state_dict()
    optimizer.load_state_dict({"state": moments, "param_groups": whole["param_groups"]})
    return _progress(path)


def _progress(path: Path) -> Progress:
    with safe_open(path, framework="pt") as file:
        return Progress(**json.loads((file.metadata() or {})["progress"]))
