"""Engines without a cluster: this process, or several on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

import torch

from mer_core.serving.bulk.errors import BulkError
from mer_core.serving.bulk.job import Job, Shard
from mer_core.serving.bulk.scorer import ShardScorer

_scorer: ShardScorer | None = None  # of a worker process


def run_here(job: Job, shards: Iterable[Shard]) -> Iterator[int]:
    """Judge shards in this process; yields the number of clips after each batch.

    Raises:
        BulkError: See `ShardScorer.score`.
        OSError: The results cannot be written.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in every other worker, since results depend on it
    try:
        scorer = ShardScorer(job)
        for shard in shards:
            yield from scorer.score(shard)
    finally:
        torch.set_num_threads(threads)


def run_in_processes(job: Job, shards: Iterable[Shard], workers: int) -> Iterator[int]:
    """Judge shards in several processes of one thread each; yields the clips of each shard.

    Raises:
        BulkError: See `ShardScorer.score`; or a process was killed.
        OSError: The results cannot be written.
    """
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_start, initargs=(job,)
    )
    try:
        futures: list[Future[int]] = [pool.submit(_score, shard) for shard in shards]
        for future in as_completed(futures):
            yield future.result()
        pool.shutdown()
    except BrokenProcessPool:
        raise BulkError(
            "A worker process was killed, perhaps for want of memory. Finished files are kept: "
            "run the same command again, with fewer --jobs."
        ) from None
    finally:  # after a failure or Ctrl-C, shards that are half judged are given up
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()


def _start(job: Job) -> None:
    """Prepare a worker process."""
    global _scorer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)  # several threads in each of several processes are many times slower
    _scorer = ShardScorer(job)


def _end_with_parent() -> None:
    """Leave no worker behind when the parent is killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _score(shard: Shard) -> int:
    assert _scorer is not None
    return sum(_scorer.score(shard))
