"""What to do when memory runs out: advice instead of a stack trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mer_core.frameworks.base import Framework
from train.config import Experiment

CPU_ALLOCATOR = "DefaultCPUAllocator"  # in PyTorch's message, whose type is only RuntimeError


class MemoryAdviceError(ValueError):
    """The settings ask for more memory than there is."""


@contextmanager
def advice_on_memory(experiment: Experiment, device: torch.device) -> Iterator[None]:
    """Within it, running out of memory names the settings that need less.

    Raises:
        MemoryAdviceError: Memory ran out.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        known = isinstance(error, torch.OutOfMemoryError | MemoryError)
        if not known and CPU_ALLOCATOR not in str(error):
            raise
        raise MemoryAdviceError(advice(experiment, device)) from error


def advice(experiment: Experiment, device: torch.device) -> str:
    """Which settings need less memory, with values that keep the size of an update."""
    optim = experiment.optim
    smaller, more = max(2, optim.batch_size // 2), 2 * optim.accumulate
    settings = [f"optim.batch_size={smaller} with optim.accumulate={more}"]
    if not experiment.engine.gradient_checkpointing and not experiment.freeze_encoders:
        settings.append("engine.gradient_checkpointing=true")
    return (
        f"Out of memory on {device} with batches of {optim.batch_size}: "
        f"set {', or '.join(settings)}, and run the command again to resume."
    )


def checkpoint_gradients(framework: Framework) -> None:
    """Let encoders compute their layers again during `backward` instead of keeping the results.

    Raises:
        ValueError: None of them can.
    """
    done = [encoder.checkpoint_gradients() for encoder in framework.encoders().values()]
    if not any(done):
        raise ValueError(
            "engine.gradient_checkpointing = true: no encoder of this framework that learns can "
            "do so; leave it out."
        )
