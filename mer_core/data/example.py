"""One labelled entry of a corpus, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Side(StrEnum):
    """Which part of a picture shows the person who speaks."""

    WHOLE = "whole"
    LEFT = "left"  # half of a split screen
    RIGHT = "right"


@dataclass(frozen=True)
class VideoSpan:
    """A part of a video file; frames are cut by their timestamps, never by keyframes.

    Attributes:
        path: Video file.
        start: Seconds from its beginning.
        end: Seconds from its beginning; None: to the end of the file.
        side: Part of the picture.
    """

    path: Path
    start: float = 0.0
    end: float | None = None
    side: Side = Side.WHOLE


@dataclass(frozen=True)
class Example:
    """A recording, a text or a face, its label and its split.

    Attributes:
        corpus: Name in `CORPORA`.
        split: `train`, `dev` or `test`.
        emotion: Canonical label of the corpus' full set (see `mer_core.emotions`).
        group: Speaker, writer or dialogue. No group crosses a split; the bootstrap draws groups.
        path: Sound file, or None.
        text: Transcript or text, or None for speech whose words carry no emotion.
        image: Picture of a face, or None; it may be inside a zip (`…/images.zip/train/a.jpg`).
        video: Where the face is filmed, or None; its sound is not used (`path` names a sound file,
            which may be the same file).
        session: Unit of leave-one-session-out folds, such as one of IEMOCAP's five; empty: none.
        dialogue: Scene or conversation, whose utterances the bootstrap draws together; empty: the
            group is drawn.
    """

    corpus: str
    split: str
    emotion: str
    group: str
    path: Path | None = None
    text: str | None = None
    image: Path | None = None
    video: VideoSpan | None = None
    session: str = ""
    dialogue: str = ""
