"""The same rows from every format, one at a time, and a sentence for every mistake."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mer_core.serving.bulk.errors import BulkError
from mer_core.serving.bulk.manifest import (
    PARQUET_ROWS,
    Entry,
    ManifestReader,
    inspect,
    read_entries,
)

ROWS: list[dict[str, Any]] = [
    {
        "id": "first",
        "audio": "ä/a.wav",
        "text": 'He said "no",\nand left.',
        "emotion": "sad",
    },
    {"id": None, "audio": "b.wav", "text": None, "emotion": "happy"},
    {"id": "third", "audio": None, "text": "NA", "emotion": None},
    {"id": None, "audio": None, "text": None, "emotion": None},
]
ENTRIES = [
    Entry(0, "first", "ä/a.wav", None, 'He said "no",\nand left.'),
    Entry(1, "1", "b.wav"),
    Entry(2, "third", text="NA"),
    Entry(3, "3"),
]


def write_csv(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path = folder / "clips.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # as Excel does, with a mark
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_jsonl(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path = folder / "clips.jsonl"
    path.write_text("\n\n".join(json.dumps(row) for row in rows) + "\n", "utf-8")
    return path


def write_parquet(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path = folder / "clips.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=3)
    return path


Writer = Callable[[Path, Sequence[dict[str, Any]]], Path]
every_format = pytest.mark.parametrize("write", [write_csv, write_jsonl, write_parquet])


@every_format
def test_every_format_gives_the_same_rows(write: Writer, tmp_path: Path) -> None:
    assert list(read_entries(write(tmp_path, ROWS))) == ENTRIES


@every_format
def test_reading_can_start_anywhere(write: Writer, tmp_path: Path) -> None:
    path = write(tmp_path, [{"text": f"{row}"} for row in range(11)])
    for start in range(12):
        rows = [(entry.row, entry.text) for entry in read_entries(path, start)]
        assert rows == [(row, str(row)) for row in range(start, 11)]


@every_format
def test_ranges_can_be_read_in_any_order(write: Writer, tmp_path: Path) -> None:
    reader = ManifestReader(write(tmp_path, [{"text": f"{row}"} for row in range(11)]))
    for start, stop in [(2, 4), (4, 7), (9, 11), (0, 1), (1, 11), (5, 5)]:
        assert [entry.row for entry in reader.rows(start, stop)] == list(range(start, stop))


def test_rising_ranges_open_the_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_csv(tmp_path, [{"text": f"{row}"} for row in range(11)])
    opened: list[Path] = []
    open_path = Path.open

    def count(self: Path, *args: Any, **kwargs: Any) -> Any:
        opened.append(self)
        return open_path(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", count)
    reader = ManifestReader(path)
    for start in (0, 3, 6, 9):
        assert len(list(reader.rows(start, start + 2))) == 2
    assert opened == [path]


def test_ids_may_be_whole_numbers(tmp_path: Path) -> None:
    rows = [{"id": 7, "text": "a"}, {"id": 8, "text": "b"}]
    for write in (write_jsonl, write_parquet):
        assert [entry.id for entry in read_entries(write(tmp_path, rows))] == ["7", "8"]


def test_half_characters_of_json_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "clips.jsonl"
    path.write_text(r'{"audio": "\ud800.wav"}', "utf-8")
    (entry,) = read_entries(path)
    assert entry.audio == r"\ud800.wav"


@pytest.mark.parametrize(("name", "line"), [("a.csv", b"word\n"), ("a.jsonl", b'{"text": "w"}\n')])
def test_text_is_read_piece_by_piece(name: str, line: bytes, tmp_path: Path) -> None:
    """The first rows come although the end of the file cannot be read."""
    path = tmp_path / name
    path.write_bytes((b"text\n" if name == "a.csv" else b"") + line * 10_000 + b"\xff")
    entries = read_entries(path)
    assert [next(entries).row for _ in range(3)] == [0, 1, 2]
    with pytest.raises(BulkError, match="not UTF-8"):
        list(entries)


def test_parquet_is_read_by_row_group(tmp_path: Path) -> None:
    """The first rows come although the second row group is damaged."""
    path = tmp_path / "clips.parquet"
    texts = pa.table({"text": [f"text {row}" for row in range(2 * PARQUET_ROWS)]})
    pq.write_table(texts, path, row_group_size=PARQUET_ROWS)
    chunk = pq.read_metadata(path).row_group(1).column(0)
    content = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(content)
    entries = read_entries(path)
    assert [next(entries).row for _ in range(3)] == [0, 1, 2]
    with pytest.raises(BulkError, match="cannot be read"):
        list(entries)


def test_a_manifest_is_inspected_from_end_to_end(tmp_path: Path) -> None:
    path = write_csv(tmp_path, ROWS)
    first = inspect(path)
    assert first.rows == 4
    path.write_bytes(path.read_bytes() + b"more,,,\n")
    second = inspect(path)
    assert second.rows == 5
    assert first.sha256 != second.sha256


MISTAKES = {
    "a.txt": (b"x", "must end in .csv, .jsonl, .parquet"),
    "gone.csv": (None, "gone.csv cannot be read: No such file"),
    "none.csv": (b"", "none of the columns audio, video, text"),
    "empty.csv": (b"text\n", "no rows"),
    "names.csv": (b"path,label\na,b\n", "none of the columns audio, video, text"),
    "comma.csv": (b"text\nfine\nyes, no\n", r"row 1 \(line 3\) has more cells"),
    "quote.csv": (b'text\n"' + b"a\n" * 100_000, "is a double quote left open"),
    "latin.csv": ("text\nä\n".encode("latin-1"), "not UTF-8"),
    "names.jsonl": (b'{"path": "a"}\n', "none of the columns"),
    "half.jsonl": (b'{"text": "a"}\n\n{"text": ', "line 3 is no JSON object"),
    "list.jsonl": (b'["a"]\n', "line 1 is no JSON object"),
    "type.jsonl": (b'{"text": "a"}\n{"audio": 5}\n', "row 1: 'audio' must be text, not int"),
    "a.parquet": (b"PAR1, but no more", "not Parquet, or is damaged"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_a_sentence(name: str, tmp_path: Path) -> None:
    content, sentence = MISTAKES[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BulkError, match=sentence):
        inspect(tmp_path / name)


def test_parquet_cells_must_be_text(tmp_path: Path) -> None:
    with pytest.raises(BulkError, match="row 0: 'text' must be text, not float"):
        inspect(write_parquet(tmp_path, [{"text": 1.5}]))
    with pytest.raises(BulkError, match="none of the columns"):
        inspect(write_parquet(tmp_path, [{"path": "a"}]))


def test_a_manifest_that_shrinks_is_noticed(tmp_path: Path) -> None:
    reader = ManifestReader(write_csv(tmp_path, [{"text": "a"}, {"text": "b"}]))
    with pytest.raises(BulkError, match="has become shorter"):
        list(reader.rows(0, 3))
