"""A corpus of one's own: a table that names clips, their labels and their speakers.

A CSV, JSONL or Parquet file with the columns of `COLUMNS`, of which `emotion` and one of `audio`,
`video` and `text` are required; others are ignored. Paths are relative to the file. The sound of a
video is read where `audio` names the same file. Without a column `split`, speakers are dealt to
train, dev and test by 80/10/10 (`mer_core.data.splits`); clips without a speaker count as speakers
of their own.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mer_core.data.example import Example, VideoSpan
from mer_core.data.splits import SPLITS, deal
from mer_core.data.table_files import Row, Table, read_table
from mer_core.emotions import KNOWN, SYNONYMS, canonical

MEDIA = ("audio", "video", "text")
COLUMNS = (*MEDIA, "emotion", "speaker", "session", "split")
SPLIT_NAMES = {name: name for name in SPLITS} | {
    "training": "train",
    "valid": "dev",
    "validation": "dev",
    "val": "dev",
    "development": "dev",
}
TYPING_SLIP = 0.8  # similarity from which an unknown column is taken for a known one


def load(path: Path, corpus: str) -> list[Example]:
    """The clips of a manifest, in its order.

    Args:
        path: The file.
        corpus: Name that the examples carry.

    Raises:
        FileNotFoundError: There is no manifest at `path`.
        ValueError: A column, a value or a file is wrong; the message has the row and a remedy.
    """
    table = read_table(path)
    _check_columns(table, path.name)
    groups = [_group(row, corpus) for row in table.rows]
    examples = [
        _example(row, path, corpus, group) for row, group in zip(table.rows, groups, strict=True)
    ]
    splits = _splits(table, groups, path.name)
    return [replace(e, split=split) for e, split in zip(examples, splits, strict=True)]


def _check_columns(table: Table, name: str) -> None:
    have = f"its columns are {', '.join(table.columns)}"
    for column in table.columns:
        (meant,) = difflib.get_close_matches(column.lower(), COLUMNS, 1, TYPING_SLIP) or ("",)
        if column not in COLUMNS and meant and meant not in table.columns:
            raise ValueError(f"{name} has a column {column!r}: rename it to {meant!r}.")
    if "emotion" not in table.columns:
        raise ValueError(f"{name} has no column 'emotion'; {have}.")
    if not set(MEDIA) & set(table.columns):
        raise ValueError(f"{name} needs a column 'audio', 'video' or 'text'; {have}.")


def _group(row: Row, corpus: str) -> str:
    """The speaker; a clip of an unknown speaker is named by its files, or else by its text.

    The same file in two splits is then a mistake; the same few words are none.
    """
    speaker, files = row.values.get("speaker"), [row.values.get(c, "") for c in ("audio", "video")]
    text = f"{row.values.get('split', '')} {row.values.get('text', '')}"
    return f"{corpus}_{speaker or ' '.join(filter(None, files)) or text}"


def _splits(table: Table, groups: Sequence[str], name: str) -> list[str]:
    """The split of every row.

    Raises:
        ValueError: A split is missing or unknown, a speaker is in two, or there are too few
            speakers to deal.
    """
    if not any(row.values.get("split") for row in table.rows):
        try:
            dealt = deal(groups)
        except ValueError:
            raise ValueError(
                f"{name} has {len(set(groups))} speakers; three are needed for train, dev and "
                "test: add speakers or a column 'split'."
            ) from None
        return [dealt[group] for group in groups]
    seen: dict[str, tuple[str, int]] = {}  # group → its split and the first row that says so
    for row, group in zip(table.rows, groups, strict=True):
        where, value = f"{name}, row {row.number}", row.values.get("split", "")
        split = SPLIT_NAMES.get(value.lower())
        if split is None:
            problem = f"there is no split {value!r}" if value else "the split is missing"
            raise ValueError(f"{where}: {problem}; splits are {', '.join(SPLITS)}.")
        first, number = seen.setdefault(group, (split, row.number))
        if first != split:
            speaker = row.values.get("speaker")
            who = f"speaker {speaker!r}" if speaker else "this clip"
            raise ValueError(
                f"{where}: {who} is in {split} here and in {first} in row {number}; move all of "
                "a speaker's clips to one split."
            )
    return [seen[group][0] for group in groups]


def _example(row: Row, path: Path, corpus: str, group: str) -> Example:
    """The clip of a row, without its split."""
    values, where = row.values, f"{path.name}, row {row.number}"
    if not any(values.get(column) for column in MEDIA):
        raise ValueError(f"{where}: audio, video and text are all empty; give one of them.")
    audio, video = (_file(path, values.get(column, ""), where) for column in ("audio", "video"))
    session = values.get("session")
    return Example(
        corpus, "", _emotion(values.get("emotion", ""), where), group, audio,
        values.get("text") or None,
        video=VideoSpan(video) if video else None,
        session=f"{corpus}_{session}" if session else "",
    )  # fmt: skip


def _emotion(value: str, where: str) -> str:
    emotion = canonical(value)
    if emotion in KNOWN:
        return emotion
    problem = f"unknown emotion {value!r}" if value else "the emotion is missing"
    close = difflib.get_close_matches(emotion, [*KNOWN, *SYNONYMS], 1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise ValueError(f"{where}: {problem}{hint}; emotions are {', '.join(sorted(KNOWN))}.")


def _file(manifest: Path, value: str, where: str) -> Path | None:
    """A path beside the manifest, which must exist; None for an empty one."""
    if not value:
        return None
    path = manifest.parent / value
    if not path.is_file():
        raise ValueError(
            f"{where}: there is no file {value!r}; paths are relative to {manifest.name}."
        )
    return path
