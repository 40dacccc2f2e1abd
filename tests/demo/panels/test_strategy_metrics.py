"""The table of one strategy against no alignment."""

from __future__ import annotations

import re
from dataclasses import replace

from mer_core.atlas.analysis.ablation import Ablation
from mer_core.demo.panels.metric_words import HEADLINE
from mer_core.demo.panels.strategy_metrics import metrics_table
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import NASTY, REASON, cell, rows_of


def test_headline_metrics_come_first_and_the_rest_unfolds(ablation: Ablation) -> None:
    markup = metrics_table(ablation, "on")
    page = Page(markup)
    assert rows_of(page)[: len(HEADLINE)] == list(HEADLINE)
    folded = markup.index("<details")
    assert all(markup.index(f'data-figure="{name}"') < folded for name in HEADLINE)
    assert markup.index('data-figure="macro_f1"') > folded
    assert "P@5 voice→words" in page.text
    assert "python -m train ablate" in page.text
    assert "seeds 1, 2, 3" in page.text
    assert "<script" not in markup


def test_what_needs_natural_pairs_is_greyed_out_with_its_reason(ablation: Ablation) -> None:
    page = Page(metrics_table(ablation, "on"))
    assert f"Not computed: {REASON}." in page.text
    assert "R@1 → P@1, same emotion" in page.text
    assert "recall_at_1" not in rows_of(page)


def test_natural_pairs_are_shown_where_they_were_measured(ablation: Ablation) -> None:
    rows = {n: {**row, "mrr": cell(0.4, 0.0, 0.0)} for n, row in ablation.rows.items()}
    assert "mrr" in rows_of(Page(metrics_table(replace(ablation, rows=rows), "on")))


def test_differences_are_marked_in_words(ablation: Ablation) -> None:
    markup = metrics_table(ablation, "on")
    tones = {
        name: re.search(r"at-mark at-(\w+)", markup.split(f'data-figure="{name}"')[1])
        for name in ("modality_gap", "ece", "unweighted_accuracy", "uniformity_joint")
    }
    assert [tone and tone[1] for tone in tones.values()] == [
        "better", "worse", "unclear", "changed",
    ]  # fmt: skip


def test_collapse_is_warned_of_above_the_table(ablation: Ablation) -> None:
    figures = {name: cell(-0.1, 1.2) for name in ("uniformity_joint", "uniformity_x")}
    rows = {**ablation.rows, "on": {**ablation.rows["on"], **figures}}
    markup = metrics_table(replace(ablation, rows=rows), "on")
    assert markup.index("The clouds of embeddings shrank") < markup.index("<table")
    assert "at-severe" in markup
    assert "at-severe" not in metrics_table(ablation, "on")


def test_none_shows_values_alone_and_the_unmeasured_a_sentence(ablation: Ablation) -> None:
    assert "at-interval" not in metrics_table(ablation, "none")
    missing = Page(metrics_table(ablation, NASTY))
    assert "was not measured" in missing.text
    assert not missing.having(class_="at-figures")
