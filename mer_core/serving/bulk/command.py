"""`attune predict --manifest`: its options, and a run with a progress bar.

Heavy modules are imported only after the arguments are parsed; see `mer_core.cli`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from mer_core.serving.bulk.job import BATCH_SIZE, SHARD_ROWS, Engine, Settings
from mer_core.types import State

if TYPE_CHECKING:
    from mer_core.serving.predictor import Predictor

ONLY_HERE = ("out", "jobs", "engine", "batch_size", "shard_rows")  # options without a meaning else


def add_options(predict: argparse.ArgumentParser) -> None:
    """The options of a whole manifest."""
    bulk = predict.add_argument_group("many clips, into Parquet files; resumable")
    bulk.add_argument(
        "--manifest", type=Path, metavar="TABLE",
        help="CSV, JSONL or Parquet with any of the columns audio, video, text and id",
    )  # fmt: skip
    bulk.add_argument("--out", type=Path, metavar="DIR", help="folder of the results")
    bulk.add_argument(
        "--jobs", type=positive, metavar="N",
        help="workers of one thread each (default: 1; with Ray one a GPU, or else one a CPU)",
    )  # fmt: skip
    bulk.add_argument(
        "--engine", choices=[str(engine) for engine in Engine],
        help="ray for several machines, see requirements-ray.txt (default: local)",
    )  # fmt: skip
    bulk.add_argument(
        "--batch-size", type=positive, metavar="N",
        help=f"clips read, and windows of speech judged, at once (default: {BATCH_SIZE})",
    )  # fmt: skip
    bulk.add_argument(
        "--shard-rows", type=positive, metavar="N",
        help=f"rows of a file of results (default: {SHARD_ROWS})",
    )  # fmt: skip


def positive(text: str) -> int:
    """An option's number, at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def mistake(options: argparse.Namespace) -> str | None:
    """What is wrong with the options of `predict` taken together."""
    if options.manifest is None:
        given = [name for name in ONLY_HERE if getattr(options, name) is not None]
        return f"--{given[0].replace('_', '-')} goes with --manifest" if given else None
    if options.files or options.text is not None:
        return "--manifest names files and texts itself: leave FILE and --text out"
    if options.json or options.csv:
        return "--manifest writes Parquet files: leave --json and --csv out"
    return "--manifest needs --out, a folder for the results" if options.out is None else None


def run(
    options: argparse.Namespace, load: Callable[[], Predictor], version: str
) -> dict[State, int]:
    """Judge what is left of a manifest; how many of all results have which state.

    Args:
        options: Of `predict`.
        load: Loads the model; must be picklable where several processes work.
        version: Of Attune.

    Raises:
        BulkError: See `mer_core.serving.bulk.run`.
        CheckpointError: There is no such model.
        OSError: The results cannot be written.
    """
    from mer_core.serving.bulk.parts import count_states, remaining
    from mer_core.serving.bulk.run import judge, open_job

    settings = Settings(
        shard_rows=options.shard_rows or SHARD_ROWS,
        batch_size=options.batch_size or BATCH_SIZE,
        transcribe=options.transcribe,
        sound_only=options.sound_only,
    )
    models = model_fingerprints(options)
    job = open_job(options.manifest, options.out, load, models, settings, version)
    shards = list(remaining(job))
    done = job.rows - sum(shard.rows for shard in shards)
    with tqdm(total=job.rows, initial=done, desc="predict", unit="clip") as bar:
        for clips in judge(job, shards, Engine(options.engine or Engine.LOCAL), options.jobs):
            bar.update(clips)
    return count_states(job.out)


def model_fingerprints(options: argparse.Namespace) -> dict[str, str]:
    """Purpose → hash of each model that takes part.

    Raises:
        CheckpointError: There is no such model.
    """
    from mer_core.checkpoints.hub import locate
    from mer_core.checkpoints.shipped import DEFAULT_MODEL, WHISPER
    from mer_core.serving.bulk.identity import fingerprint

    models = {"emotion": fingerprint(locate(options.model or DEFAULT_MODEL))}
    if options.face_detector is not None:
        models["face"] = fingerprint(options.face_detector)
    if options.transcribe:
        models["words"] = fingerprint(options.whisper or WHISPER)
    return models
