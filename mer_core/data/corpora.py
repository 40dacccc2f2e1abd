"""The corpora by name. To add one: a file with `load(root)`, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mer_core.data import dialogues, fer2013, goemotions, iemocap, isear, nemo, ravdess
from mer_core.data.example import Example

CORPORA: dict[str, Callable[[Path], list[Example]]] = {
    "ravdess": ravdess.load,
    "nemo": nemo.load,
    "fer2013": fer2013.load,
    "goemotions": goemotions.load,
    "meld": dialogues.load_meld,
    "emorynlp": dialogues.load_emorynlp,
    "iemocap": iemocap.load,
    "isear": isear.load,
}

# Corpora of acted voices whose sentences are known and neutral → clip's file → its words, English.
WORDS: dict[str, Callable[[Path], str]] = {"ravdess": ravdess.words, "nemo": nemo.words}


def load_corpus(
    name: str, root: Path, *, split: str | None = None, labels: tuple[str, ...] | None = None
) -> list[Example]:
    """The examples of one corpus, optionally of one split and of some labels only.

    Raises:
        ValueError: The corpus is unknown, or there is nothing of it under `root`.
    """
    if name not in CORPORA:
        raise ValueError(f"There is no corpus {name!r}; corpora are {', '.join(CORPORA)}.")
    try:
        examples = CORPORA[name](root)
    except FileNotFoundError as error:
        raise ValueError(f"Corpus {name!r}: {error.filename} is missing.") from None
    if not examples:
        raise ValueError(f"Corpus {name!r}: nothing found under {root}.")
    return [
        example
        for example in examples
        if (split is None or example.split == split)
        and (labels is None or example.emotion in labels)
    ]
