"""A tiny IEMOCAP in the layout that its owners ship, with sounds and split-screen films."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from mer_core.types import SAMPLE_RATE, ByteArray
from tests.films import write_film

TURN_SECONDS = 0.5
# Name of an utterance without its dialogue, label, start in seconds.
TURNS = (
    ("F000", "neu", 0.2),
    ("M000", "ang", 1.1),
    ("F001", "exc", 1.9),
    ("M001", "sad", 2.6),
    ("M002", "fru", 3.3),
)


class Turn(NamedTuple):
    """One utterance: its name and label as in the files, its words, and when it is, in seconds."""

    name: str
    label: str
    words: str
    start: float = 1.0
    end: float = 1.6


def write_annotations(root: Path, session: int, dialogue: str, turns: Sequence[Turn]) -> None:
    """Labels and transcript of one dialogue."""
    rated, spoken = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""], []
    for name, label, words, start, end in turns:
        rated.append(f"[{start:.4f} - {end:.4f}]\t{name}\t{label}\t[2.5000, 2.5000, 2.5000]")
        rated.append("C-E1:\tNeutral;\t()")
        spoken.append(f"{name} [{start:08.4f}-{end:08.4f}]: {words}")
    for kind, lines in (("EmoEvaluation", rated), ("transcriptions", spoken)):
        path = root / "iemocap" / f"Session{session}" / "dialog" / kind / f"{dialogue}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines), "utf-8")


def write_dialogue(root: Path, session: int, dialogue: str, frames: Sequence[ByteArray]) -> Path:
    """Labels, transcript, sentences and film of one dialogue; the film's path."""
    folder = root / "iemocap" / f"Session{session}"
    turns = []
    for i, (turn, label, start) in enumerate(TURNS):
        name = f"{dialogue}_{turn}"
        turns.append(Turn(name, label, f"Turn {i} is {label}.", start, start + TURN_SECONDS))
        wav = folder / "sentences" / "wav" / dialogue / f"{name}.wav"
        wav.parent.mkdir(parents=True, exist_ok=True)
        time = np.arange(int(TURN_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
        pitch = 100 * session + 20 * i + sum(map(ord, dialogue))
        soundfile.write(wav, 0.3 * np.sin(2 * np.pi * pitch * time), SAMPLE_RATE)
    write_annotations(root, session, dialogue, turns)
    return write_film(folder / "dialog" / "avi" / "DivX" / f"{dialogue}.avi", frames)
