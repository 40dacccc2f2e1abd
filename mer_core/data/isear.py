"""ISEAR: 7 666 self-reports ("when I felt …"), 7 emotions; split 80/10/10 by writer."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

from mer_core.data.example import Example
from mer_core.emotions import canonical


def load(root: Path) -> list[Example]:
    """Reports of `root`/text/isear/isear.csv, without blanks such as "[ No response.]"."""
    examples = []
    path = root / "text" / "isear" / "isear.csv"
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file, delimiter="|"):
            text = " ".join(row["SIT"].replace("á", " ").split())  # "á" marks a line's end here
            if text.startswith("["):
                continue
            split = _split_of(row["ID"])
            group = f"isear_{row['ID']}"
            examples.append(Example("isear", split, canonical(row["Field1"]), group, text=text))
    return examples


def _split_of(writer: str) -> str:
    tenth = hashlib.sha256(writer.encode()).digest()[0] % 10
    return "test" if tenth == 0 else "dev" if tenth == 1 else "train"
