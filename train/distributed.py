"""Several processes that train one model with the numbers of a single one.

Every process encodes its stretch of every batch. What the frameworks' losses read of the others is
gathered once, behind `forward`, so that contrast, hard negatives and same-label matrices span the
whole batch and no loss knows of processes. All then compute the same losses of the whole batch.
Accelerate starts the processes, picks their devices and wraps the model in
`DistributedDataParallel`, which averages gradients.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.device import pick_device

# The first process may compute features for hours, or measure, while the others wait for it.
PATIENCE = timedelta(hours=12)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

Shapes = list[list[int]]  # of one tensor in each process, by rank


@dataclass(frozen=True)
class World:
    """The processes of a run, seen from one of them; the default is a run of one process.

    Attributes:
        device: Of this process.
        rank: Number of this process, from 0.
        size: How many there are.
        accelerator: Accelerate's handle; None for one process.
        group: For small tensors in main memory, so that no GPU is waited for; None for one process.
    """

    device: torch.device
    rank: int = 0
    size: int = 1
    accelerator: Any = None
    group: Any = None

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module, whose gradients are averaged over all processes during `backward`."""
        if self.size == 1:
            return module
        wrapped: nn.Module = self.accelerator.prepare_model(module)
        return wrapped

    def without_exchange(self, module: nn.Module) -> AbstractContextManager[None]:
        """Within it, `backward` adds to this process' gradients only: more batches will follow."""
        if self.size == 1:
            return nullcontext()
        context: AbstractContextManager[None] = self.accelerator.no_sync(module)
        return context

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first process goes ahead, and the others find what it left in the cache."""
        if self.size == 1:
            yield
        else:
            with self.accelerator.main_process_first():
                yield

    def leave(self) -> None:
        """End the exchange between the processes."""
        if self.size > 1:
            self.accelerator.end_training()

    def gather(
        self, tensors: Mapping[str, Tensor], indices: Collection[str] = ()
    ) -> dict[str, Tensor]:
        """Each tensor with the rows of all processes, in order of rank; with gradient.

        Args:
            tensors: (B, …) of this process. Numbers of rows, and lengths of further axes, may
                differ between processes; a row is padded with zeros to the longest. Floating-point
                tensors become at least float32.
            indices: Names of those that hold indices of rows, which then count all rows.
        """
        if self.size == 1:
            return dict(tensors)
        shapes = self._shapes(tensors)
        any_tensor = next(iter(shapes.values()))
        first = sum(rows for rows, *_ in any_tensor[: self.rank])  # of this process' rows
        tensors = {n: t + first if n in indices else t for n, t in tensors.items()}
        gathered: dict[str, Tensor] = {}
        for floating in (True, False):
            chosen = [n for n, t in tensors.items() if t.is_floating_point() is floating]
            if not chosen:
                continue
            values = [tensors[name] for name in chosen]
            kind = _exchange_type(values, floating)
            outputs = _Gather.apply(  # type: ignore[no-untyped-call]
                self, [shapes[name] for name in chosen], *(value.to(kind) for value in values)
            )
            for name, value, output in zip(chosen, values, outputs, strict=True):
                gathered[name] = output if floating else output.to(value.dtype)
        return gathered

    def collect(self, value: Tensor) -> list[Tensor]:
        """The CPU tensors of one shape of all processes, by rank."""
        if self.size == 1:
            return [value]
        received = [torch.empty_like(value) for _ in range(self.size)]
        dist.all_gather(received, value.contiguous(), group=self.group)
        return received

    def _shapes(self, tensors: Mapping[str, Tensor]) -> dict[str, Shapes]:
        """Of each tensor, in each process."""
        own = torch.tensor([length for tensor in tensors.values() for length in tensor.shape])
        of_ranks = [lengths.tolist() for lengths in self.collect(own)]
        shapes, start = {}, 0
        for name, tensor in tensors.items():
            end = start + tensor.ndim
            shapes[name] = [lengths[start:end] for lengths in of_ranks]
            start = end
        return shapes


def join_world(device: str) -> World:
    """This process and, if `accelerate launch` or `torchrun` started several, the others.

    Args:
        device: `auto`, `cpu`, `cuda` or, of a single process, `cuda:N`.

    Raises:
        ValueError: There is no such device, or several processes cannot run like this.
    """
    if not is_one_of_several():
        return World(pick_device(device))
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"--device {device}: several processes pick their own GPU; use auto.")
    try:
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
    except ImportError:
        raise ValueError(
            "Several processes need accelerate; install it by: pip install 'accelerate>=1.2,<2'"
        ) from None
    chosen = pick_device(device)
    accelerator = Accelerator(
        cpu=chosen.type == "cpu",
        mixed_precision="no",  # the loop chooses it, for the losses as well
        kwargs_handlers=[
            InitProcessGroupKwargs(timeout=PATIENCE),
            # Layer drop, absent modalities and unmasked spans leave parameters without gradient.
            DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False),
        ],
    )
    kind = accelerator.distributed_type.value
    if kind not in ("MULTI_GPU", "MULTI_CPU"):
        raise ValueError(f"Accelerate is set to {kind}; only several GPUs or CPUs are supported.")
    return World(
        accelerator.device,
        accelerator.process_index,
        accelerator.num_processes,
        accelerator,
        dist.new_group(backend="gloo", timeout=PATIENCE),
    )


def is_one_of_several() -> bool:
    """Whether a launcher started this process together with others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def share_statistics(module: nn.Module, world: World) -> None:
    """Let the batch norms within a module, if it has any, use the statistics of the whole batch.

    Raises:
        ValueError: It has some, and the processes compute on CPUs, for which there is no such norm.
    """
    if world.size == 1 or not any(isinstance(m, BATCH_NORMS) for m in module.modules()):
        return
    if world.device.type == "cpu":
        raise ValueError(
            "This model has batch norms, which several processes can share on GPUs only; "
            "train it in one process."
        )
    nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]


