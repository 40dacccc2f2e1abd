"""IEMOCAP: ten actors in five sessions of two, audio and video of scripted and improvised scenes.

Licensed by the University of Southern California and not included: this reads a copy as released
(`Session1` to `Session5`). Four classes as in both papers, with excitement as happiness: 5 531
utterances. Session 5 is the test split and session 4 selects; a leave-one-session-out study moves
both.

The videos show both people of a session side by side. The letter after the session number
(`Ses01F`) names the one who wears the motion-capture markers and sits on the left.
"""

from __future__ import annotations

import re
from pathlib import Path

from mer_core.data.example import Example
from mer_core.emotions import FOUR, canonical

TEST_SESSION, DEV_SESSION = 5, 4
# [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
RATED = re.compile(r"^\[[\d. -]+\]\t(Ses\w+)\t(\w+)\t", re.MULTILINE)
# Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
SPOKEN = re.compile(r"^(Ses\w+) \[[\d.-]+\]: ?(.*)$", re.MULTILINE)


def load(root: Path) -> list[Example]:
    """Every utterance of the four classes under `root`/iemocap/Session*, with its transcript."""
    examples = []
    for session in range(1, 6):
        folder = root / "iemocap" / f"Session{session}"
        split = {TEST_SESSION: "test", DEV_SESSION: "dev"}.get(session, "train")
        for rated in sorted((folder / "dialog" / "EmoEvaluation").glob("Ses*.txt")):
            text = transcript(folder / "dialog" / "transcriptions" / rated.name)
            for name, label in sorted(RATED.findall(rated.read_text("utf-8"))):
                emotion = canonical(label)
                if emotion not in FOUR:
                    continue
                path = folder / "sentences" / "wav" / rated.stem / f"{name}.wav"
                group = f"iemocap_{session}{speaker(name)}"
                words = text.get(name)
                examples.append(
                    Example(
                        "iemocap",
                        split,
                        emotion,
                        group,
                        path,
                        text=words,
                        session=f"iemocap_{session}",
                        dialogue=rated.stem,
                    )
                )
    return examples


def transcript(path: Path) -> dict[str, str]:
    """Utterance → its words, of one scene; empty if the scene has no transcript."""
    return dict(SPOKEN.findall(path.read_text("utf-8"))) if path.exists() else {}


def speaker(name: str) -> str:
    """`F` or `M`, the speaker of an utterance such as `Ses01F_impro04_M012`."""
    return name.rsplit("_", 1)[1][0]
