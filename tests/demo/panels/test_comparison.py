"""What differs between two strategies, in sentences, against a table made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mer_core.atlas.analysis.ablation import Ablation
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.comparison import clip_sentence, comparison, figures_sentence
from mer_core.demo.panels.titles import strategy_name
from mer_core.types import Prediction
from tests.demo.clip_ids import recorded
from tests.demo.markup_page import Page

NASTY = "<script>alert(1)</script>"


def cell(
    mean: float, seeds: list[float], difference: float, ends: tuple[float, float], clear: bool
):
    return {
        "mean": mean, "seeds": seeds, "difference": difference, "difference_95": list(ends),
        "clear": clear,
    }  # fmt: skip


@pytest.fixture
def ablation() -> Ablation:
    protocol = {"split": "test", "sets": [], "seeds": [1, 2], "modalities": ["speech", "text"]}
    rows = {
        "none": {"modality_gap": cell(0.7, [0.69, 0.71], 0.0, (0, 0), False)},
        "token": {"modality_gap": cell(0.5, [0.49, 0.51], -0.2, (-0.25, -0.15), True)},
        "sharp": {"modality_gap": cell(0.72, [0.7, 0.74], 0.02, (-0.01, 0.05), False)},
        "instance": {"modality_gap": cell(0.51, [0.5, 0.52], -0.19, (-0.2, -0.1), True)},
    }
    return Ablation.of({"title": "", "protocol": protocol, "rows": rows})


def clip(name: str = "Clip 1", **emotions: str | None) -> VisitorClip:
    """Its halves are at right angles without alignment, and the same direction with it."""
    predictions = {}
    for strategy, emotion in emotions.items():
        text = [0, 1] if strategy == "none" else [1, 0]
        halves = {"speech": np.array([1, 0], np.float32), "text": np.array(text, np.float32)}
        by_modality: dict[str, Any] = {"speech": None, "text": None, "both": None}
        predictions[strategy] = Prediction(emotion, {}, by_modality, embeddings_after=halves)
    return VisitorClip(recorded("c"), name, "mgcma", predictions)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("none", "token", "0.700 → 0.500 (−0.200, 95% interval −0.250 to −0.150)."),
        ("token", "none", "0.500 → 0.700 (+0.200, 95% interval +0.150 to +0.250)."),
        ("none", "sharp", "interval −0.010 to +0.050, so it could be chance)."),
        ("token", "sharp", "0.500 → 0.720 (+0.220, all training runs agree)."),
        ("token", "instance", "(+0.010, training runs overlap, so it could be chance)."),
    ],
)
def test_figures_come_with_what_is_known_of_their_difference(
    ablation: Ablation, left: str, right: str, expected: str
) -> None:
    sentence = figures_sentence(ablation, left, right)
    assert expected in sentence
    assert ("not compared with an interval" in sentence) == ("none" not in (left, right))


def test_what_was_not_measured_is_left_out(ablation: Ablation) -> None:
    assert figures_sentence(ablation, "none", "new") == ""
    assert "accuracy" not in figures_sentence(ablation, "none", "token")


def test_a_clip_has_its_distances_and_categories() -> None:
    assert clip_sentence(clip(none="sad", token="happy"), "none", "token") == (
        "Clip 1: its halves are closer together on the right (1.00 → 0.00); the left assigns sad, "
        "the right happy."
    )
    assert "further apart on the right (0.00 → 1.00)" in clip_sentence(
        clip(none="sad", token="sad"), "token", "none"
    )
    both = clip_sentence(clip(token="sad", sharp="sad"), "token", "sharp")
    assert both == "Clip 1: its halves are 0.00 apart on both sides; both assign sad."
    assert "the left assigns no category" in clip_sentence(
        clip(none=None, token="sad"), "none", "token"
    )


def test_both_sides_may_show_the_same_strategy(ablation: Ablation) -> None:
    assert comparison(ablation, "token", "token", [clip(token="sad")]).count("<p>") == 1
    same = f"<p>Both sides show the same strategy: {strategy_name('token')}.</p>"
    assert same in comparison(ablation, "token", "token", [clip(token="sad")])


def test_strategies_are_named_in_the_terms_of_the_page(ablation: Ablation) -> None:
    sentence = figures_sentence(ablation, "none", "token")
    assert sentence.startswith(f"From {strategy_name('none')} to {strategy_name('token')}, on the ")


def test_names_are_escaped_and_the_latest_clips_come_first(ablation: Ablation) -> None:
    clips = [clip(f"{NASTY} {n}", none="sad", token="sad") for n in range(5)]
    page = Page(comparison(ablation, "none", "token", clips))
    assert not [tag for tag, _ in page.tags if tag == "script"]
    assert page.text.index(f"{NASTY} 4") < page.text.index(f"{NASTY} 2")
    assert f"{NASTY} 1" not in page.text
