"""When each word of a text was said, and whether the model's attention is on that moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from mer_core.types import TokenAttention, Word

MARGIN = (
    0.1  # seconds before and after a word that count as its moment: transcribers err by as much
)
CLEARLY = (
    0.5  # of what chance leaves or gives, whichever is less: so far above it, attention follows
)

# Mean probability of a text's words from which on they fit a recording: between sentences that were
# said and others, see `python -m tests.benchmarks.typed_words`.
FIT = 0.35

Moment = tuple[float, float]


@dataclass(frozen=True)
class Following:
    """How much of the attention is on the moments in which its words were said.

    Attributes:
        own: Share of a word's attention within its own moment, mean over the words.
        chance: The same share of even attention.
    """

    own: float
    chance: float

    @property
    def follows(self) -> bool:
        """Whether attention is clearly more on the words' own moments than even attention."""
        return self.own - self.chance >= CLEARLY * min(self.chance, 1 - self.chance)


def moments(words: Sequence[str], said: Sequence[Word]) -> tuple[Moment | None, ...]:
    """Start and end of each word of a text, seconds; None of a word that was not recognised.

    A word that replaces another one in a correction takes over its moment.

    Args:
        words: Of the text, as it is now.
        said: The transcript's words.
    """
    matched = _matched(words, said)
    return tuple(None if word is None else (word.start, word.end) for word in matched)


def fits(words: Sequence[str], said: Sequence[Word]) -> bool:
    """Whether the words of a text, those that have a moment, are what was said.

    Args:
        words: Of the text.
        said: The recording's words, heard or aligned.
    """
    probabilities = [word.probability for word in _matched(words, said) if word]
    return bool(probabilities) and sum(probabilities) >= FIT * len(probabilities)


def following(attention: TokenAttention, when: Sequence[Moment | None]) -> Following | None:
    """Attention on the words' own moments; None where no word has one.

    Args:
        attention: (W, T), each row with its sum at 1.
        when: The W words' moments.
    """
    pairs = [
        (weights, share_of_steps(attention.times, moment))
        for weights, moment in zip(attention.weights, when, strict=True)
        if moment is not None
    ]
    if not pairs:
        return None
    lengths = np.diff(attention.times.astype(np.float64))  # (T,)
    own = np.mean([float(weights @ inside) for weights, inside in pairs])
    chance = np.mean([float(lengths @ inside) / float(lengths.sum()) for _, inside in pairs])
    return Following(float(own), float(chance))


def share_of_steps(edges: NDArray[np.floating], moment: Moment) -> NDArray[np.float64]:
    """(T,) share of each step, between its (T + 1,) edges, within a moment and its margins."""
    start, end = moment[0] - MARGIN, moment[1] + MARGIN
    steps = edges.astype(np.float64)
    overlap = np.minimum(steps[1:], end) - np.maximum(steps[:-1], start)
    return np.clip(overlap, 0.0, None) / np.maximum(np.diff(steps), 1e-9)


def _matched(words: Sequence[str], said: Sequence[Word]) -> list[Word | None]:
    """Of each word of a text the one that was said, or that it replaces."""
    found: list[Word | None] = [None] * len(words)
    ours, theirs = [_bare(word) for word in words], [_bare(word.text) for word in said]
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    for kind, first, last, said_first, said_last in matcher.get_opcodes():
        if kind == "equal" or (kind == "replace" and last - first == said_last - said_first):
            found[first:last] = said[said_first:said_last]
    return found


def _bare(word: str) -> str:
    """Letters and digits only, in lower case; a word without any stays as it is."""
    return "".join(c for c in word.casefold() if c.isalnum()) or word
