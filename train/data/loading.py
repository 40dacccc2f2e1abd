"""Batches of an epoch: which rows each has is decided first, then any process can read any of them.

What is random about a row is either decided with the plan or drawn from a generator of its own, so
neither the number of workers nor the share of a process changes any number, and a resumed epoch
skips the batches that it has seen without reading them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from train.data.labelled import Labelled

PREFETCH = 4  # batches that each worker reads ahead
AUTOMATIC_WORKERS = 4  # beside a GPU, which one decoding process would leave waiting


@dataclass(frozen=True)
class Drawn:
    """One row of a training batch, before it is read.

    Attributes:
        item: What was drawn: an example or a pair.
        seed: Of whatever happens to this row alone: seed of the run, epoch, place in the epoch.
        views: Modality → which of the cached views of the example is read.
    """

    item: Any
    seed: tuple[int, int, int] = (0, 0, 0)
    views: Mapping[str, int] = field(default_factory=dict)

    def generator(self) -> np.random.Generator:
        """The same numbers whichever process reads the row."""
        run, epoch, place = self.seed
        return np.random.default_rng([run, epoch, 1 + place])  # a last 0 would be as if not there


@dataclass(frozen=True)
class Batches(Sequence[Labelled], Dataset[Labelled]):
    """The batches of one epoch, each read when it is asked for.

    Attributes:
        plan: The rows of each batch.
        load: Rows → batch.
        from_cache: Nothing is decoded, so that worker processes would only cost time.
        rank: Of the process that reads, of which each gets a stretch of every batch.
        world_size: How many processes read.
    """

    plan: Sequence[Sequence[Any]]
    load: Callable[[Sequence[Any]], Labelled]
    from_cache: bool = False
    rank: int = 0
    world_size: int = 1

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, index: Any) -> Any:
        rows = self.plan[index]
        own = rows[share(len(rows), self.rank, self.world_size)]
        if len(own):
            return self.load(own)
        return replace(self.load(rows[:1]), counts=False)

    def of_rank(self, rank: int, world_size: int) -> Batches:
        """The share of one process in every batch."""
        return replace(self, rank=rank, world_size=world_size)

    def prefetched(self, first: int, workers: int, device: torch.device) -> Iterable[Labelled]:
        """The batches from number `first` on, in order.

        Args:
            first: Those before it are not read.
            workers: Processes that read ahead; 0: this one reads. -1: four, or as many as there
                are other cores, beside a GPU, and none on a CPU, whose cores are busy.
            device: On which they are used; batches for a GPU come in pinned memory.
        """
        order, on_gpu = range(first, len(self)), device.type == "cuda"
        if workers < 0:
            workers = min(AUTOMATIC_WORKERS, (os.cpu_count() or 1) - 1) if on_gpu else 0
        if not workers or self.from_cache:
            return (self[i] for i in order)
        return DataLoader(
            self,
            batch_size=None,  # they are batches already
            sampler=order,
            num_workers=workers,
            prefetch_factor=PREFETCH,
            pin_memory=on_gpu,
            multiprocessing_context=_context(),
        )


def share(rows: int, rank: int, world_size: int) -> slice:
    """The stretch of `rows` that one of `world_size` processes takes; sizes differ by one at most.

    Stretches, in order of rank, put the rows back in their order.
    """
    return slice(rows * rank // world_size, rows * (rank + 1) // world_size)


def _context() -> str | None:
    """Forked workers read what this process has decoded without copying it; elsewhere, a copy."""
    return "fork" if sys.platform == "linux" else None
