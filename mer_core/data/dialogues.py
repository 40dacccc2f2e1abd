"""MELD and EmoryNLP: utterances of the series Friends, official splits; groups are dialogues.

Both annotate the same series, so a sentence may occur in both; each keeps its official split.
"""

from __future__ import annotations

import csv
from pathlib import Path

from mer_core.data.example import Example
from mer_core.emotions import canonical


def load_meld(root: Path) -> list[Example]:
    """Utterances of `root`/text/meld/{train,dev,test}_sent_emo.csv."""
    return _load(root / "text" / "meld", "meld", "{}_sent_emo.csv", ("Dialogue_ID",))


def load_emorynlp(root: Path) -> list[Example]:
    """Utterances of `root`/text/emorynlp/emorynlp_{train,dev,test}_final.csv."""
    scene = ("Season", "Episode", "Scene_ID")
    return _load(root / "text" / "emorynlp", "emorynlp", "emorynlp_{}_final.csv", scene)


def _load(folder: Path, corpus: str, pattern: str, scene: tuple[str, ...]) -> list[Example]:
    examples = []
    for split in ("train", "dev", "test"):
        with (folder / pattern.format(split)).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                group = "_".join([corpus, split, *(row[column] for column in scene)])
                emotion = canonical(row["Emotion"])
                examples.append(Example(corpus, split, emotion, group, text=row["Utterance"]))
    return examples
