"""MSP-IMPROV: 8 438 turns of twelve actors in six sessions of two; voice, face and words.

Busso et al., IEEE Transactions on Affective Computing, 2017, doi 10.1109/TAFFC.2016.2515617.
Licensed by the University of Texas at Dallas and not included. Labels are the majority of the
raters, as in the release's evaluation file; turns that are rated as another emotion or without
agreement are left out, so that 7 798 remain.

The layout is read from public code that uses the corpus, not from a copy: sounds, films and
transcripts are found by their names, in whichever folders they lie. Session 6 is the test split
and session 5 selects; a leave-one-session-out study moves both.
"""

from __future__ import annotations

import re
from pathlib import Path

from mer_core.data.example import Example, VideoSpan

# The release spells the file's name without its second `a`.
RATINGS = ("Evaluation.txt", "Evalution.txt")
EMOTIONS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}
TEST_SESSION, DEV_SESSION = 6, 5
# UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:2.833333; V:3.000000; D:3.000000 ; N:3.833333;
RATED = re.compile(r"^UTD-IMPROV-([A-Z0-9-]+)\.avi; ?([A-Z]);", re.MULTILINE)
# Scene, speaker (gender and session), recording (such as P, the talk between scenes), turn.
TURN = re.compile(r"(S\d\d[A-Z])-([FM]\d*(\d))-([A-Z])-\w+")


def load(root: Path) -> list[Example]:
    """Every turn of the four classes under `root`/msp_improv of which there is any part.

    Raises:
        ValueError: The evaluation file names a turn that is none of this corpus.
    """
    folder = root / "msp_improv"
    ratings = next((path for name in RATINGS if (path := folder / name).is_file()), None)
    if ratings is None:
        return []
    voices, films, words = (
        {path.stem: path for path in folder.rglob(f"MSP-IMPROV-*{suffix}")}
        for suffix in (".wav", ".avi", ".txt")
    )
    examples = []
    for turn, letter in sorted(RATED.findall(ratings.read_text("utf-8"))):
        name = f"MSP-IMPROV-{turn}"
        if letter in EMOTIONS and (name in voices or name in films or name in words):
            examples.append(
                _example(turn, letter, voices.get(name), films.get(name), words.get(name))
            )
    return examples


def _example(
    turn: str, letter: str, voice: Path | None, film: Path | None, words: Path | None
) -> Example:
    parts = TURN.fullmatch(turn)
    if parts is None:
        raise ValueError(f"msp_improv: {turn!r} is no name of a turn, such as S01A-F01-P-FM01.")
    scene, speaker, session, recording = parts.groups()
    split = {TEST_SESSION: "test", DEV_SESSION: "dev"}.get(int(session), "train")
    text = " ".join(words.read_text("utf-8", "replace").split()) if words else ""
    return Example(
        "msp_improv", split, EMOTIONS[letter], f"msp_improv_{speaker}", voice, text or None,
        video=VideoSpan(film) if film else None, session=f"msp_improv_{session}",
        dialogue=f"{scene}_{session}_{recording}",
    )  # fmt: skip
