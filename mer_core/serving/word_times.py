"""When each word of a text was said."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from mer_core.types import Word

# Mean probability of a text's words from which on they fit a recording: between sentences that were
# said and others, see `python -m tests.benchmarks.typed_words`.
FIT = 0.35

Moment = tuple[float, float]


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
