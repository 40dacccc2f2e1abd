"""What counts of one clip under one strategy."""

from __future__ import annotations

from mer_core.atlas.collection import Atlas
from mer_core.demo.panels.tokens import tokens_view
from mer_core.types import Prediction
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import NASTY, clip_of


def test_tokens_show_what_counts_before_and_under_the_strategy(
    atlas: Atlas, agreeing: Prediction
) -> None:
    assert agreeing.occlusions is not None
    clip, found = clip_of(atlas, 3, NASTY, duration=2.0), agreeing.occlusions
    page = Page(tokens_view(clip, "token", {"none": found, "token": found}))
    assert len(page.having(class_="at-effects")) == 2
    assert "No alignment" in page.text
    assert "Tokens" in page.text
    assert page.text.count("Without “won”: 81 → 31% happy.") == 2
    one = Page(tokens_view(clip, "none", {"none": found}))
    assert len(one.having(class_="at-effects")) == 1


def test_tokens_say_why_there_are_none(atlas: Atlas) -> None:
    assert "Analyse a clip" in tokens_view(None, "token")
    assert "too short, or too long" in tokens_view(clip_of(atlas, 3), "none")


def test_tokens_of_a_video_are_time_over_time(atlas: Atlas, watched: Prediction) -> None:
    clip = clip_of(
        atlas, 3, "clip", framework="foal_net", by_modality=watched.by_modality,
        cross_attention=watched.cross_attention, duration=4.0,
    )  # fmt: skip
    page = Page(tokens_view(clip, "none"))
    assert "Rows: voice, columns: face" in page.text
    assert len(page.having(class_="at-grid")) == 2
