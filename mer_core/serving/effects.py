"""What of a clip's occlusions can be told apart from noise, and which part changes most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mer_core.types import COMBINED, FloatArray, Occlusions

# Changes that mean nothing (30 ms less of the recording, 3 dB quieter, no full stop) move 95 % of
# probabilities by less; see `python -m tests.benchmarks.attention --split dev`.
NOISE = 0.05


@dataclass(frozen=True)
class Effect:
    """What leaving one part out of a clip changes.

    Attributes:
        part: Index of the word or moment.
        before: Probability of the clip's category with nothing left out.
        after: The same without the part.
    """

    part: int
    before: float
    after: float

    @property
    def change(self) -> float:
        """Below 0 where the part speaks for the category."""
        return self.after - self.before

    @property
    def clear(self) -> bool:
        """Whether it is more than noise."""
        return abs(self.change) >= NOISE


def decisive(found: Occlusions) -> str:
    """The condition whose category the clip gets: both, or the one that is there."""
    return COMBINED if COMBINED in found.whole else next(iter(found.whole))


def word_effects(found: Occlusions) -> tuple[Effect, ...]:
    """Of each word on the clip's category; empty without words."""
    return _effects(found, found.without_word)


def moment_effects(found: Occlusions) -> tuple[Effect, ...]:
    """Of each moment on the clip's category; empty without moments."""
    return _effects(found, found.without_moment)


def strongest(effects: Sequence[Effect]) -> Effect | None:
    """The one that changes most, whichever way; None of none."""
    return max(effects, key=lambda effect: abs(effect.change), default=None)


def _effects(found: Occlusions, without: dict[str, FloatArray]) -> tuple[Effect, ...]:
    condition = decisive(found)
    before = found.whole[condition]
    return tuple(
        Effect(part, before, float(after)) for part, after in enumerate(without.get(condition, ()))
    )
