"""The category with its bars, and modalities side by side."""

from __future__ import annotations

import re
from dataclasses import replace

from mer_core.demo.panels.probabilities import bars, verdict
from mer_core.demo.panels.result import render_verdict
from mer_core.types import Prediction


def test_disagreement_is_marked(disagreeing: Prediction, agreeing: Prediction) -> None:
    assert render_verdict(disagreeing).count("at-badge") == 1
    assert "at-badge" not in render_verdict(agreeing)


def test_an_unsure_result_says_so_above_the_category(words_only: Prediction) -> None:
    flat = dict.fromkeys(("angry", "happy", "neutral", "sad"), 0.25)
    assert "not sure" in verdict(replace(words_only, probabilities=flat))


def test_bars_keep_the_models_order() -> None:
    names = re.findall(r'at-name">(\w+)<', bars({"angry": 0.1, "happy": 0.7, "sad": 0.2}))
    assert names == ["angry", "happy", "sad"]
