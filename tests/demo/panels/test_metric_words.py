"""Every metric has its place and its meaning."""

from __future__ import annotations

from mer_core.demo.panels.metric_words import (
    COLUMNS,
    GROUPS,
    HEADLINE,
    INSTEAD,
    MAP_MIXING,
    MEANINGS,
    NULLS,
    explanation,
)
from mer_core.metrics.catalogue import METRICS, RECOGNITION, Need, Null


def test_every_metric_has_a_meaning_and_every_figure_a_place() -> None:
    shown = {*HEADLINE, *(name for figures in GROUPS.values() for name in figures)}
    greyed = {name for name, metric in METRICS.items() if Need.PAIRS in metric.needs}
    assert {*METRICS, *RECOGNITION} == {
        n for n in shown - {MAP_MIXING} if "before/" not in n
    } | greyed
    assert set(MEANINGS) == set(COLUMNS) == {*METRICS, *RECOGNITION, MAP_MIXING}
    assert set(NULLS) == set(Null)
    assert set(INSTEAD) < greyed
    assert set(INSTEAD.values()) < shown


def test_an_explanation_asks_in_the_modalities_words() -> None:
    text = explanation("precision_at_5_xy", "voice", "words")
    assert text.startswith(
        "How many of the five nearest items of words have the emotion of an item"
    )
    assert "By chance: if items had their emotion at random." in text
    assert explanation("before/mixing", "voice", "words") == explanation("mixing", "voice", "words")
    assert "{" not in "".join(explanation(name, "voice", "words") for name in COLUMNS)
    assert explanation("something new", "voice", "words") == ""
