"""IEMOCAP: ten actors in five sessions of two, audio and video of scripted and improvised scenes.

Busso et al., 2008, https://sail.usc.edu/iemocap. Licensed by the University of Southern California
and not included: this reads a copy as released (`Session1` to `Session5`). Four classes as in both
papers, with excitement as happiness: 5 531 utterances. Session 5 is the test split and session 4
selects; a leave-one-session-out study moves both.

The videos show both people of a session side by side. The letter after the session number
(`Ses01F`) names the one who wears the motion-capture markers and sits on the left.
"""

from __future__ import annotations

import re
from pathlib import Path

from mer_core.data.example import Example, Side, VideoSpan
from mer_core.emotions import FOUR, canonical

SESSIONS = range(1, 6)
TEST_SESSION, DEV_SESSION = 5, 4
# Of a complete copy, from EmoBox's metadata (arXiv 2406.07162): session → class → utterances.
COUNTS = {
    1: {"angry": 229, "happy": 278, "neutral": 384, "sad": 194},
    2: {"angry": 137, "happy": 327, "neutral": 362, "sad": 197},
    3: {"angry": 240, "happy": 286, "neutral": 320, "sad": 305},
    4: {"angry": 327, "happy": 303, "neutral": 258, "sad": 143},
    5: {"angry": 170, "happy": 442, "neutral": 384, "sad": 245},
}
DIALOGUES = 151  # label files of all five sessions
# [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
RATED = re.compile(r"^\[([\d.]+) - ([\d.]+)\]\t(Ses\w+)\t(\w+)\t", re.MULTILINE)
# Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
SPOKEN = re.compile(r"^(Ses\w+) \[[\d.-]+\]: ?(.*)$", re.MULTILINE)


def load(root: Path) -> list[Example]:
    """Every utterance of the four classes under `root`/iemocap/Session*, with transcript and film.

    The film is absent where the dialogue's AVI is.
    """
    return [
        example
        for session in SESSIONS
        for rated in label_files(root, session)
        for example in _utterances(session, rated)
    ]


def label_files(root: Path, session: int) -> list[Path]:
    """The files of a session that rate its utterances, one for each dialogue."""
    folder = root / "iemocap" / f"Session{session}" / "dialog" / "EmoEvaluation"
    return sorted(folder.glob("Ses*.txt"))


def transcript(path: Path) -> dict[str, str]:
    """Utterance → its words, of one scene; empty if the scene has no transcript."""
    return dict(SPOKEN.findall(path.read_text("utf-8"))) if path.exists() else {}


def speaker(name: str) -> str:
    """`F` or `M`, the speaker of an utterance such as `Ses01F_impro04_M012`."""
    return name.rsplit("_", 1)[1][0]


def side(name: str) -> Side:
    """The half of the picture in which the speaker of an utterance sits.

    The wearer of the markers, the sixth character of the name, is on the left.
    """
    return Side.LEFT if speaker(name) == name[5] else Side.RIGHT


def is_improvised(dialogue: str) -> bool:
    """Whether a dialogue such as `Ses01F_impro01` was improvised; the others were scripted."""
    return "_impro" in dialogue


def _utterances(session: int, rated: Path) -> list[Example]:
    """The utterances of the four classes in one label file, by name."""
    dialogue, folder = rated.stem, rated.parents[2]
    split = {TEST_SESSION: "test", DEV_SESSION: "dev"}.get(session, "train")
    words = transcript(folder / "dialog" / "transcriptions" / rated.name)
    film = folder / "dialog" / "avi" / "DivX" / f"{dialogue}.avi"
    filmed = film.exists()
    examples = []
    # In the order of their names.
    for start, end, name, label in sorted(RATED.findall(rated.read_text("utf-8")), key=_named):
        emotion, group = canonical(label), f"iemocap_{session}{speaker(name)}"
        if emotion not in FOUR:
            continue
        path = folder / "sentences" / "wav" / dialogue / f"{name}.wav"
        video = VideoSpan(film, float(start), float(end), side(name)) if filmed else None
        examples.append(
            Example(
                "iemocap", split, emotion, group, path, words.get(name),
                video=video, session=f"iemocap_{session}", dialogue=dialogue,
            )
        )  # fmt: skip
    return examples


def _named(rating: tuple[str, str, str, str]) -> tuple[str, str]:
    return rating[2], rating[3]
