"""Words that a transcriber wrote down, for recordings whose corpus has no transcript of them.

`transcribed:CORPUS` is such a corpus: its recordings as they are, and beside the corpora, in
`transcripts/`, a JSONL file of their words. The name tells such words from people's transcripts in
every table. A row is a recording's path under the root, its English words (empty where none were
heard) and the language that was spoken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mer_core.data.example import Example
from mer_core.data.table_files import read_table


@dataclass(frozen=True)
class Heard:
    """What was heard in one recording.

    Attributes:
        file: Path under the root of the corpora.
        text: In English; empty where nothing was heard.
        language: ISO 639-1 code of what was spoken; empty where nothing was.
    """

    file: str
    text: str
    language: str


def file_of(root: Path, corpus: str) -> Path:
    """Where the words of a corpus are kept."""
    return root / "transcripts" / f"{re.sub(r'[^A-Za-z0-9.-]', '_', corpus)}.jsonl"


def read(path: Path) -> dict[str, Heard]:
    """Path of a recording → what was heard in it; empty if there is no file yet.

    Raises:
        ValueError: The file is damaged.
    """
    if not path.exists():
        return {}
    rows = (row.values for row in read_table(path).rows)
    return {row["file"]: Heard(row["file"], row["text"], row["language"]) for row in rows}


def write(path: Path, rows: Iterable[Heard]) -> None:
    """Store what was heard."""
    lines = (json.dumps(asdict(row), ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def wordless(examples: Sequence[Example]) -> list[Path]:
    """The recordings without a transcript."""
    paths = (e.path for e in examples if e.path is not None and e.text is None)
    return list(dict.fromkeys(paths))


def with_words(examples: Sequence[Example], root: Path, corpus: str, name: str) -> list[Example]:
    """The examples of `corpus` under another `name`, each with a text: its own, or what was heard.

    Raises:
        ValueError: Some recordings have not been transcribed.
    """
    heard = read(file_of(root, corpus))
    missing = [path for path in wordless(examples) if name_of(path, root) not in heard]
    if missing:
        raise ValueError(
            f"Corpus {name!r}: {len(missing)} recordings have not been transcribed, such as "
            f"{missing[0].name}; add --transcribe once."
        )
    return [replace(e, corpus=name, text=e.text or _words(e, heard, root)) for e in examples]


def name_of(path: Path, root: Path) -> str:
    """A recording's name in the file."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _words(example: Example, heard: dict[str, Heard], root: Path) -> str | None:
    """What was heard in the recording of an example; None for nothing."""
    if example.path is None:
        return None
    return heard[name_of(example.path, root)].text or None
