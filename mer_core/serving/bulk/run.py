"""A run from its manifest to its results: open, judge what is missing, count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mer_core.serving.bulk.identity import claim, identity
from mer_core.serving.bulk.job import Engine, Job, Settings, Shard
from mer_core.serving.bulk.manifest import inspect
from mer_core.serving.bulk.parts import remove_unfinished

if TYPE_CHECKING:
    from mer_core.serving.predictor import Predictor


def open_job(
    manifest: Path,
    out: Path,
    load: Callable[[], Predictor],
    models: dict[str, str],
    settings: Settings,
    version: str,
) -> Job:
    """Check a manifest and the folder of its results.

    Args:
        manifest: CSV, JSONL or Parquet; see `mer_core.serving.bulk.manifest`.
        out: A new or empty folder, or one with a part of this run's results.
        load: Loads the model; must be picklable where several processes work.
        models: Purpose → `fingerprint` of a model.
        settings: How clips are judged.
        version: Of Attune.

    Raises:
        BulkError: The manifest cannot be read; or `out` holds something else, or results of
            another manifest, model, version or settings.
        OSError: `out` cannot be written.
    """
    inspected = inspect(manifest)
    claim(out, identity(inspected, models, settings, version))
    remove_unfinished(out)
    return Job(manifest.resolve(), out.resolve(), inspected.rows, load, settings)


def judge(job: Job, shards: Sequence[Shard], engine: Engine, workers: int | None) -> Iterator[int]:
    """Judge shards and write their results; yields numbers of clips as they are done.

    The results are the same from every engine and any number of workers, since each works with
    the same batches and one thread.

    Args:
        job: From `open_job`.
        shards: Those that are missing; see `parts.remaining`.
        engine: Where.
        workers: How many processes or actors; None for one locally, and for all of a cluster.

    Raises:
        BulkError: It cannot go on.
        OSError: The results cannot be written.
    """
    if not shards:
        return iter(())
    if engine is Engine.RAY:
        from mer_core.serving.bulk.on_ray import run_on_ray

        return run_on_ray(job, shards, workers)
    from mer_core.serving.bulk.local import run_here, run_in_processes

    if workers is None or workers == 1:
        return run_here(job, shards)
    return run_in_processes(job, shards, workers)
