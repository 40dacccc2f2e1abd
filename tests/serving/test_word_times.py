"""Words beside the transcript they come from, and attention beside the words' own moments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mer_core.serving.word_times import Following, fits, following, moments
from mer_core.types import TokenAttention, Word

SAID = tuple(
    Word(text, start, start + 0.4, 0.9)
    for text, start in (("We", 0.0), ("won,", 0.5), ("I", 1.0), ("can't", 1.5), ("believe", 2.0))
)
EDGES = np.linspace(0, 4, 41, dtype=np.float32)  # steps of 0.1 s


def attention(*rows: list[float]) -> TokenAttention:
    weights = np.array(rows, dtype=np.float32)
    return TokenAttention(tuple("w" * (i + 1) for i in range(len(rows))), EDGES, weights)


def even() -> list[float]:
    return [1 / 40] * 40


def at(step: int) -> list[float]:
    return [float(i == step) for i in range(40)]


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


def test_attention_on_the_words_own_moments_follows() -> None:
    # Margins of 0.1 s make a moment of 0.4 s 0.6 s long: 6 of 40 steps.
    result = following(attention(at(12), at(25)), [(1.0, 1.4), (2.3, 2.7)])
    assert result is not None
    assert result.own == pytest.approx(1.0)
    assert result.chance == pytest.approx(0.15)
    assert result.follows


def test_even_attention_is_chance() -> None:
    result = following(attention(even(), even()), [(1.0, 1.4), None])
    assert result is not None
    assert result.own == pytest.approx(result.chance) == pytest.approx(0.15)
    assert not result.follows


def test_half_a_step_counts_half_and_the_clip_ends_at_its_ends() -> None:
    half = following(attention(at(10)), [(1.15, 1.15)])  # with its margins 1.05 to 1.25 s
    assert half is not None
    assert half.own == pytest.approx(0.5)
    first = following(attention(even()), [(0.0, 0.4)])  # nothing is before the start
    assert first is not None
    assert first.chance == pytest.approx(0.125)


def test_without_a_moment_there_is_nothing_to_compare() -> None:
    assert following(attention(even()), [None]) is None


def test_a_word_that_fills_the_clip_can_still_be_followed() -> None:
    assert Following(own=0.95, chance=0.8).follows
    assert not Following(own=0.85, chance=0.8).follows
