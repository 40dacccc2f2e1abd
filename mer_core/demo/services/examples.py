"""The demo's example clips: synthetic voices, drawn faces and a few of RAVDESS' actors.

`make.sh` and `choose_voices.py` in `assets/examples` made them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from mer_core.checkpoints.shipped import EXAMPLES
from mer_core.frameworks.descriptor import FrameworkDescriptor

RECORDINGS, VIDEOS = "examples.json", "videos.json"  # index files, one entry per clip


class ModelInputs(TypedDict):
    """Arguments of `Predictor.predict`."""

    audio: str | None
    text: str | None
    video: str | None


@dataclass(frozen=True)
class Example:
    """One clip.

    Attributes:
        path: Of the file.
        text: The words spoken in it, or empty where the clip has no transcript.
        label: For its button.
    """

    path: Path
    text: str
    label: str

    def inputs(self, framework: FrameworkDescriptor) -> ModelInputs:
        """What a model with this framework is given."""
        if framework.watches:
            return {"audio": None, "text": None, "video": str(self.path)}
        return {"audio": str(self.path), "text": self.text, "video": None}


def load_examples(folder: Path = EXAMPLES, index: str = RECORDINGS) -> list[Example]:
    """The clips in an index file, in its order; none where there is no such file."""
    path = folder / index
    if not path.is_file():
        return []
    entries = json.loads(path.read_text(encoding="utf-8"))
    return [Example(folder / entry["file"], entry["text"], entry["label"]) for entry in entries]
