"""nEMO: 4481 Polish clips, 9 speakers, 6 emotions, 90 neutral sentences.

Labels come from the file names (speaker_emotion_number). Speakers MK0 (F) and WR0 (M) are the test
split and EB0 (F) the dev split; the other six train. Each speaker is a session.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mer_core.data.example import Example
from mer_core.emotions import canonical

TEST_SPEAKERS, DEV_SPEAKERS = ("MK0", "WR0"), ("EB0",)
ENGLISH = Path(__file__).with_name("nemo_english.tsv")


def load(root: Path) -> list[Example]:
    """Every clip under `root`/nemo/samples."""
    examples = []
    for path in sorted((root / "nemo" / "samples").glob("*_*_*.*")):
        speaker, emotion, _ = path.stem.split("_")
        split = (
            "test" if speaker in TEST_SPEAKERS else "dev" if speaker in DEV_SPEAKERS else "train"
        )
        group = f"nemo_{speaker}"
        examples.append(Example("nemo", split, canonical(emotion), group, path, session=group))
    return examples


def words(path: Path) -> str:
    """What is said in a clip, in English, from the number in its name."""
    return english_sentences()[path.stem.rsplit("_", 1)[1]]


@cache
def english_sentences() -> dict[str, str]:
    """Number of a sentence → its translation."""
    lines = ENGLISH.read_text("utf-8").splitlines()
    rows = (line.partition("\t") for line in lines if not line.startswith("#"))
    return {number: sentence for number, _, sentence in rows}
