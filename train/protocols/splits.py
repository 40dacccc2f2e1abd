"""Who trains, who selects and who tests, in each fold of a cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mer_core.data import Example
from train.config import Experiment
from train.protocols.speakers import Speakers, UnitKind, dealt, units_of

MOST_FOLDS = 30  # more are hardly meant: a corpus without speakers has thousands of dialogues


@dataclass(frozen=True)
class Fold:
    """One fold: no speaker is in two of its parts.

    Attributes:
        number: From 1.
        train: Speakers whose examples are learned.
        inner: Speakers who choose the epoch and the temperatures; empty: nothing is chosen.
        test: Speakers who are predicted once, in the end.
    """

    number: int
    train: Speakers
    inner: Speakers
    test: Speakers


@dataclass(frozen=True)
class Plan:
    """The folds of a corpus; each of its speakers tests in one of them.

    Attributes:
        kind: What is left out as a whole.
        units: How many there are.
        folds: Of them.
    """

    kind: UnitKind
    units: int
    folds: tuple[Fold, ...]


def plan(examples: Sequence[Example], count: int, select: bool) -> Plan:
    """Outer folds of the units of one corpus, each with the next fold as its inner one.

    Args:
        examples: All of a corpus.
        count: Folds, to which units are dealt in turn; 0: one for each unit.
        select: Whether a whole fold of those that do not test chooses the epoch; else it trains.

    Raises:
        ValueError: There are too few units, or so many that `count` has to be given.
    """
    units = units_of(examples)
    if not count and len(units.speakers) > MOST_FOLDS:
        raise ValueError(
            f"{examples[0].corpus} has {len(units.speakers)} units ({units.kind}s) to leave out; "
            "say by --folds how many folds to deal them to."
        )
    parts = dealt(units.speakers, count or len(units.speakers))
    if select and len(parts) < 3:
        raise ValueError(
            "Of two folds none is left to train on, if one tests and the other selects: take "
            "three, or set optim.select=false."
        )
    folds = tuple(_fold(parts, i, select) for i in range(len(parts)))
    return Plan(units.kind, len(units.speakers), folds)


def _fold(parts: Sequence[Speakers], index: int, select: bool) -> Fold:
    following = (index + 1) % len(parts)
    others = [i for i in range(len(parts)) if i != index and not (select and i == following)]
    train = tuple(sorted(name for i in others for name in parts[i]))
    return Fold(index + 1, train, parts[following] if select else (), parts[index])


def on_corpus(experiment: Experiment, corpus: str) -> Experiment:
    """The experiment on one corpus alone, with that corpus' own splits."""
    sources = {
        modality: replace(source, corpora={corpus: 1.0}, speakers={})
        for modality, source in experiment.sources.items()
    }
    return replace(experiment, sources=sources)


def on_fold(experiment: Experiment, fold: Fold) -> Experiment:
    """The experiment with the fold's speakers as the splits of every source."""
    parts = {"train": fold.train, "dev": fold.inner, "test": fold.test}
    speakers = {split: names for split, names in parts.items() if names}
    sources = {
        modality: replace(source, speakers=speakers)
        for modality, source in experiment.sources.items()
    }
    return replace(experiment, sources=sources)
