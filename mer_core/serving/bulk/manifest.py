"""Manifests: CSV, JSONL or Parquet tables of clips, read as streams.

Columns `audio` and `video` hold paths, relative to the manifest; `text` holds what was said; `id`
is the user's own name of a row. Other columns are ignored, so that a training manifest can be read
too. Only the row at hand is held in memory, and of Parquet one row group.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mer_core.files import sha256
from mer_core.serving.bulk.errors import BulkError

INPUTS = ("audio", "video", "text")
ID = "id"
COLUMNS = (ID, *INPUTS)
CHUNK_BYTES = 2**20  # read at once
PARQUET_ROWS = 1_024  # decoded at once

Record = tuple[int, Mapping[str, Any]]  # row, counted from 0, and its cells


@dataclass(frozen=True)
class Entry:
    """One row of a manifest, as it stands there; an empty cell is None.

    Attributes:
        row: Its number, counted from 0.
        id: The user's own, or the number of the row.
        audio: Path of a recording.
        video: Path of a video.
        text: What was said.
    """

    row: int
    id: str
    audio: str | None = None
    video: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Inspected:
    """A manifest that has been read once from end to end.

    Attributes:
        rows: How many.
        sha256: Of the file.
    """

    rows: int
    sha256: str


def inspect(path: Path) -> Inspected:
    """Read a manifest once, so that a mistake in it is found before the first clip is judged.

    Raises:
        BulkError: It cannot be read, is empty, has none of the columns, or holds a cell of another
            type; with the row and the remedy.
    """
    rows = sum(1 for _ in read_entries(path))
    if not rows:
        raise BulkError(f"{path.name} has no rows: give a manifest with at least one.")
    return Inspected(rows, sha256(path))


def read_entries(path: Path, start: int = 0) -> Iterator[Entry]:
    """The rows of a manifest from `start` on, in order.

    Raises:
        BulkError: See `inspect`.
    """
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise BulkError(f"{path.name} is no manifest: it must end in {', '.join(READERS)}.")
    try:
        for row, cells in read(path, start):
            yield _entry(path, row, cells)
    except OSError as error:
        reason = " ".join((error.strerror or str(error)).split()).rstrip(".")
        raise BulkError(f"{path} cannot be read: {reason}.") from None
    except UnicodeDecodeError:
        raise BulkError(f"{path.name} is not UTF-8: save it as UTF-8.") from None


class ManifestReader:
    """Reads ranges of rows; rising ranges take one pass over the file together."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: Iterator[Entry] | None = None
        self._next = 0

    def rows(self, start: int, stop: int) -> Iterator[Entry]:
        """Rows `start` to `stop`, without `stop`.

        Raises:
            BulkError: See `inspect`; or the file has become shorter.
        """
        if self._stream is None or start < self._next:
            self._stream, self._next = read_entries(self.path, start), start
        while self._next < stop:
            entry = next(self._stream, None)
            if entry is None:
                raise BulkError(f"{self.path.name} has become shorter while it was read.")
            self._next = entry.row + 1
            if entry.row >= start:
                yield entry


def _entry(path: Path, row: int, cells: Mapping[str, Any]) -> Entry:
    given = {name: cells.get(name) for name in COLUMNS}
    if isinstance(given[ID], int):
        given[ID] = str(given[ID])
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            kind = type(value).__name__
            raise BulkError(f"{path.name}, row {row}: {name!r} must be text, not {kind}.")
    audio, video, text = (_clean(given[name]) for name in INPUTS)
    return Entry(row, _clean(given[ID]) or str(row), audio, video, text)


def _clean(cell: str | None) -> str | None:
    """Without half characters, which JSON can hold and UTF-8 cannot; None if nothing is left."""
    return cell.encode("utf-8", "backslashreplace").decode("utf-8") or None if cell else None


def _check_columns(path: Path, names: Iterable[str]) -> None:
    if not set(INPUTS) & set(names):
        raise BulkError(
            f"{path.name} has none of the columns {', '.join(INPUTS)}: name at least one so."
        )


def _csv(path: Path, start: int) -> Iterator[Record]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            _check_columns(path, reader.fieldnames or ())
            for row, cells in enumerate(itertools.islice(reader, start, None), start):
                if None in cells:
                    raise BulkError(
                        f"{path.name}, row {row} (line {reader.line_num}) has more cells than the "
                        "header: put cells that contain a comma in double quotes."
                    )
                yield row, cells
        except csv.Error as error:
            raise BulkError(
                f"{path.name}, line {reader.line_num} cannot be read ({error}): is a double quote "
                "left open?"
            ) from None


def _jsonl(path: Path, start: int) -> Iterator[Record]:
    """One object a line; blank lines do not count. A column is there if any object has it."""
    with path.open(encoding="utf-8-sig") as file:
        lines = ((number, line) for number, line in enumerate(file, 1) if line.strip())
        names: set[str] = set()
        for row, (number, line) in enumerate(lines):
            if row < start:
                continue
            try:
                cells = json.loads(line)
            except ValueError:
                cells = None
            if not isinstance(cells, dict):
                raise BulkError(
                    f'{path.name}, line {number} is no JSON object such as {{"audio": "a.wav"}}.'
                )
            names |= cells.keys()
            yield row, cells
        if start == 0:
            _check_columns(path, names)


def _parquet(path: Path, start: int) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Without `buffer_size`, pyarrow reads a whole row group from the disk at once.
        with pq.ParquetFile(path, buffer_size=CHUNK_BYTES) as file:
            names = file.schema_arrow.names
            _check_columns(path, names)
            first, groups = _row_groups(file.metadata, start)
            columns = [name for name in COLUMNS if name in names]
            batches = file.iter_batches(PARQUET_ROWS, row_groups=groups, columns=columns)
            cells = itertools.chain.from_iterable(batch.to_pylist() for batch in batches)
            yield from itertools.islice(enumerate(cells, first), start - first, None)
    except pa.ArrowInvalid:
        raise BulkError(f"{path.name} is not Parquet, or is damaged.") from None


def _row_groups(metadata: Any, start: int) -> tuple[int, list[int]]:
    """First row of the row group that holds row `start`, and the groups from there on."""
    first = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        if first + rows > start:
            return first, list(range(group, metadata.num_row_groups))
        first += rows
    return first, []


READERS: dict[str, Callable[[Path, int], Iterator[Record]]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
