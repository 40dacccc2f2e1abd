"""Words over time: described, joined and explained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mer_core.demo.panels.attention import attention_figure
from mer_core.demo.panels.heatmap import EVEN_NOTE, peaks
from mer_core.types import Prediction, Transcript, Word
from tests.demo.markup_page import Page


def test_each_word_is_described_with_its_moment(agreeing: Prediction) -> None:
    assert agreeing.attention is not None
    assert peaks(agreeing.attention) == [("we", 0.25), ("won", 1.25), ("today", 1.75)]
    (figure,) = Page(attention_figure(agreeing)).having(role="img")
    assert "we at 0.2 s; won at 1.2 s; today at 1.8 s" in str(figure["aria-label"])


def test_even_attention_has_a_note(agreeing: Prediction) -> None:
    attention = agreeing.attention
    assert attention is not None
    assert EVEN_NOTE not in attention_figure(agreeing)
    flat = replace(attention, weights=np.full((3, 4), 0.25, dtype=np.float32))
    assert EVEN_NOTE in attention_figure(replace(agreeing, attention=flat))


def test_words_are_drawn_where_they_were_said(agreeing: Prediction) -> None:
    said = (Word("We", 0.0, 0.5, 0.9), Word("won,", 1.0, 1.5, 0.9), Word("today!", 1.6, 2.0, 0.9))
    spoken = replace(agreeing, transcript=Transcript("We won, today!", "en", 1.0, said))
    page = Page(attention_figure(spoken))
    outlines = [str(attrs["style"]) for attrs in page.having(class_="at-own")]
    assert [style.split("%")[0] for style in outlines] == [
        "inset-inline-start:0.00", "inset-inline-start:50.00", "inset-inline-start:80.00",
    ]  # fmt: skip
    assert "Attention follows the words here" in page.text
    assert "Said at" in page.text


def test_even_attention_does_not_follow_the_words(agreeing: Prediction) -> None:
    attention = agreeing.attention
    assert attention is not None
    flat = replace(attention, weights=np.full((3, 4), 0.25, dtype=np.float32))
    said = (Word("we", 0.1, 0.4, 0.9),)  # with its margins a quarter of the clip
    even = replace(agreeing, attention=flat, transcript=Transcript("we", "en", 1.0, said))
    text = Page(attention_figure(even)).text
    assert "Attention does not follow the words here" in text
    assert "25% of it is on the moment of the word itself; by chance, 25% would be" in text


def test_without_a_transcript_there_are_no_times(agreeing: Prediction) -> None:
    text = Page(attention_figure(agreeing)).text
    assert "When each word was said is not known" in text
    assert "the words here" not in text


def test_words_that_do_not_fit_stand_nowhere(agreeing: Prediction) -> None:
    said = tuple(Word(text, i / 2, i / 2 + 0.4, 0.1) for i, text in enumerate(("we", "won")))
    unlike = replace(agreeing, transcript=Transcript("we won", "en", 1.0, said))
    page = Page(attention_figure(unlike))
    assert "These words do not fit what is said in the recording" in page.text
    assert "Said at" not in page.text
    assert not page.having(class_="at-own")
