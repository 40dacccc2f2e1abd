"""Transcriber-style text: which characters go, which words come, and how often."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from mer_core.data import Example
from train.config import SourceConfig
from train.data.material import Material
from train.data.transcripts import FILLED, FILLERS, REPEATED, as_spoken, augment_text, plain_words

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


def test_a_text_without_words_stays(generator: np.random.Generator) -> None:
    assert as_spoken("?!...", generator) == "?!..."


def test_nothing_but_fillers_and_repetition_is_added(generator: np.random.Generator) -> None:
    known = Counter(plain_words("What is that?"))
    texts = [as_spoken("What is that?", generator) for _ in range(2_000)]
    added = [set(Counter(text.split()) - known) for text in texts]
    fillers = {frozenset(filler.split()) for filler in FILLERS}
    assert {frozenset(words - {"what"}) for words in added} == {frozenset(), *fillers}
    assert np.mean(["what" in words for words in added]) == pytest.approx(REPEATED, abs=0.03)
    assert np.mean([bool(words - {"what"}) for words in added]) == pytest.approx(FILLED, abs=0.04)


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
    assert "hello" in (material.utterance([example], generator).text or "")
    assert material.utterance([example]).text == "HELLO!"
