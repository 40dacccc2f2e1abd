"""The training loop. It knows no modality and no framework."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from tqdm import tqdm

from mer_core.frameworks.base import Framework
from train.config import Experiment, OptimConfig
from train.data.labelled import Labelled
from train.data.loading import Batches
from train.distributed import World, share_statistics
from train.log import EpochRecord, append_record
from train.memory import advice_on_memory, checkpoint_gradients
from train.precision import autocast_type
from train.randomness import batch_seed, epoch_seed, random_states, start_randomness
from train.state import (
    TrainingState,
    Weights,
    average_into,
    copy_weights,
    load_state,
    save_state,
)
from train.step import LossStep, SharedEvaluation

Observe = Callable[[Framework, int], None]  # the weights that would be kept, after epoch 1, 2, …


class Task(Protocol):
    """What the loop needs of the data: an epoch's batches, and development figures.

    Attributes:
        batches: How many batches an epoch has.
    """

    batches: int

    def epoch(self, epoch: int) -> Batches:
        """Labelled training batches; the same for the same epoch."""

    def validate(self, framework: nn.Module) -> dict[str, float]:
        """Development figures; `score`, the higher the better, selects the epoch.

        `framework` returns the logits of a batch, and may return nothing else.
        """


@dataclass
class Run:
    """One training run in one process.

    Attributes:
        state: What training changes.
        task: The data.
        experiment: The settings.
        folder: Of the log and the saved state.
        world: The processes that train together.
        step: A `LossStep`, wrapped if there are several.
    """

    state: TrainingState
    task: Task
    experiment: Experiment
    folder: Path
    world: World
    step: nn.Module


def fit(
    framework: Framework,
    task: Task,
    experiment: Experiment,
    folder: Path,
    device: torch.device,
    *,
    world: World | None = None,
    report: Callable[[str], None] = tqdm.write,
    observe: Observe | None = None,
) -> Framework:
    """Train until the epochs or the patience end, resuming from the state in `folder`.

    Args:
        framework: To train.
        task: Its data.
        experiment: Its settings.
        folder: Of log and state; the first of several processes writes them, and all read them.
        device: Where it is trained.
        world: The processes that train together, if there are several.
        report: Takes one line an epoch.
        observe: Is shown the averaged weights after every epoch, in the first process. What it does
            with them changes nothing here; of a resumed run it may see an epoch twice.

    Returns:
        `framework`, carrying the weights of the best development epoch or, without selection, of
        the last one.

    Raises:
        MemoryAdviceError: The settings ask for more memory than there is.
    """
    with advice_on_memory(experiment, device):
        run = start_run(framework, task, experiment, folder, world or World(device))
        progress, optim = run.state.progress, experiment.optim
        for epoch in range(progress.epoch, optim.epochs):
            if epoch - progress.best_epoch > optim.patience:
                break
            record = run_epoch(run, epoch)
            if run.world.is_first:
                if observe:
                    with evaluating(framework, run.state.averaged):
                        observe(framework, epoch + 1)
                append_record(folder, record)
                save_state(folder, run.state)
                figures = ", ".join(f"{k} {v:.4g}" for k, v in record.row().items())
                report(f"{experiment.name}: {figures}")
        framework.load_state_dict(run.state.best)
        return framework.eval()


def start_run(
    framework: Framework, task: Task, experiment: Experiment, folder: Path, world: World
) -> Run:
    """Everything that an epoch needs, resumed from the state in `folder`."""
    share_statistics(framework.to(world.device), world)
    if experiment.engine.gradient_checkpointing:
        checkpoint_gradients(framework)
    state = start_state(framework, experiment.optim)
    load_state(folder, state)
    step = world.wrap(LossStep(framework, experiment, world))
    return Run(state, task, experiment, folder, world, step)


def start_state(framework: Framework, optim: OptimConfig) -> TrainingState:
    """The state before the first epoch."""
    optimizer = torch.optim.AdamW(parameter_groups(framework, optim), lr=1.0)
    weights = framework.state_dict()
    return TrainingState(framework, optimizer, copy_weights(weights), copy_weights(weights))


def run_epoch(run: Run, epoch: int) -> EpochRecord:
    """Train one epoch, or what is left of it, and measure it; the state counts it as done."""
    state, progress, optim = run.state, run.state.progress, run.experiment.optim
    started = time.perf_counter() - progress.seconds
    train_epoch(run, epoch, started)
    losses = state.mean_losses()
    figures = (
        validate_with(state.framework, state.averaged, run.task, run.world) if optim.select else {}
    )
    score = figures.get("score", float("inf"))  # without selection, the last epoch is the best
    if score > progress.best_score or not optim.select:
        progress.best_score, progress.best_epoch = score, epoch
        state.best = copy_weights(state.averaged)
    state.end_epoch()
    return EpochRecord(epoch + 1, losses, figures, round(time.perf_counter() - started, 1))


def train_epoch(run: Run, epoch: int, started: float) -> None:
    """Every update of one epoch; `accumulate` batches make one, and so do fewer at the end.

    Args:
        run: Which; its state knows how many batches of the epoch are done.
        epoch: Counted from 0.
        started: When, by `time.perf_counter`.
    """
    state, progress, optim, world = run.state, run.state.progress, run.experiment.optim, run.world
    updates = optim.epochs * updates_per_epoch(run.task, optim)
    seed = epoch_seed(run.experiment.seed, epoch)
    start_randomness(seed, progress.batch, world, state.random)  # dropout repeats when resumed
    state.framework.train()
    batches = run.task.epoch(epoch).of_rank(world.rank, world.size)
    read = batches.prefetched(progress.batch, run.experiment.engine.workers, world.device)
    pending = iter(
        tqdm(
            read,
            total=len(batches),
            initial=progress.batch,
            desc=f"epoch {epoch + 1}/{optim.epochs}",
            mininterval=5.0,
            disable=not world.is_first,
        )
    )
    while group := list(islice(pending, optim.accumulate)):
        backward(run, group, seed)
        update(state, optim, updates)
        every = run.experiment.engine.save_updates
        if every and progress.update % every == 0 and progress.batch < len(batches):
            progress.seconds = time.perf_counter() - started
            save_within_epoch(run)


def backward(run: Run, group: Sequence[Labelled], seed: int) -> None:
    """Accumulate the gradient of the mean loss over some batches, and count their terms.

    Nothing is read back from the device, which would have to finish the batch first.
    """
    device = run.world.device
    precision = autocast_type(run.experiment.optim.precision, device)
    for number, item in enumerate(group, 1):
        more = number < len(group)
        with run.world.without_exchange(run.step) if more else nullcontext():
            with torch.autocast(device.type, precision or torch.bfloat16, precision is not None):
                loss, terms = run.step(item.to(device), batch_seed(seed, run.state.progress.batch))
            torch.autograd.backward(loss / len(group))
        run.state.add(terms)


def save_within_epoch(run: Run) -> None:
    """Save the state between two updates of an epoch; all processes take part."""
    run.state.random = random_states(run.world)
    if run.world.is_first:
        save_state(run.folder, run.state)


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


def validate_with(
    framework: Framework, weights: Weights, task: Task, world: World
) -> dict[str, float]:
    """The development figures of `weights`.

    Several processes share the work, and all get the same figures.
    """
    judge = framework if world.size == 1 else SharedEvaluation(framework, world)
    with evaluating(framework, weights):
        return task.validate(judge)


@contextmanager
def evaluating(framework: Framework, weights: Weights) -> Iterator[None]:
    """The framework with other weights, in evaluation; its own are restored afterwards."""
    own = copy_weights(framework.state_dict())
    framework.load_state_dict(weights)
    framework.eval()
    with torch.inference_mode():
        yield
    framework.load_state_dict(own)
