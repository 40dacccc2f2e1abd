"""Figures over folds and seeds by hand, and which results are compared."""

from __future__ import annotations

import numpy as np
import pytest

from mer_core.metrics.significance import holm
from tests.train.report.made import DIALOGUES, record, study, system
from train.evaluate.held_out import Classes, View
from train.evaluate.subsets import Subset
from train.report.records import RunRecord
from train.report.summary import comparisons, studies, subset_views

BOTH = View("both", Classes.FOUR)


def recalls(records: list[RunRecord]) -> float:
    table = np.sum([one.tallies[BOTH].tables.sum(axis=0) for one in records], axis=0)
    return float(np.mean(np.diag(table) / table.sum(axis=1)))


def test_pooled_by_fold_and_over_folds() -> None:
    records = study(system())
    (found,) = studies(records)
    result = found.results[BOTH]
    by_seed = [recalls([r for r in records if r.seed == seed]) for seed in (1, 2, 3)]
    pooled = result.pooled["unweighted_accuracy"]
    assert pooled.mean == pytest.approx(np.mean(by_seed))
    assert pooled.std == pytest.approx(np.std(by_seed, ddof=1))
    assert pooled.interval is not None
    assert pooled.interval[0] < pooled.mean < pooled.interval[1]
    single = [
        [recalls([r]) for r in records if r.fold == fold] for fold in (1, 2, 3)
    ]  # fold × seed
    folds = result.folds["unweighted_accuracy"]
    assert [fold.mean for fold in folds] == pytest.approx([np.mean(row) for row in single])
    assert [fold.std for fold in folds] == pytest.approx([np.std(row, ddof=1) for row in single])
    over = result.over_folds["unweighted_accuracy"]
    means = [np.mean(row) for row in single]
    assert (over.mean, over.std) == pytest.approx((np.mean(means), np.std(means, ddof=1)))
    assert (result.n, result.units) == (3 * DIALOGUES * 12, 3 * DIALOGUES)


def test_seeds_without_all_folds_do_not_count() -> None:
    records = [*study(system(), seeds=(1, 2)), record(system(), 3, 1)]
    (found,) = studies(records)
    assert (found.seeds, found.incomplete) == ((1, 2), (3,))
    (whole,) = studies(study(system(), seeds=(1, 2)))
    assert found.results[BOTH].pooled == whole.results[BOTH].pooled
    (nothing,) = studies([record(system(), 3, 1)])
    assert (nothing.seeds, nothing.results, nothing.best_test_epoch) == ((), {}, None)
    assert comparisons([whole]) != []


def test_one_seed_has_no_spread_over_seeds() -> None:
    (found,) = studies(study(system(), seeds=(1,)))
    pooled = found.results[BOTH].pooled
    assert pooled["weighted_accuracy"].std is None
    assert pooled["weighted_accuracy"].interval is not None
    assert pooled["ece"].interval is None


def test_the_literatures_figure_needs_every_run() -> None:
    (found,) = studies(study(system(), peeked=True))
    assert found.best_test_epoch is not None
    assert found.best_test_epoch.n == found.results[BOTH].n
    mixed = [*study(system(), seeds=(1,), peeked=True), *study(system(), seeds=(2,))]
    assert studies(mixed)[0].best_test_epoch is None


def test_a_framework_is_compared_with_its_branches_and_with_others() -> None:
    good, poor = system("good"), system("poor")
    tested = comparisons(studies([*study(good, 0.9), *study(poor, 0.4)]))
    pairs = [
        (one.first.study.title, one.first.view.condition,
         one.second.study.title, one.second.view.condition)
        for one in tested if one.figure == "weighted_accuracy"
    ]  # fmt: skip
    assert pairs == [
        ("good", "both", "poor", "both"),
        ("good", "both", "good", "speech"), ("good", "both", "good", "text"),
        ("poor", "both", "poor", "speech"), ("poor", "both", "poor", "text"),
    ]  # fmt: skip
    for name in ("weighted_accuracy", "unweighted_accuracy"):
        own = [one for one in tested if one.figure == name]
        assert [one.adjusted for one in own] == holm([one.difference.p for one in own])
    first = next(one for one in tested if one.figure == "weighted_accuracy")
    sides = first.first.result.pooled, first.second.result.pooled
    gap = sides[0]["weighted_accuracy"].mean - sides[1]["weighted_accuracy"].mean
    assert first.difference.value == pytest.approx(gap)
    assert first.difference.low > 0.2
    assert first.adjusted < 0.01


def test_results_on_other_items_are_not_compared() -> None:
    three, two = system("three"), system("two", folds=2)
    tested = comparisons(studies([*study(three), *study(two)]))
    assert all(one.first.study is one.second.study for one in tested)


def test_subsets_and_titles() -> None:
    (found,) = studies(study(system()))
    assert [view.subset for view in subset_views(found)] == [Subset.EVERYTHING, Subset.IMPROVISED]
    again = system()
    changed = type(again)(again.experiment, again.corpus, again.protocol, "other", again.data)
    titles = [one.title for one in studies([*study(again), *study(changed)])]
    assert len(set(titles)) == 2
    assert all(title.startswith("mgcma_iemocap (") for title in titles)
