"""Every metric has its place and its meaning."""

from __future__ import annotations

from mer_core.demo.panels.metric_words import GROUPS, HEADLINE, INSTEAD, MEANINGS, RECOGNITION
from mer_core.metrics.report import METRICS, Need


def test_every_metric_has_a_meaning_and_every_figure_a_place() -> None:
    shown = {*HEADLINE, *(name for figures in GROUPS.values() for name in figures)}
    greyed = {name for name, metric in METRICS.items() if Need.PAIRS in metric.needs}
    assert {*METRICS, *RECOGNITION} == {n for n in shown if "before/" not in n} | greyed
    assert set(MEANINGS) == {*METRICS, *RECOGNITION}
    assert set(INSTEAD) < greyed
    assert set(INSTEAD.values()) < shown
