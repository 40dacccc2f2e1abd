"""Transcriber-style text: which characters go, which words come, and how often."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from mer_core.data import Example
from train.config import SourceConfig
from train.data.material import Material
from train.data.transcripts import (
    FILLED,
    FILLERS,
    PUNCTUATED,
    REPEATED,
    as_spoken,
    augment_text,
    calm,
    plain_words,
)

ALWAYS = SourceConfig(transcript_probability=1.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Oh, my God! You're HERE?!", "oh my god you're here"),
        ("\u201cWell\u2026\u201d she said \u2014 twice.", "well she said twice"),
        ("'Tis the dogs' half-eaten bone", "tis the dogs half eaten bone"),
        ("It\u2019s [NAME]", "it\u2019s name"),
        ("5 € for \U0001f621", "5 € for \U0001f621"),
        ("?!...", ""),
    ],
)
def test_plain_words(text: str, words: str) -> None:
    assert " ".join(plain_words(text)) == words


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("What?! No!!!", "What? No."),
        ("Well... I\u2019m, uh\u2026 fine.", "Well. I\u2019m, uh. fine."),
        ("GET OUT!", "Get out."),
        ("The FBI?", "The FBI?"),
    ],
)
def test_calm(text: str, written: str) -> None:
    assert calm(text) == written


def test_a_text_without_words_stays(generator: np.random.Generator) -> None:
    assert as_spoken("?!...", generator) == "?!..."


def test_nothing_but_fillers_and_repetition_is_added(generator: np.random.Generator) -> None:
    texts = [as_spoken("Who is that!", generator) for _ in range(2_000)]
    words = [Counter(plain_words(text)) - Counter(["who", "is", "that"]) for text in texts]
    added = [set(one) for one in words]
    fillers = {frozenset(filler.split()) for filler in FILLERS}
    assert {frozenset(one - {"who"}) for one in added} == {frozenset(), *fillers}
    assert np.mean(["who" in one for one in added]) == pytest.approx(REPEATED, abs=0.03)
    assert np.mean([bool(one - {"who"}) for one in added]) == pytest.approx(FILLED, abs=0.04)
    assert np.mean(["." in text for text in texts]) == pytest.approx(PUNCTUATED, abs=0.04)
    assert not any("!" in text for text in texts)


def test_the_set_share_of_texts_is_changed(generator: np.random.Generator) -> None:
    source = dataclasses.replace(ALWAYS, transcript_probability=0.25)
    texts = [augment_text("Hello!", source, generator) for _ in range(2_000)]
    assert np.mean([text != "Hello!" for text in texts]) == pytest.approx(0.25, abs=0.03)


def test_without_it_no_random_number_is_drawn() -> None:
    generator, untouched = np.random.default_rng(0), np.random.default_rng(0)
    assert augment_text("Hello!", SourceConfig(), generator) == "Hello!"
    assert generator.random() == untouched.random()


def test_training_reads_transcripts_and_evaluation_the_text(
    generator: np.random.Generator,
) -> None:
    example = Example("meld", "train", "happy", "1", text="HELLO!")
    material = Material([example], {"text": ALWAYS})
    assert "!" not in (material.utterance([example], generator).text or "!")
    assert material.utterance([example]).text == "HELLO!"
