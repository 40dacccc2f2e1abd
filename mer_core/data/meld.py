"""MELD: 13 708 utterances of the series Friends, 7 emotions, official splits; groups are dialogues.

Poria et al., arXiv 1810.02508. Each utterance has its text and, where the owners' videos are there,
its clip: one MP4 with sound. The same actors speak in all three splits, so figures are not of
strangers. EmoryNLP annotates the same series; a sentence may occur in both.
"""

from __future__ import annotations

import csv
from pathlib import Path

from mer_core.data.example import Example, VideoSpan
from mer_core.emotions import canonical

# Split → the folder that the owners' archive unpacks to.
FOLDERS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}


def load(root: Path) -> list[Example]:
    """Utterances of `root`/text/meld/{train,dev,test}_sent_emo.csv; clips of `root`/meld.

    An utterance without a clip (the owners lack a few) stays text.
    """
    examples = []
    for split, folder in FOLDERS.items():
        clips = root / "meld" / folder
        there = {path.name for path in clips.glob("dia*_utt*.mp4")}
        table = root / "text" / "meld" / f"{split}_sent_emo.csv"
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                group = f"meld_{split}_{row['Dialogue_ID']}"
                name = f"dia{row['Dialogue_ID']}_utt{row.get('Utterance_ID')}.mp4"
                path = clips / name if name in there else None
                examples.append(
                    Example(
                        "meld", split, canonical(row["Emotion"]), group, path, row["Utterance"],
                        video=VideoSpan(path) if path else None, dialogue=group,
                    )
                )  # fmt: skip
    return examples
