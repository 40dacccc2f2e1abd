"""One labelled entry of a corpus, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Example:
    """A clip, a text or a face, its label and its split.

    Attributes:
        corpus: Name in `CORPORA`.
        split: `train`, `dev` or `test`.
        emotion: Canonical label of the corpus' full set (see `mer_core.emotions`).
        group: Speaker, writer or dialogue. No group crosses a split; the bootstrap draws groups.
        path: Sound file, or None.
        text: Transcript or text, or None for speech whose words carry no emotion.
        image: Picture of a face, or None; it may be inside a zip (`…/images.zip/train/a.jpg`).
    """

    corpus: str
    split: str
    emotion: str
    group: str
    path: Path | None = None
    text: str | None = None
    image: Path | None = None
