"""Speakers in folds: no speaker is in two of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mer_core.data import Example
from mer_core.data.ravdess import FOLDS as RAVDESS_FOLDS

Speakers = tuple[str, ...]

# Corpus → the speakers of its published folds. EmoBox's of RAVDESS (arXiv 2406.07162).
PUBLISHED: dict[str, tuple[Speakers, ...]] = {
    "ravdess": tuple(
        tuple(f"ravdess_{actor:02d}" for actor in actors) for actors in RAVDESS_FOLDS.values()
    )
}


def speakers_of(examples: Collection[Example]) -> Speakers:
    """Every speaker, sorted."""
    return tuple(sorted({example.group for example in examples}))


def units_of(corpus: str, speakers: Speakers) -> list[Speakers]:
    """The published folds of a corpus as far as their speakers are wanted, else single speakers."""
    published = [
        tuple(name for name in fold if name in speakers) for fold in PUBLISHED.get(corpus, ())
    ]
    return [fold for fold in published if fold] or [(name,) for name in speakers]


def dealt(units: Sequence[Speakers], count: int) -> list[Speakers]:
    """`count` folds; the units are dealt to them in turn.

    Raises:
        ValueError: There are fewer units than folds.
    """
    if not 2 <= count <= len(units):
        raise ValueError(f"--folds {count}: must be from 2 to {len(units)}.")
    return [tuple(sorted(name for unit in units[i::count] for name in unit)) for i in range(count)]
