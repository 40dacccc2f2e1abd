"""Every unit tests once, another whole one selects, and nobody is in two parts of a fold."""

from __future__ import annotations

from pathlib import Path

import pytest

from mer_core.data import Example
from train.config import Experiment
from train.data.tasks import source_examples
from train.protocols.runs import trained_on
from train.protocols.speakers import UnitKind
from train.protocols.splits import MOST_FOLDS, Fold, on_corpus, on_fold, plan


def five_sessions() -> list[Example]:
    return [
        Example("iemocap", "train", "sad", f"{session}{speaker}", session=session)
        for session in "12345"
        for speaker in "FM"
    ]


def test_the_inner_session_rotates() -> None:
    found = plan(five_sessions(), 0, select=True)
    assert (found.kind, found.units) == (UnitKind.SESSION, 5)
    assert [(fold.number, fold.test, fold.inner) for fold in found.folds] == [
        (1, ("1F", "1M"), ("2F", "2M")),
        (2, ("2F", "2M"), ("3F", "3M")),
        (3, ("3F", "3M"), ("4F", "4M")),
        (4, ("4F", "4M"), ("5F", "5M")),
        (5, ("5F", "5M"), ("1F", "1M")),
    ]
    for fold in found.folds:
        assert len(fold.train) == 6
        assert len({*fold.train, *fold.inner, *fold.test}) == 10


def test_without_selection_the_inner_session_trains() -> None:
    for fold in plan(five_sessions(), 0, select=False).folds:
        assert fold.inner == ()
        assert len(fold.train) == 8
        assert not set(fold.train) & set(fold.test)


def test_sessions_are_dealt_to_fewer_folds() -> None:
    found = plan(five_sessions(), 2, select=False)
    assert [len(fold.test) for fold in found.folds] == [6, 4]
    with pytest.raises(ValueError, match="none is left to train on"):
        plan(five_sessions(), 2, select=True)
    with pytest.raises(ValueError, match="from 2 to 5"):
        plan(five_sessions(), 6, select=True)


def test_hundreds_of_dialogues_are_not_meant() -> None:
    lines = [Example("meld", "train", "sad", f"meld_{i}") for i in range(MOST_FOLDS + 1)]
    with pytest.raises(ValueError, match=r"meld has 31 units \(speakers\).*--folds"):
        plan(lines, 0, select=True)
    assert len(plan(lines, 5, select=True).folds) == 5


def test_splits_of_a_source_replace_those_of_the_corpus(
    speech_experiment: Experiment, corpora: Path
) -> None:
    fold = Fold(1, ("ravdess_06", "ravdess_11"), ("ravdess_02",), ("ravdess_01",))
    alone = on_corpus(speech_experiment, "ravdess")
    experiment = on_fold(alone, fold)

    def of(experiment: Experiment, split: str) -> set[str]:
        source = experiment.sources["speech"]
        found = source_examples(source, corpora, split, ("angry", "sad"), "speech")
        return {example.group for example in found}

    assert of(experiment, "train") == {"ravdess_06", "ravdess_11"}  # 06 tests otherwise
    assert of(experiment, "dev") == {"ravdess_02"}
    assert of(experiment, "test") == {"ravdess_01"}
    assert of(alone, "test") == {"ravdess_06"}
    fixed = trained_on(speech_experiment, {"ravdess": 1.0}, fold.train, fold.test)
    assert of(fixed, "dev") == set()
