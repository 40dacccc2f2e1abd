"""Words over time: described, joined and explained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mer_core.demo.panels.attention import attention_figure
from mer_core.demo.panels.heatmap import EVEN_NOTE, peaks
from mer_core.types import Prediction
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
