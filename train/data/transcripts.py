"""Text as speech recognisers write down what people say.

The visitor's words may be a transcript, or typed as carelessly: without exclamation marks, or
without any mark at all. The corpora's texts are edited, and a model trained on them alone leans on
their marks.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from train.config import SourceConfig

FILLERS = ("um", "uh", "er", "well", "you know", "i mean")
PUNCTUATED = 0.4  # share of the transcripts with marks, as by Whisper; the others have none
FILLED, REPEATED = 0.3, 0.1  # shares with a filler, with a repeated first word
APOSTROPHES = "'\u2019"
END = re.compile("[.!?\u2026]+")  # of a sentence


def augment_text(text: str, source: SourceConfig, generator: np.random.Generator) -> str:
    """`text`, or a transcript of it, as often as `source.transcript_probability` says."""
    if source.transcript_probability and generator.random() < source.transcript_probability:
        return as_spoken(text, generator)
    return text


def as_spoken(text: str, generator: np.random.Generator) -> str:
    """A transcript with or without marks, sometimes with a filler or a repeated first word.

    A text without any word stays as it is.
    """
    if not plain_words(text):
        return text
    words = calm(text).split() if generator.random() < PUNCTUATED else plain_words(text)
    if generator.random() < REPEATED:
        words = [words[0], *words]
    if generator.random() < FILLED:
        place = int(generator.integers(len(words) + 1))
        words.insert(place, str(generator.choice(FILLERS)))
    return " ".join(words)


def calm(text: str) -> str:
    """Sentences that end in a full stop or a question mark, and no shouting in capitals."""
    ended = END.sub(lambda marks: "?" if "?" in marks[0] else ".", text)
    return ended.capitalize() if ended.isupper() else ended


def plain_words(text: str) -> list[str]:
    """Words in lower case without punctuation; apostrophes inside a word and symbols stay."""
    kept = "".join(c if c in APOSTROPHES or not _is_punctuation(c) else " " for c in text.lower())
    return [word for part in kept.split() if (word := part.strip(APOSTROPHES))]


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character).startswith("P")
