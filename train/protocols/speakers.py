"""Speakers in folds: no speaker is in two of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mer_core.data import Example
from mer_core.data.corpora import transcribed
from mer_core.data.ravdess import FOLDS as RAVDESS_FOLDS

Speakers = tuple[str, ...]

# Corpus → the speakers of its published folds. EmoBox's of RAVDESS (arXiv 2406.07162).
PUBLISHED: dict[str, tuple[Speakers, ...]] = {
    "ravdess": tuple(
        tuple(f"ravdess_{actor:02d}" for actor in actors) for actors in RAVDESS_FOLDS.values()
    )
}


class UnitKind(StrEnum):
    """What is left out as a whole."""

    SESSION = "session"  # of the corpus' recordings
    PUBLISHED_FOLD = "published fold"
    SPEAKER = "speaker"  # or whatever the corpus groups by: writers, dialogues


@dataclass(frozen=True)
class Units:
    """The smallest parts of a corpus that folds are made of.

    Attributes:
        kind: What they are.
        speakers: Of each unit.
    """

    kind: UnitKind
    speakers: tuple[Speakers, ...]


def speakers_of(examples: Collection[Example]) -> Speakers:
    """Every speaker, sorted."""
    return tuple(sorted({example.group for example in examples}))


def units_of(examples: Collection[Example]) -> Units:
    """Published folds, where a corpus has some; else its sessions; else its speakers.

    Args:
        examples: All of one corpus. It has sessions if all of them name one, and some session has
            several speakers.

    Raises:
        ValueError: A speaker is in two sessions.
    """
    speakers = speakers_of(examples)
    names = {transcribed(example.corpus) or example.corpus for example in examples}
    published = [fold for name in sorted(names) for fold in PUBLISHED.get(name, ())]
    present = [tuple(name for name in fold if name in speakers) for fold in published]
    if folds := tuple(fold for fold in present if fold):
        return Units(UnitKind.PUBLISHED_FOLD, folds)
    if examples and all(example.session for example in examples):
        sessions = _sessions(examples)
        if any(len(session) > 1 for session in sessions):
            return Units(UnitKind.SESSION, sessions)
    return Units(UnitKind.SPEAKER, tuple((name,) for name in speakers))


def _sessions(examples: Collection[Example]) -> tuple[Speakers, ...]:
    sessions: dict[str, set[str]] = {}
    for example in examples:
        sessions.setdefault(example.session, set()).add(example.group)
    found = [tuple(sorted(sessions[name])) for name in sorted(sessions)]
    for speaker in speakers_of(examples):
        if sum(speaker in session for session in found) > 1:
            raise ValueError(
                f"Speaker {speaker} is in several sessions, so none of these can be left out; "
                "correct the corpus, or give no sessions, and speakers are left out instead."
            )
    return tuple(found)


def dealt(units: Sequence[Speakers], count: int) -> list[Speakers]:
    """`count` folds; the units are dealt to them in turn.

    Raises:
        ValueError: There are fewer units than folds.
    """
    if not 2 <= count <= len(units):
        raise ValueError(f"--folds {count}: must be from 2 to {len(units)}.")
    return [tuple(sorted(name for unit in units[i::count] for name in unit)) for i in range(count)]
