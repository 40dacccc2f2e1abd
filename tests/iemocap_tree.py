"""A tiny IEMOCAP in the layout that its owners ship, with sounds and split-screen films."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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


def write_dialogue(root: Path, session: int, dialogue: str, frames: Sequence[ByteArray]) -> Path:
    """Labels, transcript, sentences and film of one dialogue; the film's path."""
    folder = root / "iemocap" / f"Session{session}"
    rated, spoken = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""], []
    for i, (turn, label, start) in enumerate(TURNS):
        name, end = f"{dialogue}_{turn}", start + TURN_SECONDS
        rated.append(f"[{start:.4f} - {end:.4f}]\t{name}\t{label}\t[2.5000, 2.5000, 2.5000]")
        rated.append("C-E1:\tNeutral;\t()")
        spoken.append(f"{name} [{start:08.4f}-{end:08.4f}]: Turn {i} is {label}.")
        wav = folder / "sentences" / "wav" / dialogue / f"{name}.wav"
        wav.parent.mkdir(parents=True, exist_ok=True)
        time = np.arange(int(TURN_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
        pitch = 100 * session + 20 * i + sum(map(ord, dialogue))
        soundfile.write(wav, 0.3 * np.sin(2 * np.pi * pitch * time), SAMPLE_RATE)
    for kind, lines in (("EmoEvaluation", rated), ("transcriptions", spoken)):
        path = folder / "dialog" / kind / f"{dialogue}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines), "utf-8")
    return write_film(folder / "dialog" / "avi" / "DivX" / f"{dialogue}.avi", frames)
