"""Parts of a test set that answer another question than the whole does.

IEMOCAP's scripts are played in all of its sessions: under leave-one-session-out, a fifth of the
test sentences occur word for word in training, so that a text encoder may remember their labels
instead of recognising an emotion. Figures without such sentences, and of improvised and scripted
scenes apart, show how much of a result that is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mer_core.data import Example
from mer_core.data.corpora import transcribed
from mer_core.data.iemocap import is_improvised
from train.data.transcripts import plain_words

Masks = dict["Subset", NDArray[np.bool_]]


class Subset(StrEnum):
    """Which items of a test set count."""

    EVERYTHING = "all items"
    IMPROVISED = "improvised"
    SCRIPTED = "scripted"
    NEW_WORDS = "transcript-duplicate-free"  # words that no other session says


def subsets(test: Sequence[Example], others: Collection[Example]) -> Masks:
    """Subset → (N,) mask of the test recordings in it; without subsets that are all or nothing.

    Args:
        test: N whole recordings, not halves of one modality.
        others: All that train or select. A sentence of either counts as known, so that the subset
            does not depend on which of them select.
    """
    known = {normalised(example.text) for example in others if example.text}
    masks = {
        Subset.IMPROVISED: [_is_iemocap(e) and is_improvised(e.dialogue) for e in test],
        Subset.SCRIPTED: [_is_iemocap(e) and not is_improvised(e.dialogue) for e in test],
        Subset.NEW_WORDS: [bool(e.text) and normalised(e.text) not in known for e in test],
    }
    found: Masks = {Subset.EVERYTHING: np.ones(len(test), dtype=np.bool_)}
    for subset, mask in masks.items():
        if any(mask):
            found[subset] = np.array(mask, dtype=np.bool_)
    return found


def normalised(text: str | None) -> str:
    """Words in lower case without punctuation, and with one kind of apostrophe."""
    return " ".join(plain_words(text or "")).replace("\u2019", "'")


def _is_iemocap(example: Example) -> bool:
    return (transcribed(example.corpus) or example.corpus) == "iemocap"
