"""FER2013: 35 887 grey 48 × 48 faces, 7 emotions (Goodfellow et al., arXiv 1307.0414).

Official splits: train, validation (PublicTest, here `dev`) and test (PrivateTest). Training leaves
out byte-identical copies and pictures with two labels; the other two splits are as published. The
people are unknown, so every picture is its own group and a person may occur in two splits.
"""

from __future__ import annotations

import csv
from pathlib import Path

from mer_core.data.example import Example
from mer_core.emotions import canonical

SPLITS = {"train": "train", "validation": "dev", "test": "test"}
FLAGS = ("duplicate", "ambiguous")


def load(root: Path) -> list[Example]:
    """Every picture in `root`/fer2013/metadata.csv, from images.zip or from the folder itself."""
    folder = root / "fer2013"
    pictures = folder / "images.zip" if (folder / "images.zip").exists() else folder
    examples = []
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            split = SPLITS[row["split"]]
            if split == "train" and any(row[flag] == "1" for flag in FLAGS):
                continue
            image, emotion = pictures / row["path"], canonical(row["emotion"])
            group = f"fer2013_{image.stem}"
            examples.append(Example("fer2013", split, emotion, group, image=image))
    return examples
