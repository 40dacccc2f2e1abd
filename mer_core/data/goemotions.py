"""GoEmotions: Reddit comments, seven Ekman groups, official split.

Comments with several labels are left out.
"""

from __future__ import annotations

from pathlib import Path

from mer_core.data.example import Example
from mer_core.emotions import canonical


def load(root: Path) -> list[Example]:
    """Single-label rows of `root`/text/goemotions/{train,dev,test}.tsv."""
    folder = root / "text" / "goemotions"
    names = [canonical(line) for line in (folder / "labels.txt").read_text("utf-8").split()]
    examples = []
    for split in ("train", "dev", "test"):
        # Not splitlines(): comments may contain other line separators, such as U+2028.
        for line in (folder / f"{split}.tsv").read_text("utf-8").split("\n"):
            if not line:
                continue
            text, ids, key = line.rsplit("\t", 2)
            if "," not in ids:
                examples.append(
                    Example("goemotions", split, names[int(ids)], f"goemotions_{key}", text=text)
                )
    return examples
