"""The demo's example clips: synthetic voices, drawn faces, made by `assets/examples/make.sh`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mer_core.checkpoints.shipped import EXAMPLES


@dataclass(frozen=True)
class Example:
    """One clip.

    Attributes:
        clip: The file.
        text: What is said in it, or empty where the clip is to speak for itself.
        label: For its button.
    """

    clip: Path
    text: str
    label: str


def load_examples(folder: Path = EXAMPLES, index: str = "examples.json") -> list[Example]:
    """The clips that an index lists, recordings or `videos.json`; none where there is none."""
    listed = folder / index
    if not listed.is_file():
        return []
    entries = json.loads(listed.read_text(encoding="utf-8"))
    return [Example(folder / entry["file"], entry["text"], entry["label"]) for entry in entries]
