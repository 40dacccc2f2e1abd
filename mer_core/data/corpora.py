"""The corpora by name. To add one: a file with `load(root)`, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mer_core.data import (
    cremad,
    emobox,
    emorynlp,
    emosuperb,
    fer2013,
    goemotions,
    heard,
    iemocap,
    isear,
    manifest,
    meld,
    msp_improv,
    nemo,
    ravdess,
)
from mer_core.data.example import Example

CORPORA: dict[str, Callable[[Path], list[Example]]] = {
    "ravdess": ravdess.load,
    "nemo": nemo.load,
    "fer2013": fer2013.load,
    "goemotions": goemotions.load,
    "meld": meld.load,
    "emorynlp": emorynlp.load,
    "iemocap": iemocap.load,
    "isear": isear.load,
    "cremad": cremad.load,
    "msp_improv": msp_improv.load,
}

# Lists of clips, named with their place under the root, as in `manifest:clips.csv`: the path and
# the whole name → examples.
LISTS: dict[str, Callable[[Path, str], list[Example]]] = {
    "manifest": manifest.load,
    "emobox": emobox.load,
    "emosuperb": emosuperb.load,
}

# Corpora of acted voices whose sentences are known and neutral → clip's file → its words, English.
WORDS: dict[str, Callable[[Path], str]] = {
    "ravdess": ravdess.words,
    "nemo": nemo.words,
    "cremad": cremad.words,
}

STILLS = ("fer2013",)  # corpora whose faces are single pictures
TRANSCRIBED = "transcribed"  # `transcribed:CORPUS`: with the words that a transcriber wrote down


def check_corpus(name: str) -> None:
    """Raises a `ValueError` unless `name` is a corpus or a list, with its words or transcribed."""
    kind, _, place = (transcribed(name) or name).partition(":")
    if (kind not in CORPORA or place) and not (kind in LISTS and place):
        others = ", ".join(f"{kind}:PATH" for kind in LISTS)
        raise ValueError(
            f"There is no corpus {name!r}; corpora are {', '.join(CORPORA)}, {others}, and "
            f"{TRANSCRIBED}:CORPUS of any with recordings."
        )


def transcribed(name: str) -> str | None:
    """The corpus whose words `name` takes from a transcriber, if it does."""
    kind, _, corpus = name.partition(":")
    return corpus if kind == TRANSCRIBED else None


def load_corpus(
    name: str, root: Path, *, split: str | None = None, labels: tuple[str, ...] | None = None
) -> list[Example]:
    """The examples of one corpus, optionally of one split and of some labels only.

    Args:
        name: One of `CORPORA`, or a list of clips, such as `manifest:clips.csv`; after
            `transcribed:`, with the words that a transcriber wrote down (`mer_core.data.heard`).
        root: Folder of the corpora, to which a list's path is relative.
        split: `train`, `dev` or `test`.
        labels: Those to keep.

    Raises:
        ValueError: The corpus is unknown, there is nothing of it under `root`, or a list is wrong.
    """
    check_corpus(name)
    corpus = transcribed(name) or name
    kind, _, place = corpus.partition(":")
    try:
        examples = LISTS[kind](root / place, corpus) if place else CORPORA[corpus](root)
    except FileNotFoundError as error:
        raise ValueError(f"Corpus {name!r}: {error.filename} is missing.") from None
    if not examples:
        raise ValueError(f"Corpus {name!r}: nothing found under {root}.")
    if transcribed(name):
        examples = heard.with_words(examples, root, corpus, name)
    return [
        example
        for example in examples
        if (split is None or example.split == split)
        and (labels is None or example.emotion in labels)
    ]
