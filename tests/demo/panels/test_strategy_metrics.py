"""The table of one strategy against no alignment."""

from __future__ import annotations

import re
from dataclasses import replace

from mer_core.atlas.analysis.ablation import Ablation
from mer_core.atlas.analysis.mixing import Mixing
from mer_core.demo.panels.metric_words import HEADLINE, MAP_MIXING
from mer_core.demo.panels.strategy_metrics import metrics_table
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import NASTY, REASON, cell, rows_of


def test_headline_metrics_come_first_and_the_rest_unfolds(ablation: Ablation) -> None:
    markup = metrics_table(ablation, "on")
    page = Page(markup)
    headline = [name for name in HEADLINE if name != MAP_MIXING]  # these maps were not measured
    assert rows_of(page)[: len(headline)] == headline
    folded = markup.index("<details")
    assert all(markup.index(f'data-figure="{name}"') < folded for name in headline)
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


def row_of(markup: str, name: str) -> Page:
    return Page(markup.split(f'data-figure="{name}"')[1].split("</tr>")[0])


def test_null_lines_are_shown_where_they_were_measured(ablation: Ablation) -> None:
    markup = metrics_table(ablation, "on")
    assert "by chance" not in Page(markup).text
    gap = replace(ablation.rows["on"]["modality_gap"], null=0.04)
    rows = {**ablation.rows, "on": {**ablation.rows["on"], "modality_gap": gap}}
    markup = metrics_table(replace(ablation, rows=rows), "on")
    assert "by chance 0.040" in row_of(markup, "modality_gap").text
    assert markup.count("by chance") == 1


def test_every_metric_asks_its_question(ablation: Ablation) -> None:
    row = row_of(metrics_table(ablation, "on"), "precision_at_5_xy")
    assert "How many of the five nearest items of words have the emotion of an item of voice?" in (
        row.text
    )
    assert row.having(class_="at-tip", tabindex="0")


def test_what_a_table_lacks_is_left_out(ablation: Ablation) -> None:
    """Tables that were measured with fewer metrics stay readable."""
    lacking = ("mixing", "effective_rank_x", "uniformity_x", "uniformity_y", "effective_rank_y",
               "mutual_neighbours")  # fmt: skip
    rows = {
        name: {figure: cell for figure, cell in row.items() if figure not in lacking}
        for name, row in ablation.rows.items()
    }
    page = Page(metrics_table(replace(ablation, rows=rows), "on"))
    assert not set(rows_of(page)) & set(lacking)
    assert "How widely are they spread" not in page.text  # a group of which nothing is left
    assert "mutual neighbours" not in page.text
    assert "modality_gap" in rows_of(page)


def test_the_mixing_of_maps_is_a_row_of_its_own(ablation: Ablation) -> None:
    mixing = {"none": Mixing(0.0, 0.01, 0.5), "on": Mixing(0.2, 0.25, 0.5)}
    markup = metrics_table(ablation, "on", mixing)
    row = row_of(markup, MAP_MIXING)
    assert "mixing on the map" in row.text
    assert "0.010" in row.text
    assert "0.250" in row.text
    assert "+0.240" in row.text
    assert "by chance 0.500" in row.text
    assert "no interval" in row.text
    assert MAP_MIXING in rows_of(Page(metrics_table(ablation, "none", mixing)))
    assert MAP_MIXING not in rows_of(Page(metrics_table(ablation, "on", {"on": mixing["on"]})))
