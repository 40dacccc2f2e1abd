"""What the answer rests on: in a sentence, as bars over time or in order, and as a table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mer_core.demo.panels.effect_bars import FULL, Bar, Scale, lines_of, scale_of
from mer_core.demo.panels.occlusion import UNFIT, occlusion_figure, sentences
from mer_core.serving.effects import Effect
from mer_core.types import Occlusions, Prediction, Transcript, Word
from tests.demo.markup_page import Page

SAID = (Word("We", 0.0, 0.5, 0.9), Word("won,", 1.0, 1.5, 0.9), Word("today!", 1.6, 2.0, 0.9))


@pytest.fixture
def spoken(agreeing: Prediction) -> Prediction:
    return replace(agreeing, transcript=Transcript("We won, today!", "en", 1.0, SAID))


def found(prediction: Prediction) -> Occlusions:
    assert prediction.occlusions is not None
    return prediction.occlusions


def test_the_strongest_word_and_moment_are_named(agreeing: Prediction) -> None:
    text = Page(sentences(found(agreeing))).text
    assert text == (
        "Without “won”: 81 → 31% happy. Without the voice from 0.5 s to 1.0 s: 81 → 60% happy."
    )


def test_nothing_is_claimed_of_noise(agreeing: Prediction) -> None:
    even = replace(
        found(agreeing),
        without_word={"both": np.array([0.8, 0.79, 0.812], np.float32)},  # 2 points
        without_moment={"both": np.array([0.81, 0.8, 0.82, 0.844], np.float32)},  # 4 points
    )
    text = Page(sentences(even)).text
    assert text == "No single word or moment changes the answer by more than 4 points."
    words = replace(even, times=np.empty(0, np.float32), without_moment={})
    assert "No single word changes the answer by more than 2 points." in sentences(words)
    one = replace(found(agreeing), without_moment=even.without_moment)
    assert "Without “" in sentences(one)
    assert "No single moment changes the answer by more than 4 points." in sentences(one)


def test_words_stand_under_the_time_when_they_were_said(spoken: Prediction) -> None:
    page = Page(occlusion_figure(spoken))
    (figure,) = page.having(role="img")
    assert "Without these words: won: 81 → 31%" in str(figure["aria-label"])
    named = [a for _, a in page.tags if "at-word-said" in (a.get("class") or "")]
    assert [str(attrs["style"]).split(";")[0] for attrs in named] == [
        "inset-inline-start:0.00%", "inset-inline-start:50.00%", "inset-inline-end:0.00%",
    ]  # fmt: skip
    assert ["at-clear" in str(attrs["class"]) for attrs in named] == [False, True, False]
    bars = [attrs for tag, attrs in page.tags if tag == "rect"]
    assert [(bar["x"], bar["width"]) for bar in bars[4:]] == [
        ("0.00", "25.00"), ("50.00", "25.00"), ("80.00", "20.00"),
    ]  # fmt: skip
    assert [(bar["x"], bar["width"]) for bar in bars[:4]] == [
        ("0.00", "25.00"), ("25.00", "25.00"), ("50.00", "25.00"), ("75.00", "25.00"),
    ]  # fmt: skip
    assert "not known" not in page.text


def test_words_without_a_time_stand_in_order(agreeing: Prediction, words_only: Prediction) -> None:
    page = Page(occlusion_figure(agreeing))
    assert "When each word was said is not known" in page.text
    assert not page.having(class_="at-word-said")
    assert [tag for tag, _ in page.tags].count("li") == 3
    assert "won −50" in page.text
    typed = Page(occlusion_figure(words_only))
    assert "Without “miss”: 64 → 20% sad." in typed.text
    assert "I −1miss −44her −4" in typed.text
    assert not typed.having(role="img")
    assert "not known" not in typed.text  # they were not said


def test_words_that_do_not_fit_stand_in_order(agreeing: Prediction) -> None:
    said = tuple(replace(word, probability=0.1) for word in SAID)
    unlike = replace(agreeing, transcript=Transcript("We won, today!", "en", 1.0, said))
    page = Page(occlusion_figure(unlike))
    assert UNFIT in page.text
    assert not page.having(class_="at-word-said")


def test_the_table_has_every_number(spoken: Prediction) -> None:
    page = Page(occlusion_figure(spoken))
    assert [tag for tag, _ in page.tags].count("tr") == 1 + 1 + 3 + 4
    for expected in ("Together", "Voice alone", "Words alone", "won1.0 s31%–20%", "60%40%–"):
        assert expected in page.text


def test_before_it_is_known_a_recording_shows_its_waveform(
    agreeing: Prediction, silent: Prediction
) -> None:
    waiting = occlusion_figure(replace(agreeing, occlusions=None))
    assert "at-wave" in waiting
    assert "at-effect" not in waiting
    assert occlusion_figure(silent) == ""


def effect(before: float, after: float) -> Effect:
    return Effect(0, before, after, 0.05)


def test_bars_of_small_changes_stay_low_and_all_have_one_scale() -> None:
    scale = scale_of([effect(0.5, 0.49), effect(0.5, 0.51)])
    assert scale == Scale(FULL, FULL / 4)
    large = scale_of([effect(0.9, 0.3), effect(0.9, 0.96)])
    top, height = large.bar(effect(0.9, 0.3))
    assert (top, height) == (pytest.approx(0.0), pytest.approx(large.zero))
    top, height = large.bar(effect(0.9, 0.96))
    assert (top, top + height) == (pytest.approx(large.zero), pytest.approx(100.0))


def test_words_close_together_are_written_on_several_lines() -> None:
    none = effect(0.5, 0.5)
    apart = [Bar(none, (0.0, 0.3), "we"), Bar(none, (1.0, 1.3), "won")]
    assert lines_of(apart, 2.0) == [0, 0]
    close = [Bar(none, (i / 10, i / 10 + 0.1), "wonderful") for i in range(3)]
    assert lines_of(close, 2.0) == [0, 1, 2]
    at_the_end = [Bar(none, (1.8, 1.9), "so"), Bar(none, (1.9, 2.0), "wonderful")]
    assert lines_of(at_the_end, 2.0) == [0, 1]
