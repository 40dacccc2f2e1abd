"""Independent runs dealt over processes: strategies, folds and seeds, each in a folder of its own.

For small heads this is the faster use of several GPUs, or of many cores, than training each of them
in several processes.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import torch

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")

QUIET = "TQDM_DISABLE"  # progress bars of several processes would overwrite each other

_shared: Any = None  # of this worker process: what all its runs share


def deal(
    prepare: Callable[[torch.device], Shared],
    run: Callable[[Shared, Item], Result],
    items: Sequence[Item],
    jobs: int,
    device: torch.device,
) -> Iterator[Result]:
    """`run(prepare(device), item)` of every item, in order, in `jobs` processes.

    Args:
        prepare: Called once in each process; what it reads should be in a cache by then.
        run: Called for every item. Both are functions of a module, or `functools.partial`s of such.
        items: What to run.
        jobs: Number of processes; 1 is this one.
        device: `cuda` without a number is spread over all GPUs; any other is shared by all jobs.

    Raises:
        ValueError: There are no jobs, or a process was killed.
    """
    if jobs < 1:
        raise ValueError(f"--jobs must be 1 or more, but is {jobs}.")
    jobs = min(jobs, len(items))
    if jobs <= 1:
        shared = prepare(device)
        yield from (run(shared, item) for item in items)
        return
    context = multiprocessing.get_context("spawn")  # a forked process cannot use a GPU
    threads = max(1, torch.get_num_threads() // jobs)
    started = context.Value("i", 0)
    quiet = os.environ.get(QUIET)
    os.environ[QUIET] = quiet or "1"
    pool = ProcessPoolExecutor(jobs, context, _start, (prepare, device, threads, started))
    try:
        yield from pool.map(_Runner(run), items)
    except BrokenProcessPool:
        raise ValueError(
            "A job was killed, perhaps for lack of memory. Finished runs are kept: run the command "
            "again with fewer --jobs."
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        if quiet is None:
            del os.environ[QUIET]


def device_of(job: int, device: torch.device) -> torch.device:
    """The device of a job, counted from 0."""
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", job % torch.cuda.device_count())
    return device


def _start(
    prepare: Callable[[torch.device], Any], device: torch.device, threads: int, started: Any
) -> None:
    """Make what the runs of this process share."""
    global _shared
    with started.get_lock():
        job = started.value
        started.value += 1
    torch.set_num_threads(threads)
    _shared = prepare(device_of(job, device))


class _Runner:
    """`run` with what this process shares; it can be sent to a process."""

    def __init__(self, run: Callable[[Any, Any], Any]) -> None:
        self.run = run

    def __call__(self, item: Any) -> Any:
        return self.run(_shared, item)
