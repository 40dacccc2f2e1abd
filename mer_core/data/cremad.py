"""CREMA-D: 7 442 English clips, 91 actors, 6 emotions, twelve neutral sentences; voice and face.

Cao et al., 2014, https://github.com/CheyneyComputerScience/CREMA-D. Labels come from the file names
(actor_sentence_emotion_level) and are what the actors were asked to show.

The owners publish no splits, and EmoBox's fold deals single clips, so that actors occur on both
sides. Ours are five folds of actors (number modulo five): fold 5 tests, fold 4 selects.
"""

from __future__ import annotations

from pathlib import Path

from mer_core.data.example import Example, VideoSpan

EMOTIONS = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
FIRST_ACTOR, FOLDS = 1001, 5
TEST_FOLD, DEV_FOLD = 5, 4
SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}


def load(root: Path) -> list[Example]:
    """Every clip of `root`/cremad/AudioWAV and `root`/cremad/VideoFlash; either may be absent."""
    folder = root / "cremad"
    voices = {path.stem: path for path in folder.glob("AudioWAV/*_*_*_*.wav")}
    faces = {path.stem: path for path in folder.glob("VideoFlash/*_*_*_*.flv")}
    examples = []
    for name in sorted(voices.keys() | faces.keys()):
        actor, _, emotion, _ = name.split("_")
        fold = fold_of(int(actor))
        split = {TEST_FOLD: "test", DEV_FOLD: "dev"}.get(fold, "train")
        video = VideoSpan(faces[name]) if name in faces else None
        examples.append(
            Example(
                "cremad", split, EMOTIONS[emotion], f"cremad_{actor}", voices.get(name),
                video=video, session=f"cremad_fold{fold}",
            )
        )  # fmt: skip
    return examples


def fold_of(actor: int) -> int:
    """1 to 5, the fold of an actor such as 1001."""
    return (actor - FIRST_ACTOR) % FOLDS + 1


def words(path: Path) -> str:
    """What is said in a clip, from the second part of its name."""
    return SENTENCES[path.stem.split("_")[1]]
