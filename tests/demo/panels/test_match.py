"""The meter of a pair's match."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mer_core.demo.panels.match import (
    AGREE_FROM,
    DISAGREE_TO,
    Relation,
    contrast_note,
    match_meter,
    relation,
)
from mer_core.types import Prediction
from tests.demo.conftest import chances
from tests.demo.markup_page import Page

CONTRAST = contrast_note("voice and face")
TITLES = {
    Relation.AGREE: "Voice and face agree",
    Relation.DISAGREE: "Voice and face disagree",
    Relation.UNCLEAR: "Unclear whether voice and face agree",
}


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (0.0, Relation.DISAGREE), (DISAGREE_TO, Relation.DISAGREE),
        (DISAGREE_TO + 0.01, Relation.UNCLEAR), (0.5, Relation.UNCLEAR),
        (AGREE_FROM - 0.01, Relation.UNCLEAR), (AGREE_FROM, Relation.AGREE), (1.0, Relation.AGREE),
    ],
)  # fmt: skip
def test_the_meter_says_the_match_in_words(
    watched: Prediction, match: float, expected: Relation
) -> None:
    assert relation(match) == expected
    page = Page(match_meter(replace(watched, match=match)))
    assert TITLES[expected] in page.text
    (meter,) = page.having(role="meter")
    assert (meter["aria-valuemin"], meter["aria-valuemax"]) == ("0", "100")
    assert meter["aria-valuenow"] == str(round(100 * match))
    assert str(meter["aria-valuetext"]).endswith(TITLES[expected])
    assert meter["aria-label"]
    assert len(page.having(class_="at-here")) == 1  # marked by more than colour
    for name in ("disagree", "unclear", "agree"):
        assert name in page.text


@pytest.mark.parametrize("match", [None, float("nan")])
def test_without_a_match_there_is_no_meter(watched: Prediction, match: float | None) -> None:
    assert match_meter(replace(watched, match=match)) == ""


def test_a_match_against_the_categories_is_explained(watched: Prediction) -> None:
    assert CONTRAST not in match_meter(watched)
    assert CONTRAST in match_meter(replace(watched, match=0.1))
    assert CONTRAST not in match_meter(replace(watched, match=0.5))
    angry = {**watched.by_modality, "audio": chances("angry", 0.6)}
    assert CONTRAST in match_meter(replace(watched, by_modality=angry))
    assert CONTRAST not in match_meter(replace(watched, by_modality=angry, match=0.1))
