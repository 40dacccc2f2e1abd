"""The engine for several machines: shards through Ray Data, on a pool of actors.

A shard is one row of Ray's dataset, and the actor that judges it also writes it. Ray's own Parquet
sink and checkpoints are not used: they commit rows in whatever batches a run had and name files by
task, so a resumed run would judge other batches, whose numbers differ in their last digits, and
another engine could not go on from it. A file a shard needs neither, and is the same from every
engine.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mer_core.serving.bulk.errors import BulkError
from mer_core.serving.bulk.job import Job, Shard
from mer_core.serving.bulk.scorer import ShardScorer

Columns = dict[str, NDArray[Any]]  # a batch of Ray Data
SHARD = "shard"  # column in: its number
CLIPS, FAILURE = "clips", "failure"  # columns out: how many, and why not, or ""


class RayShardScorer:
    """`ShardScorer` as `map_batches` calls it."""

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(1)  # as in every other worker, since results depend on it
        self._job = job
        self._scorer = ShardScorer(job)

    def __call__(self, batch: Columns) -> Columns:
        """Judge and write the shard of a batch of one row.

        A failure is returned, because Ray wraps, logs and retries what is raised.
        """
        (index,) = batch[SHARD].tolist()
        clips, failure = 0, ""
        try:
            clips = sum(self._scorer.score(self._job.shard(index)))
        except BulkError as error:
            failure = str(error)
        except OSError as error:
            failure = f"{self._job.out} cannot be written: {error.strerror or error}."
        return {CLIPS: np.array([clips]), FAILURE: np.array([failure])}


def run_on_ray(job: Job, shards: Iterable[Shard], workers: int | None) -> Iterator[int]:
    """Judge shards on Ray; yields the clips of each shard.

    On the cluster of the variable `RAY_ADDRESS`, or one on this machine for the time of the run.
    All its machines must see the manifest, the clips and `job.out` under the same paths.

    Args:
        job: What is judged, and how.
        shards: Those to judge.
        workers: How many actors; None for one a GPU, or without GPUs one a CPU.

    Raises:
        BulkError: Ray is not installed, a shard cannot be judged or written, or Ray gives up.
    """
    try:
        import ray
    except ImportError:
        raise BulkError(
            "--engine ray needs Ray, which is not installed: pip install -r requirements-ray.txt, "
            "or leave --engine out and give --jobs."
        ) from None
    items = [{SHARD: shard.index} for shard in shards]
    with _cluster(ray, workers):
        try:
            for row in _judged(ray, job, items, workers).iter_rows():
                if row[FAILURE]:
                    raise BulkError(row[FAILURE])
                yield int(row[CLIPS])
        except ray.exceptions.RayError as error:
            raise BulkError(
                f"Ray cannot go on: {_first_line(error)} Finished files are kept."
            ) from None


def _judged(ray: Any, job: Job, items: list[dict[str, int]], workers: int | None) -> Any:
    """The dataset of results, which is computed while it is read."""
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    size = workers or gpus or int(resources["CPU"])
    return ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        RayShardScorer,
        fn_constructor_args=(job,),
        batch_size=1,
        num_cpus=0 if gpus else 1,
        num_gpus=min(1.0, gpus / size) if gpus else None,
        compute=ray.data.ActorPoolStrategy(size=min(size, len(items))),
    )


@contextmanager
def _cluster(ray: Any, workers: int | None) -> Iterator[None]:
    """Ray, initialised and quiet; what it writes on this machine is deleted at the end."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False}
    with tempfile.TemporaryDirectory(prefix="attune-", ignore_cleanup_errors=True) as folder:
        if "RAY_ADDRESS" not in os.environ:
            options |= {"num_cpus": workers, "_temp_dir": folder}
        else:
            del options["include_dashboard"]
        try:
            ray.init(logging_level=logging.ERROR, **options)
        except Exception as error:  # Ray raises many kinds, ConnectionError among them
            raise BulkError(f"Ray cannot be started or reached: {_first_line(error)}") from error
        try:
            context = ray.data.DataContext.get_current()
            context.enable_progress_bars = False  # ours shows clips
            logging.getLogger("ray.data").setLevel(logging.CRITICAL)
            yield
        finally:
            ray.shutdown()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
