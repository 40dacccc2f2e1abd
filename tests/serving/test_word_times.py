"""Words beside the transcript they come from."""

from __future__ import annotations

from dataclasses import replace

from mer_core.serving.word_times import fits, moments
from mer_core.types import Word

SAID = tuple(
    Word(text, start, start + 0.4, 0.9)
    for text, start in (("We", 0.0), ("won,", 0.5), ("I", 1.0), ("can't", 1.5), ("believe", 2.0))
)


def test_words_keep_their_times_whatever_their_case_and_punctuation() -> None:
    assert moments(["we", "WON!", "i", "can't", "believe"], SAID) == tuple(
        (word.start, word.end) for word in SAID
    )


def test_a_corrected_word_keeps_the_moment_and_an_added_one_has_none() -> None:
    corrected = moments(["We", "run,", "I", "can't", "believe"], SAID)
    assert corrected[1] == (0.5, 0.9)
    added = moments(["We", "really", "won,", "I", "can't", "believe"], SAID)
    assert added[:3] == ((0.0, 0.4), None, (0.5, 0.9))
    assert moments(["Nothing", "of", "the", "kind"], SAID) == (None,) * 4
    assert moments(["We"], ()) == (None,)


def test_words_fit_if_they_were_probably_said() -> None:
    assert fits(["We", "won"], SAID)
    assert fits(["We", "lost", "everything", "today"], SAID)  # one of them was said
    assert not fits(["Nothing", "of", "the", "kind"], SAID)
    unlikely = [replace(word, probability=0.3) for word in SAID]
    assert not fits(["We", "won"], unlikely)
    assert not fits([], SAID)
