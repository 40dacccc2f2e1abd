"""The training loop. It knows no modality and no framework."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mer_core.frameworks.base import Framework, total_loss
from mer_core.types import Batch
from train.config import Experiment, OptimConfig
from train.curves import save_curves
from train.state import average_into, load_state, save_state

Batches = Iterable[tuple[Batch, Tensor]]


class Task(Protocol):
    """What the loop asks of the data: batches of an epoch, and a development figure."""

    updates: int

    def epoch(self, epoch: int) -> Batches:
        """Training batches and labels (B,), the same for the same epoch."""

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
) -> Framework:
    """Train until the epochs or the patience end, resuming what lies in `folder`.

    Returns:
        `framework`, carrying the weights of the best development epoch.
    """
    optim = experiment.optim
    framework.to(device)
    averaged = {name: value.clone() for name, value in framework.state_dict().items()}
    best = {name: value.clone() for name, value in averaged.items()}
    optimizer = torch.optim.AdamW(
        parameter_groups(framework, optim), lr=1.0, weight_decay=optim.weight_decay
    )
    progress = load_state(folder, framework, averaged, best, optimizer)
    precision = autocast_type(optim.precision, device)
    for epoch in range(progress.epoch, optim.epochs):
        if epoch - progress.best_epoch > optim.patience:
            break
        started = time.perf_counter()
        torch.manual_seed(experiment.seed * 100_003 + epoch)  # dropout repeats when resumed
        framework.train()
        terms: dict[str, float] = defaultdict(float)
        steps = 0
        updates = task.updates * optim.epochs
        for batch, labels in tqdm(
            task.epoch(epoch),
            total=task.updates * optim.accumulate,
            desc=f"epoch {epoch + 1}/{optim.epochs}",
            mininterval=5.0,
        ):
            with torch.autocast(device.type, precision or torch.bfloat16, precision is not None):
                output = framework(batch.to(device))
                losses = framework.losses(output, labels.to(device))
            loss = total_loss(losses, experiment.loss_weights)
            torch.autograd.backward(loss / optim.accumulate)
            steps += 1
            if steps % optim.accumulate == 0:
                rate = schedule(progress.update / updates, optim)
                for group in optimizer.param_groups:
                    group["lr"] = group["peak"] * rate
                nn.utils.clip_grad_norm_(framework.parameters(), optim.clip)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                progress.update += 1
                decay = min(optim.ema, (1 + progress.update) / (10 + progress.update))
                average_into(averaged, framework.state_dict(), decay)
            for name, term in losses.items():
                terms[name] += float(term.detach())
        optimizer.zero_grad(set_to_none=True)
        figures = validate_with(framework, averaged, task)
        if figures["score"] > progress.best_score:
            progress.best_score, progress.best_epoch = figures["score"], epoch
            best = {name: value.clone() for name, value in averaged.items()}
        progress.epoch = epoch + 1
        row = {
            "epoch": epoch + 1,
            **{f"train_{name}": value / max(1, steps) for name, value in terms.items()},
            **figures,
            "seconds": round(time.perf_counter() - started, 1),
        }
        log(folder / "log.jsonl", row)
        save_curves(folder / "log.jsonl", folder / "curves.png")
        save_state(folder, framework, averaged, best, optimizer, progress)
        report(f"{experiment.name}: " + ", ".join(f"{k} {v:.4g}" for k, v in row.items()))
    framework.load_state_dict(best)
    return framework.eval()


def parameter_groups(framework: nn.Module, optim: OptimConfig) -> list[dict[str, Any]]:
    """Encoders that a framework of several parts fine-tunes get their own peak rate."""
    several = any(name.endswith("_encoder") for name, _ in framework.named_children())
    groups: dict[bool, list[nn.Parameter]] = {False: [], True: []}
    for name, parameter in framework.named_parameters():
        if parameter.requires_grad:
            groups[several and name.split(".")[0].endswith("_encoder")].append(parameter)
    peaks = {False: optim.learning_rate, True: optim.encoder_learning_rate}
    return [{"params": p, "peak": peaks[k]} for k, p in groups.items() if p]


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


def autocast_type(precision: str, device: torch.device) -> torch.dtype | None:
    """bf16 where asked for, or where `auto` finds hardware that multiplies it; else None."""
    if precision == "auto":
        has = torch.cuda.is_bf16_supported() if device.type == "cuda" else has_cpu_bf16()
        return torch.bfloat16 if has else None
    return torch.bfloat16 if precision == "bf16" else None


def has_cpu_bf16() -> bool:
    """Whether this CPU multiplies bf16 by itself (AVX-512 BF16 or AMX)."""
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


def validate_with(framework: Framework, weights: dict[str, Tensor], task: Task) -> dict[str, float]:
    """The development figures of `weights`; the framework's own come back afterwards."""
    own = {name: value.clone() for name, value in framework.state_dict().items()}
    framework.load_state_dict(weights)
    framework.eval()
    with torch.inference_mode():
        figures = task.validate(framework)
    framework.load_state_dict(own)
    return figures


def log(path: Path, row: dict[str, Any]) -> None:
    """Append one JSON object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
