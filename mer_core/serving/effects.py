"""What of a clip's occlusions can be told apart from noise, and which part changes most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mer_core.types import COMBINED, FloatArray, Occlusions

# What means nothing moves 95 of 100 probabilities by less: a text without its last mark, and a
# moment's number of speech tokens hidden here and there. Development speakers; see
# `python -m tests.benchmarks.attention --split dev --of occlusion`.
WORD_NOISE, MOMENT_NOISE = 0.03, 0.10


@dataclass(frozen=True)
class Effect:
    """What leaving one part out of a clip changes.

    Attributes:
        part: Index of the word or moment.
        before: Probability of the clip's category with nothing left out.
        after: The same without the part.
        noise: Change below which it says nothing.
    """

    part: int
    before: float
    after: float
    noise: float

    @property
    def change(self) -> float:
        """Below 0 where the part speaks for the category."""
        return self.after - self.before

    @property
    def clear(self) -> bool:
        """Whether it is more than noise."""
        return abs(self.change) >= self.noise


def decisive(found: Occlusions) -> str:
    """The condition whose category the clip gets: both, or the one that is there."""
    return COMBINED if COMBINED in found.whole else next(iter(found.whole))


def word_effects(found: Occlusions) -> tuple[Effect, ...]:
    """Of each word on the clip's category; empty without words."""
    return _effects(found, found.without_word, WORD_NOISE)


def moment_effects(found: Occlusions) -> tuple[Effect, ...]:
    """Of each moment on the clip's category; empty without moments."""
    return _effects(found, found.without_moment, MOMENT_NOISE)


def strongest(effects: Sequence[Effect]) -> Effect | None:
    """The one that changes most, whichever way; None of none."""
    return max(effects, key=lambda effect: abs(effect.change), default=None)


def _effects(found: Occlusions, without: dict[str, FloatArray], noise: float) -> tuple[Effect, ...]:
    condition = decisive(found)
    before = found.whole[condition]
    return tuple(
        Effect(part, before, float(after), noise)
        for part, after in enumerate(without.get(condition, ()))
    )
