"""Results on disk: a Parquet file a shard, each complete or missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from mer_core.files import UNFINISHED, remove_abandoned, write_atomically
from mer_core.serving.bulk.job import Job, Shard
from mer_core.serving.bulk.manifest import Entry
from mer_core.serving.rows import csv_row, to_row
from mer_core.types import Prediction, State

PARTS = "part-*.parquet"
HIDDEN = "."  # begins names that readers of Parquet folders skip
ABANDONED_SECONDS = 60.0  # no write takes that long, so its process is gone
NUMBERS = {"duration", "match"}  # columns beside the probabilities that are no text

Row = dict[str, Any]


def result_row(entry: Entry, prediction: Prediction, labels: Sequence[str]) -> Row:
    """`row` and `id` of a clip and the columns of `attune predict --csv`; None for empty cells."""
    file = entry.audio if entry.video is None else entry.video
    cells = csv_row(to_row(file, prediction), labels)
    named = {name: None if value == "" else value for name, value in cells.items()}
    return {"row": entry.row, "id": entry.id, **named}


def schema(labels: Sequence[str]) -> pa.Schema:
    """Columns of the results of a model with these labels, the same in every part."""
    empty = result_row(Entry(0, "0"), Prediction(None, {}, {}), labels)
    endings = tuple(f"_{label}" for label in labels)

    def kind(name: str) -> pa.DataType:
        if name == "row":
            return pa.int64()
        return pa.float64() if name in NUMBERS or name.endswith(endings) else pa.string()

    return pa.schema([(name, kind(name)) for name in empty])


def write_part(folder: Path, shard: Shard, rows: Sequence[Row], labels: Sequence[str]) -> None:
    """Write the results of a shard: all of them, or no file."""
    table = pa.Table.from_pylist(list(rows), schema(labels))
    path = folder / shard.file_name
    write_atomically(path, lambda file: pq.write_table(table, file), prefix=HIDDEN)


def remaining(job: Job) -> Iterator[Shard]:
    """The shards without complete results, in order."""
    return (shard for shard in job.shards() if not is_finished(job.out, shard))


def is_finished(folder: Path, shard: Shard) -> bool:
    """Whether the results of a shard are there; a damaged file is as good as none."""
    try:
        return bool(pq.read_metadata(folder / shard.file_name).num_rows == shard.rows)
    except (OSError, pa.ArrowInvalid):  # missing; or its footer, or what the footer says
        return False


def remove_unfinished(folder: Path) -> None:
    """Delete what killed processes left half written."""
    remove_abandoned(folder.glob(f"{HIDDEN}{PARTS}.*{UNFINISHED}"), ABANDONED_SECONDS)


def count_states(folder: Path) -> dict[State, int]:
    """State → how many results have it; read as a stream."""
    scanner = ds.dataset(sorted(folder.glob(PARTS)), format="parquet").scanner(columns=["state"])
    counts: dict[State, int] = {}
    for batch in scanner.to_batches():
        for value in pc.value_counts(batch.column("state")).to_pylist():
            state = State(value["values"])
            counts[state] = counts.get(state, 0) + value["counts"]
    return counts
