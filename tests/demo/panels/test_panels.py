"""What is drawn of a prediction: numbers, escaping, every state; parsed, not compared as text."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mer_core.demo.build import PAGES
from mer_core.demo.panels import notes
from mer_core.demo.panels.attention import MAX_STEPS, MAX_WORDS, attention_figure, coarser, peaks
from mer_core.demo.panels.probabilities import bars, verdict
from mer_core.demo.panels.result import render_details, render_verdict
from mer_core.demo.panels.timeline import stretches, timeline_figure
from mer_core.demo.panels.waveform import COLUMNS, axis, outline
from mer_core.types import Prediction, TokenAttention
from tests.demo.markup_page import Page

NASTY = "</span><script>alert('x')</script>\"&<img src=x onerror=y>"


def whole(prediction: Prediction) -> Page:
    return Page(render_verdict(prediction) + render_details(prediction))


def test_a_result_shows_category_confidence_and_every_number(agreeing: Prediction) -> None:
    page = whole(agreeing)
    for expected in ("Happy", "81% confidence", "Speech alone", "Text alone", "Both together"):
        assert expected in page.text
    widths = [a["style"] for a in page.having(class_="at-fill")]
    assert len(widths) == 4 + 3 * 4
    assert widths[1] == "inline-size:81.0%"
    assert len(page.having(class_="at-row")) == 3
    assert "Category the model assigns" in page.text


def test_disagreement_is_marked(disagreeing: Prediction, agreeing: Prediction) -> None:
    assert render_verdict(disagreeing).count("at-badge") == 1
    assert "at-badge" not in render_verdict(agreeing)


def test_an_unsure_result_says_so_above_the_category(words_only: Prediction) -> None:
    flat = dict.fromkeys(("angry", "happy", "neutral", "sad"), 0.25)
    assert "not sure" in verdict(replace(words_only, probabilities=flat))


def test_one_modality_shows_what_to_add(words_only: Prediction, voice_only: Prediction) -> None:
    assert "Add a recording" in whole(words_only).text
    assert "Type what was said" in whole(voice_only).text
    assert not whole(words_only).having(class_="at-modality")
    assert "at-wave" not in render_details(words_only)
    assert "at-wave" in render_details(voice_only)


@pytest.mark.parametrize("state", ["silence", "no_speech", "unreadable_text", "refused", "new"])
def test_without_a_label_there_is_a_message_and_no_category(state: str) -> None:
    page = whole(Prediction(None, {}, {}, state, "Because <b>."))
    assert "Because <b>." in page.text
    assert not page.having(class_="at-emotion")
    assert not page.having(class_="at-fill")
    assert not [tag for tag, _ in page.tags if tag == "b"]


def test_half_of_the_input_is_explained_not_asked_for(
    words_only: Prediction, voice_only: Prediction, silent: Prediction
) -> None:
    """A silent clip with words, and a voice with words that the model cannot read."""
    quiet = replace(
        words_only, state="silence", message="Silent.", duration=3.0, envelope=silent.envelope
    )
    assert "Add a recording" not in whole(quiet).text
    assert render_details(quiet) == ""
    foreign = replace(voice_only, state="unreadable_text", message="It reads English.")
    assert "Type what was said" not in whole(foreign).text
    assert "at-wave" in render_details(foreign)


def test_silence_draws_nothing(silent: Prediction) -> None:
    assert render_details(silent) == ""


def test_everything_foreign_is_escaped(agreeing: Prediction, long: Prediction) -> None:
    odd: Any = {NASTY: 0.9, "sad": 0.1}
    attention = agreeing.attention
    assert attention is not None
    hostile = replace(
        agreeing,
        emotion=NASTY,
        probabilities=odd,
        by_modality={"speech": odd, "text": odd, NASTY: odd},
        message=NASTY,
        attention=replace(attention, words=(NASTY, "\u202ereversed", "𝔘𝔫𝔦")),
        timeline=tuple(replace(w, emotion=NASTY, probabilities=odd) for w in long.timeline),
    )
    page = whole(hostile)
    assert not [tag for tag, _ in page.tags if tag in {"script", "img"}]
    assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on")]
    styles = [attrs["style"] or "" for _, attrs in page.tags if "style" in attrs]
    assert not [style for style in styles if set(style) & set("<>\"'&")]


def test_bars_keep_the_models_order() -> None:
    names = re.findall(r'at-name">(\w+)<', bars({"angry": 0.1, "happy": 0.7, "sad": 0.2}))
    assert names == ["angry", "happy", "sad"]


def test_each_word_is_described_with_its_moment(agreeing: Prediction) -> None:
    assert agreeing.attention is not None
    assert peaks(agreeing.attention) == [("we", 0.25), ("won", 1.25), ("today", 1.75)]
    (figure,) = Page(attention_figure(agreeing)).having(role="img")
    assert "we at 0.2 s; won at 1.2 s; today at 1.8 s" in str(figure["aria-label"])


def test_cells_cover_the_time_axis(agreeing: Prediction) -> None:
    """Four steps of half a second in a clip that goes on for two more."""
    page = Page(attention_figure(replace(agreeing, duration=4.0)))
    masks = [a["style"] for tag, a in page.tags if "mask-image" in (a.get("style") or "")]
    assert len(masks) == 3
    first = str(masks[0]).split("mask-image:")[-1]
    assert re.findall(r"([\d.]+)% ([\d.]+)%", first) == [
        ("0.00", "12.50"), ("12.50", "25.00"), ("25.00", "37.50"), ("37.50", "50.00"),
    ]  # fmt: skip
    assert "rgb(0 0 0/1.00) 0.00%" in first
    assert "transparent 50.00%" in first


def test_joining_steps_keeps_sums_and_edges() -> None:
    weights = np.random.default_rng(0).random((3, 1001)).astype(np.float32)
    times = np.linspace(0, 50, 1002, dtype=np.float32)
    joined, edges = coarser(weights, times)
    assert joined.shape[1] <= MAX_STEPS
    assert edges.shape == (joined.shape[1] + 1,)
    np.testing.assert_allclose(joined.sum(axis=1), weights.sum(axis=1), rtol=1e-5)
    assert edges[0] == times[0]
    assert edges[-1] == times[-1]
    assert (np.diff(edges) > 0).all()


def test_the_longest_input_stays_light(agreeing: Prediction) -> None:
    steps, words = 6000, 400
    huge = replace(
        agreeing,
        duration=300.0,
        envelope=np.random.default_rng(0).random(15_000).astype(np.float32),
        attention=TokenAttention(
            tuple(f"word{i}" for i in range(words)),
            np.linspace(0, 300, steps + 1, dtype=np.float32),
            np.random.default_rng(1).random((words, steps)).astype(np.float32),
        ),
    )
    start = time.perf_counter()
    drawn = render_details(huge)
    assert time.perf_counter() - start < 2
    assert len(drawn) < 700_000
    page = Page(drawn)
    assert len(page.having(class_="at-row")) == MAX_WORDS
    assert f"first {MAX_WORDS} of {words} words" in page.text


@pytest.mark.parametrize("values", [[], [0.0] * 40, [np.nan] * 40, [1.0], [5.0, -1.0] * 400])
def test_an_outline_survives_any_envelope(values: list[float]) -> None:
    drawn = outline(np.array(values, dtype=np.float32), 2.0)
    assert "nan" not in drawn
    if values:
        points = [
            tuple(map(float, p.split(",")))
            for p in drawn.split('points="')[1].split('"')[0].split()
        ]
        assert all(0 <= x <= 2.0 and 0 <= y <= 100 for x, y in points)
        assert len(points) <= 2 * COLUMNS + 2


def test_the_axis_has_round_ticks_inside() -> None:
    for duration in (0.3, 1.0, 2.1, 7.9, 14.0, 65.0, 301.0):
        places = [float(p) for p in re.findall(r"start:([\d.]+)%", axis(duration))]
        assert 1 <= len(places) <= 7
        assert places[0] == 0
        assert places[-1] < 100


def test_stretches_tile_the_clip(long: Prediction) -> None:
    parts = stretches(long.timeline, 12.0)
    assert [(p.start, p.end) for p in parts] == [(0, 3), (3, 5), (5, 7), (7, 9), (9, 12)]
    seconds = tuple(
        replace(long.timeline[0], start=s, end=e) for s, e in ((0, 1), (1, 2), (2, 2.4))
    )
    assert [(p.start, p.end) for p in stretches(seconds, 2.4)] == [(0, 1), (1, 2), (2, 2.4)]


def test_a_timeline_greys_out_what_holds_no_speech(long: Prediction) -> None:
    page = Page(timeline_figure(long))
    rects = [attrs for tag, attrs in page.tags if tag == "rect"]
    assert len(rects) == 4 * 4  # nothing is drawn over the hatched ground of the third window
    assert not [r for r in rects if r["x"] == "5.000"]
    assert "no speech" in page.text
    (figure,) = page.having(role="img")
    assert "4.0 s to 8.0 s no speech" in str(figure["aria-label"])
    heights = [float(str(r["height"])) for r in rects if r["x"] == "0.000"]
    assert sum(heights) == pytest.approx(1, abs=1e-3)


def test_short_clips_have_no_timeline(agreeing: Prediction) -> None:
    assert timeline_figure(agreeing) == ""


RECORDING = [page for page in PAGES if isinstance(page.texts, notes.RecordingTexts)]


def test_only_the_atlas_opens_no_microphone() -> None:
    assert {page.title for page in PAGES} - {page.title for page in RECORDING} == {
        "Alignment atlas"
    }


@pytest.mark.parametrize("page", RECORDING, ids=lambda page: page.title)
def test_notes_are_well_formed_and_say_what_must_be_said(page: Any) -> None:
    for state in ("waiting", "loading", "ready", "failed"):
        assert "Ready <x>" in Page(notes.header("Ready <x>", state, "Which <y>?")).text
    text = Page(notes.notice(10, page.texts)).text
    for words in ("emotion recognition system", "10 minutes", "Not at work or in education"):
        assert words in text
    assert page.texts.judged in text
    assert "Analyse" in Page(notes.empty(page.texts)).text
    assert Page(notes.working("Analysing…")).having(aria_busy="true")
    assert notes.hint("") == ""
    Page(notes.footer(page.texts))


def test_even_attention_is_said_to_be_even(agreeing: Prediction) -> None:
    attention = agreeing.attention
    assert attention is not None
    assert "almost evenly" not in attention_figure(agreeing)
    flat = replace(attention, weights=np.full((3, 4), 0.25, dtype=np.float32))
    assert "almost evenly" in attention_figure(replace(agreeing, attention=flat))
