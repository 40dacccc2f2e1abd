"""Rows of a CSV, JSONL or Parquet file as plain strings, numbered as their editors number them."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        number: As a spreadsheet (CSV, whose header is row 1), an editor (JSONL) or a data frame
            counted from 1 (Parquet) shows it.
        values: Column → stripped text; empty where there is none.
    """

    number: int
    values: dict[str, str]


@dataclass(frozen=True)
class Table:
    """The rows of a file, and its columns in order."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(path: Path) -> Table:
    """All rows of a file, by its ending.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Another ending, or the file is damaged, empty or not in UTF-8.
    """
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise ValueError(f"{path.name} must end in {', '.join(READERS)}.")
    table = read(path)
    if not table.rows:
        raise ValueError(f"{path.name} has no rows; add one for each clip.")
    return table


def _read_csv(path: Path) -> Table:
    # Not splitlines(): texts may contain other line separators, such as U+2028.
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        columns = tuple(name.strip() for name in reader.fieldnames or ())
        if len(columns) == 1 and any(mark in columns[0] for mark in ";\t"):
            raise ValueError(
                f"{path.name}, row 1: the columns must be separated by commas; save it as "
                "comma-separated CSV."
            )
        if len(set(columns)) < len(columns):
            raise ValueError(f"{path.name}, row 1: a column occurs twice; rename one of them.")
        reader.fieldnames = columns
        return Table(columns, tuple(_csv_rows(reader, path.name)))
    except csv.Error as error:
        raise ValueError(
            f"{path.name}, line {reader.line_num}: {error}; quote texts as CSV requires."
        ) from None


def _csv_rows(reader: csv.DictReader[str], name: str) -> Iterator[Row]:
    for number, row in enumerate(reader, start=2):  # row 1 is the header
        if None in row:
            raise ValueError(
                f"{name}, row {number}: there are more values than columns; put a text with commas "
                "in double quotes."
            )
        values = {column: (value or "").strip() for column, value in row.items()}
        if any(values.values()):  # spreadsheets leave empty rows behind
            yield Row(number, values)


def _read_jsonl(path: Path) -> Table:
    rows, columns = [], dict[str, None]()
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{path.name}, row {number}: no JSON ({error}).") from None
        if not isinstance(values, dict):
            raise ValueError(f'{path.name}, row {number}: must be an object, {{"audio": …}}.')
        rows.append(_row(path.name, number, values))
        columns |= dict.fromkeys(values)
    return Table(tuple(columns), tuple(rows))


def _read_parquet(path: Path) -> Table:
    import pyarrow  # not at import: most corpora do without
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except pyarrow.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path.name} cannot be read as Parquet: {reason}") from None
    rows = (_row(path.name, i, row) for i, row in enumerate(table.to_pylist(), start=1))
    return Table(tuple(table.column_names), tuple(rows))


READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}


def _text(path: Path) -> str:
    """A file's text, without the mark that Excel puts before it."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path.name}, line {row}: the text is not UTF-8; save the file as UTF-8 "
            '(in Excel: "CSV UTF-8").'
        ) from None


def _row(name: str, number: int, values: dict[str, Any]) -> Row:
    return Row(number, {key: _string(name, number, key, v) for key, v in values.items()})


def _string(name: str, number: int, column: str, value: Any) -> str:
    """A value as text: numbers as they are written, nothing for null and NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a data frame makes floats of numbers with gaps
    if isinstance(value, str | int | float):
        return str(value).strip()
    raise ValueError(f"{name}, row {number}: {column} must be a text, not {type(value).__name__}.")
