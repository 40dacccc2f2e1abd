"""The training loop. It knows no modality and no framework."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from tqdm import tqdm

from mer_core.frameworks.base import CLASSES, MATCHED, Framework, total_loss
from mer_core.types import Output
from train.config import Experiment, OptimConfig
from train.data.labelled import Labelled
from train.log import EpochRecord, append_record
from train.precision import autocast_type
from train.state import (
    TrainingState,
    Weights,
    average_into,
    copy_weights,
    load_state,
    save_state,
)

Observe = Callable[[Framework, int], None]  # the weights that would be kept, after epoch 1, 2, …


class Task(Protocol):
    """What the loop needs of the data: an epoch's batches, and development figures.

    Attributes:
        batches: How many batches an epoch has.
    """

    batches: int

    def epoch(self, epoch: int) -> Iterable[Labelled]:
        """Labelled training batches; the same for the same epoch."""

    def validate(self, framework: Framework) -> dict[str, float]:
        """Development figures; `score`, the higher the better, selects the epoch."""


def fit(
    framework: Framework,
    task: Task,
    experiment: Experiment,
    folder: Path,
    device: torch.device,
    *,
    report: Callable[[str], None] = tqdm.write,
    observe: Observe | None = None,
) -> Framework:
    """Train until the epochs or the patience end, resuming from the state in `folder`.

    `observe` is shown the averaged weights after every epoch. What it does with them changes
    nothing here; of a resumed run it may see an epoch twice.

    Returns:
        `framework`, carrying the weights of the best development epoch or, without selection, of
        the last one.
    """
    optim = experiment.optim
    state = start_state(framework.to(device), optim)
    load_state(folder, state)
    progress = state.progress
    for epoch in range(progress.epoch, optim.epochs):
        if epoch - progress.best_epoch > optim.patience:
            break
        started = time.perf_counter()
        torch.manual_seed(experiment.seed * 100_003 + epoch)  # dropout repeats when resumed
        losses = train_epoch(state, task, experiment, epoch)
        figures = validate_with(framework, state.averaged, task) if optim.select else {}
        score = figures.get("score", float("inf"))  # without selection, the last epoch is the best
        if score > progress.best_score or not optim.select:
            progress.best_score, progress.best_epoch = score, epoch
            state.best = copy_weights(state.averaged)
        progress.epoch = epoch + 1
        seconds = round(time.perf_counter() - started, 1)
        if observe:
            with evaluating(framework, state.averaged):
                observe(framework, epoch + 1)
        record = EpochRecord(epoch + 1, losses, figures, seconds)
        append_record(folder, record)
        save_state(folder, state)
        report(f"{experiment.name}: " + ", ".join(f"{k} {v:.4g}" for k, v in record.row().items()))
    framework.load_state_dict(state.best)
    return framework.eval()


def start_state(framework: Framework, optim: OptimConfig) -> TrainingState:
    """The state before the first epoch."""
    optimizer = torch.optim.AdamW(parameter_groups(framework, optim), lr=1.0)
    weights = framework.state_dict()
    return TrainingState(framework, optimizer, copy_weights(weights), copy_weights(weights))


def train_epoch(
    state: TrainingState, task: Task, experiment: Experiment, epoch: int
) -> dict[str, float]:
    """Every update of one epoch; `accumulate` batches make one, and so do fewer at the end.

    Returns:
        Loss term → its mean over the batches.
    """
    optim = experiment.optim
    updates = optim.epochs * updates_per_epoch(task, optim)
    sums: dict[str, float] = defaultdict(float)
    count = 0
    state.framework.train()
    batches = iter(
        tqdm(
            task.epoch(epoch),
            total=task.batches,
            desc=f"epoch {epoch + 1}/{optim.epochs}",
            mininterval=5.0,
        )
    )
    while group := list(islice(batches, optim.accumulate)):
        for losses in backward(state.framework, group, experiment):
            count += 1
            for name, value in losses.items():
                sums[name] += value
        update(state, optim, updates)
    return {name: value / count for name, value in sums.items()}


def backward(
    framework: Framework, group: Sequence[Labelled], experiment: Experiment
) -> list[dict[str, float]]:
    """Accumulate the gradient of the mean loss over some batches; returns the terms of each."""
    terms = []
    device = next(framework.parameters()).device
    precision = autocast_type(experiment.optim.precision, device)
    for item in group:
        with torch.autocast(device.type, precision or torch.bfloat16, precision is not None):
            output = with_masks(framework(item.batch.to(device)), item)
            losses = framework.losses(output, item.labels.to(device))
        loss = total_loss(losses, experiment.loss_weights)
        torch.autograd.backward(loss / len(group))
        terms.append({name: float(term.detach()) for name, term in losses.items()})
    return terms


def with_masks(output: Output, item: Labelled) -> Output:
    """`output` with what the losses need to know of its rows beside their labels."""
    masks = {CLASSES: item.classes, MATCHED: item.matched}
    device = output.logits.device
    present = {name: mask.to(device) for name, mask in masks.items() if mask is not None}
    return replace(output, masks={**output.masks, **present})


def update(state: TrainingState, optim: OptimConfig, updates: int) -> None:
    """One step of the optimiser and of the average; the whole run has `updates`."""
    rate = schedule(state.progress.update / updates, optim)
    for group in state.optimizer.param_groups:
        group["lr"] = group["peak"] * rate
    nn.utils.clip_grad_norm_(state.framework.parameters(), optim.clip)
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.framework.constrain_()
    state.progress.update += 1
    done = state.progress.update
    decay = min(optim.ema, (1 + done) / (10 + done))  # early on, forget the initial weights faster
    average_into(state.averaged, state.framework.state_dict(), decay)


def updates_per_epoch(task: Task, optim: OptimConfig) -> int:
    """How many updates an epoch makes, a last one of fewer batches included."""
    return -(-task.batches // optim.accumulate)


def parameter_groups(framework: Framework, optim: OptimConfig) -> list[dict[str, Any]]:
    """Parameters by peak learning rate and weight decay, as AdamW takes them.

    Encoders may have their own peak, lower for each layer further down. Weights decay, but not
    parameters of fewer than two dimensions: norms, biases and temperatures.
    """
    base = optim.encoder_learning_rate or optim.learning_rate
    peaks = {
        parameter: base * optim.layer_decay ** encoder.depth(name)
        for encoder in framework.encoders().values()
        for name, parameter in encoder.named_parameters()
    }
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in framework.parameters():
        if parameter.requires_grad:
            peak = peaks.get(parameter, optim.learning_rate)
            decay = optim.weight_decay if parameter.ndim >= 2 else 0.0
            groups.setdefault((peak, decay), []).append(parameter)
    return [
        {"params": parameters, "peak": peak, "weight_decay": decay}
        for (peak, decay), parameters in groups.items()
    ]


def schedule(done: float, optim: OptimConfig) -> float:
    """Share of the peak learning rate after `done` of all updates (0 to 1)."""
    if done < optim.warmup:
        return (done + 1e-3) / (optim.warmup + 1e-3)
    left = (done - optim.warmup) / max(1e-9, 1.0 - optim.warmup)
    if optim.schedule == "constant":
        return 1.0
    if optim.schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, left)))
    return max(0.0, 1.0 - left)


def validate_with(framework: Framework, weights: Weights, task: Task) -> dict[str, float]:
    """The development figures of `weights`."""
    with evaluating(framework, weights):
        return task.validate(framework)


@contextmanager
def evaluating(framework: Framework, weights: Weights) -> Iterator[None]:
    """The framework with other weights, in evaluation; its own are restored afterwards."""
    own = copy_weights(framework.state_dict())
    framework.load_state_dict(weights)
    framework.eval()
    with torch.inference_mode():
        yield
    framework.load_state_dict(own)