@contextmanager
def drawn_alike(seed: int, device: torch.device) -> Iterator[None]:
    """Random numbers that are the same in every process; its own continue afterwards."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _exchange_type(values: Sequence[Tensor], floating: bool) -> torch.dtype:
    """One type for all that is sent at once, the same in every process."""
    double = any(value.dtype == torch.float64 for value in values)
    return (torch.float64 if double else torch.float32) if floating else torch.int64


class _Gather(torch.autograd.Function):
    """Tensors (B_r, …) of each process r → (Σ B_r, …), all in one message.

    Every process computes the same loss L of the gathered rows, so each knows the gradient of its
    own rows without asking. It is multiplied by the number W of processes, because gradients of
    parameters are averaged:
    1/W Σ_r (W · ∂L/∂x_r · ∂x_r/∂θ + ∂L/∂θ) = Σ_r ∂L/∂x_r · ∂x_r/∂θ + ∂L/∂θ,
    where the last term is that of parameters within the losses, equal everywhere.
    """

    @staticmethod
    def forward(
        ctx: Any, world: World, shapes: list[Shapes], *values: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.world, ctx.shapes = world, shapes
        largest = [[max(lengths) for lengths in zip(*own, strict=True)] for own in shapes]
        padded = [_padded(v, size) for v, size in zip(values, largest, strict=True)]
        message = torch.cat([value.reshape(-1) for value in padded])
        received = message.new_empty(world.size * len(message))
        dist.all_gather_into_tensor(received, message)
        by_rank = received.view(world.size, -1)
        parts = torch.split(by_rank, [value.numel() for value in padded], dim=1)
        return tuple(
            torch.cat(
                [part[rank].view(size)[: own[rank][0]] for rank in range(world.size)]
            )  # (Σ B_r, …)
            for part, size, own in zip(parts, largest, shapes, strict=True)
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        rank, count = ctx.world.rank, ctx.world.size
        own: list[Tensor | None] = []
        for gradient, shapes in zip(gradients, ctx.shapes, strict=True):
            if gradient is None:
                own.append(None)
                continue
            start = sum(shape[0] for shape in shapes[:rank])
            rows, *lengths = shapes[rank]
            chosen = (slice(start, start + rows), *(slice(length) for length in lengths))
            own.append(gradient[chosen] * count)
        return None, None, *own


def _padded(value: Tensor, size: Sequence[int]) -> Tensor:
    """Zeros behind the end of every axis, up to `size`."""
    missing = [wanted - length for wanted, length in zip(size, value.shape, strict=True)]
    return F.pad(value, [n for gap in reversed(missing) for n in (0, gap)])
