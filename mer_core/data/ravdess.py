"""RAVDESS speech: 1440 English clips, 24 actors, 8 emotions, two neutral sentences.

Labels come from the file names (modality-channel-emotion-intensity-statement-repetition-actor).
Splits follow EmoBox's six speaker-independent folds: fold 6 tests, fold 5 selects.
"""

from __future__ import annotations

from pathlib import Path

from mer_core.data.example import Example

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
FOLDS = {
    1: (1, 11, 20, 21),
    2: (4, 10, 12, 14),
    3: (8, 9, 19, 23),
    4: (3, 5, 7, 24),
    5: (2, 15, 16, 18),
    6: (6, 13, 17, 22),
}
TEST_FOLD, DEV_FOLD = 6, 5
AUDIO_ONLY, SPEECH = "03", "01"
SENTENCES = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}


def load(root: Path) -> list[Example]:
    """Every clip under `root`/ravdess/Actor_*."""
    examples = []
    for path in sorted((root / "ravdess").glob("Actor_*/*.*")):
        fields = path.stem.split("-")
        if len(fields) != 7 or fields[:2] != [AUDIO_ONLY, SPEECH]:  # a video or a song
            continue
        actor = int(fields[6])
        split = (
            "test" if actor in FOLDS[TEST_FOLD] else "dev" if actor in FOLDS[DEV_FOLD] else "train"
        )
        emotion = EMOTIONS[int(fields[2]) - 1]
        examples.append(Example("ravdess", split, emotion, f"ravdess_{actor:02d}", path))
    return examples


def words(path: Path) -> str:
    """What is said in a clip, from the fifth field of its name."""
    return SENTENCES[path.stem.split("-")[4]]
