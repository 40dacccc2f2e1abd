"""Which speakers are left out together."""

from __future__ import annotations

import pytest

from mer_core.data import Example
from train.protocols.speakers import PUBLISHED, UnitKind, Units, dealt, units_of


def of(corpus: str, *speakers: str, session: str = "") -> list[Example]:
    return [Example(corpus, "train", "sad", name, session=session) for name in speakers]


def test_folds_have_no_speaker_in_common() -> None:
    units = [(name,) for name in "abcdefg"]
    folds = dealt(units, 3)
    assert [len(fold) for fold in folds] == [3, 2, 2]
    assert sorted(name for fold in folds for name in fold) == list("abcdefg")
    with pytest.raises(ValueError, match="from 2 to 7"):
        dealt(units, 8)


def test_sessions_are_left_out_where_there_are_any() -> None:
    examples = [*of("iemocap", "1M", "1F", "1M", session="s1"), *of("iemocap", "2F", session="s2")]
    assert units_of(examples) == Units(UnitKind.SESSION, (("1F", "1M"), ("2F",)))
    some = [*examples, *of("iemocap", "3F")]
    assert units_of(some).kind is UnitKind.SPEAKER  # not all recordings have a session
    each = [*of("nemo", "a", session="s1"), *of("nemo", "b", session="s2")]
    assert units_of(each) == Units(UnitKind.SPEAKER, (("a",), ("b",)))
    with pytest.raises(ValueError, match="Speaker 1M is in several sessions"):
        units_of([*examples, *of("iemocap", "1M", session="s2")])


def test_published_folds_are_used_where_there_are_any() -> None:
    everyone = tuple(sorted(name for fold in PUBLISHED["ravdess"] for name in fold))
    assert len(everyone) == 24
    found = units_of(of("ravdess", *everyone))
    assert found == Units(UnitKind.PUBLISHED_FOLD, PUBLISHED["ravdess"])
    heard = units_of(of("transcribed:ravdess", *everyone, session="ravdess_fold1"))
    assert heard == found  # rather than sessions
    some = units_of(of("ravdess", "ravdess_01", "ravdess_04", "ravdess_11"))
    assert some.speakers == (("ravdess_01", "ravdess_11"), ("ravdess_04",))
    assert units_of(of("nemo", "b", "a")) == Units(UnitKind.SPEAKER, (("a",), ("b",)))
