"""What is said of the distance of a clip's halves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mer_core.atlas.collection import Atlas
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.apart import key_sentence, on_line
from mer_core.types import Prediction
from tests.demo.clip_ids import recorded
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import NASTY

ANGRY, HAPPY = {"angry": 0.9, "happy": 0.1}, {"angry": 0.2, "happy": 0.8}


def clip(cosine: dict[str, float], alone: dict[str, Any], name: str = "Clip 1") -> VisitorClip:
    """Halves whose cosine under each strategy is given, and what each is assigned alone."""
    lead = np.eye(8, dtype=np.float32)[0]
    predictions = {}
    for strategy, value in cosine.items():
        partner = np.zeros(8, dtype=np.float32)
        partner[:2] = value, np.sqrt(1 - value**2)
        halves = {"speech": lead, "text": partner}
        predictions[strategy] = Prediction("angry", ANGRY, alone, embeddings_after=halves)
    return VisitorClip(recorded("c1"), name, "mgcma", predictions)


@pytest.mark.parametrize(
    ("cosine", "words", "said"),
    [
        (-0.7, HAPPY, "1.7 apart: voice and words disagree"),
        (-0.7, ANGRY, "1.7 apart: far, though voice and words agree"),
        (0.999, ANGRY, "0.0 apart: voice and words are close"),
        (0.999, HAPPY, "0.0 apart: close, though voice and words disagree"),
        (0.999, None, "0.0 apart: close"),
        (-0.7, None, "1.7 apart: far"),
    ],
)
def test_a_line_says_how_far_and_what_it_means(
    atlas: Atlas, cosine: float, words: dict[str, float] | None, said: str
) -> None:
    one = clip({"none": 0.0, "token": cosine}, {"speech": ANGRY, "text": words})
    assert on_line(atlas, "token", one) == said
    assert on_line(atlas, "none", one).startswith("1.0 apart: ")


def test_a_lone_half_has_no_line_but_its_sentence(atlas: Atlas) -> None:
    vector = {"text": np.ones(8, dtype=np.float32)}
    predictions = {
        name: Prediction("happy", HAPPY, {}, embeddings_after=vector) for name in atlas.charts
    }
    one = VisitorClip(recorded("c2"), "Clip 2", "mgcma", predictions)
    assert on_line(atlas, "token", one) == ""
    assert "Your words" in Page(key_sentence(atlas, "token", one)).text
    assert "alone" not in key_sentence(atlas, "token", one)


def test_the_key_sentence_has_the_change_and_both_categories(atlas: Atlas) -> None:
    one = clip({"none": -0.04, "token": -0.74}, {"speech": ANGRY, "text": HAPPY}, NASTY)
    page = Page(key_sentence(atlas, "token", one))
    assert not [tag for tag, _ in page.tags if tag in ("script", "img")]
    assert "Your voice and your words are now further apart" in page.text
    assert "cosine distance 1.04 → 1.74" in page.text
    assert "Judged alone, the voice is assigned angry, the words happy." in page.text
    before = Page(key_sentence(atlas, "none", one)).text
    assert "Without alignment" in before
    assert "1.04" in before


def test_halves_that_agree_are_said_to_agree(atlas: Atlas) -> None:
    one = clip({"none": 0.0, "token": 0.5}, {"speech": ANGRY, "text": ANGRY})
    assert "voice and words are both assigned angry" in key_sentence(atlas, "token", one)
    unknown = clip({"none": 0.0, "token": 0.5}, {})
    assert "assigned" not in key_sentence(atlas, "token", unknown)
