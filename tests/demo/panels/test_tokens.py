"""The attention of one clip under one strategy."""

from __future__ import annotations

from mer_core.atlas.collection import Atlas
from mer_core.demo.panels.tokens import tokens_view
from mer_core.types import Prediction
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import NASTY, clip_of


def test_tokens_show_words_over_time_or_say_why_not(atlas: Atlas, agreeing: Prediction) -> None:
    clip = clip_of(atlas, 3, NASTY, attention=agreeing.attention, duration=2.0)
    page = Page(tokens_view(clip, "token"))
    assert len(page.having(class_="at-row")) == 3
    assert "Analyse a clip" in tokens_view(None, "token")
    assert "does not align tokens" in tokens_view(clip_of(atlas, 3), "none")
    assert "one half only" in tokens_view(clip_of(atlas, 3, "half", "text"), "none")


def test_tokens_of_a_video_are_time_over_time(atlas: Atlas, watched: Prediction) -> None:
    clip = clip_of(
        atlas, 3, "clip", framework="foal_net", by_modality=watched.by_modality,
        cross_attention=watched.cross_attention, duration=4.0,
    )  # fmt: skip
    page = Page(tokens_view(clip, "none"))
    assert "Rows: voice, columns: face" in page.text
    assert len(page.having(class_="at-grid")) == 2
