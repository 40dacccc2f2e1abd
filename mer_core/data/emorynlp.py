"""EmoryNLP: utterances of the series Friends, 7 emotions, official splits; groups are scenes.

Zahiri and Choi, arXiv 1708.04299. MELD annotates the same series; a sentence may occur in both.
"""

from __future__ import annotations

import csv
from pathlib import Path

from mer_core.data.example import Example
from mer_core.emotions import canonical

SCENE = ("Season", "Episode", "Scene_ID")


def load(root: Path) -> list[Example]:
    """Utterances of `root`/text/emorynlp/emorynlp_{train,dev,test}_final.csv."""
    examples = []
    for split in ("train", "dev", "test"):
        table = root / "text" / "emorynlp" / f"emorynlp_{split}_final.csv"
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                group = "_".join(["emorynlp", split, *(row[column] for column in SCENE)])
                emotion, text = canonical(row["Emotion"]), row["Utterance"]
                examples.append(
                    Example("emorynlp", split, emotion, group, text=text, dialogue=group)
                )
    return examples
