"""What the contradiction lab draws and says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mer_core.demo.panels.lab import agreement, lab_summary, render_lab
from mer_core.demo.panels.markup import escape
from tests.demo.lab_fakes import BEFORE, NASTY, prediction
from tests.demo.markup_page import Page


def test_cards_show_both_clips_and_every_flip() -> None:
    after = {"none": prediction("happy", 0.5), "all": prediction("angry", 0.7)}
    page = Page(render_lab(BEFORE, after, {"all": "All of them"}))
    assert "1 of 2 strategies now assigns another category" in page.text
    assert len(page.having(class_="at-lab-card")) == 2
    assert len(page.having(class_="at-lab-flips")) == 1
    assert "All of them" in page.text
    assert "Happy→ becomes Angry" in page.text
    was = [a["style"] for a in page.having(class_="at-lab-was") if "style" in a]
    now = [a["style"] for a in page.having(class_="at-lab-is") if "style" in a]
    assert was[1] == "inline-size:70.0%"
    assert now[1] == "inline-size:50.0%"
    assert len(was) == len(now) == 8
    assert "from 70%→ to 50%" in page.text


@pytest.mark.parametrize(
    ("emotions", "expected"),
    [
        (("happy", "happy"), "stays the same under all 2"),
        (("sad", "angry"), "All 2 strategies now assign another"),
        ((None, None), "No strategy can assign a category"),
    ],
)
def test_the_summary_counts(emotions: tuple[str | None, ...], expected: str) -> None:
    after = dict(zip(BEFORE, map(prediction, emotions), strict=True))
    assert expected in lab_summary(BEFORE, after)
    assert "Nothing is changed" in lab_summary(BEFORE, None)


def test_without_a_category_there_is_one_sentence() -> None:
    gone = prediction(None, state="no_speech", message="No <b>speech</b> was found.")
    page = Page(render_lab(BEFORE, dict.fromkeys(BEFORE, gone), {}))
    assert len(page.having(data_testid="lab-note")) == 1
    assert "No <b>speech</b> was found." in page.text
    assert page.text.count("no category") == 2
    assert len(page.having(class_="at-lab-is")) == 1  # in the legend only


def test_everything_foreign_is_escaped() -> None:
    odd = replace(prediction("happy"), emotion=NASTY, message=NASTY, probabilities={NASTY: 1.0})
    page = Page(render_lab({NASTY: odd}, {NASTY: odd}, {NASTY: escape(NASTY)}, NASTY))
    assert not [tag for tag, _ in page.tags if tag == "script"]


def test_agreement_is_said_plainly() -> None:
    same = {name: prediction("sad") for name in "abc"}
    assert agreement(same) == "All 3 strategies assign the same category: sad."
    assert agreement({**same, "d": prediction("happy"), "e": prediction(None)}) == (
        "The strategies differ: 3 sad, 1 happy, 1 no category."
    )
