"""RAVDESS speech: 1440 English clips, 24 actors, 8 emotions, two neutral sentences; voice and face.

Livingstone and Russo, 2018, https://zenodo.org/records/1188976. Labels come from the file names
(modality-channel-emotion-intensity-statement-repetition-actor). Splits follow EmoBox's six
speaker-independent folds: fold 6 tests, fold 5 selects.

The owners ship every take three times: with sound only (03), with sound and picture (01), with the
picture only (02). One take is one example here, with whatever is there of it.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from mer_core.data.example import Example, VideoSpan

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
FOLDS = {
    1: (1, 11, 20, 21),
    2: (4, 10, 12, 14),
    3: (8, 9, 19, 23),
    4: (3, 5, 7, 24),
    5: (2, 15, 16, 18),
    6: (6, 13, 17, 22),
}
FOLD_OF = {actor: fold for fold, actors in FOLDS.items() for actor in actors}
TEST_FOLD, DEV_FOLD = 6, 5
MODALITIES = AUDIO_VIDEO, VIDEO_ONLY, AUDIO_ONLY = "01", "02", "03"
SPEECH = "01"  # the other channel is song
SENTENCES = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}


def load(root: Path) -> list[Example]:
    """Every take under `root`/ravdess: `Actor_*` and `Video_Speech_Actor_*/Actor_*`."""
    folder = root / "ravdess"
    takes: dict[tuple[str, ...], dict[str, Path]] = {}  # the name without its modality → files
    files = chain(folder.glob("Actor_*/*.*"), folder.glob("Video_Speech_Actor_*/Actor_*/*.*"))
    for path in sorted(files):
        modality, *take = path.stem.split("-")
        if modality in MODALITIES and len(take) == 6 and take[0] == SPEECH:
            takes.setdefault((path.parent.name, *take), {})[modality] = path
    return [_example(take, takes[take]) for take in sorted(takes)]


def words(path: Path) -> str:
    """What is said in a clip, from the fifth field of its name."""
    return SENTENCES[path.stem.split("-")[4]]


def _example(take: tuple[str, ...], files: dict[str, Path]) -> Example:
    """One take. Its sound is the sound file, else the video's; its face is the video with sound."""
    actor = int(take[-1])
    fold = FOLD_OF[actor]
    split = {TEST_FOLD: "test", DEV_FOLD: "dev"}.get(fold, "train")
    film = files.get(AUDIO_VIDEO, files.get(VIDEO_ONLY))
    return Example(
        "ravdess", split, EMOTIONS[int(take[2]) - 1], f"ravdess_{actor:02d}",
        files.get(AUDIO_ONLY, files.get(AUDIO_VIDEO)),
        video=VideoSpan(film) if film else None, session=f"ravdess_fold{fold}",
    )  # fmt: skip
