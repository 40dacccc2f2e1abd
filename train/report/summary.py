"""Records of runs → figures by fold, pooled and over seeds, their intervals, and paired tests.

A pooled figure is of all items of a corpus, each tested once: its mean and standard deviation are
over seeds, and its interval is a bootstrap over dialogues (or speakers), the figure being the mean
over seeds. Of the folds, the mean and standard deviation are over folds, each the mean over seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mer_core.metrics.recognition import macro_f1s, unweighted_accuracies, weighted_accuracies
from mer_core.metrics.significance import (
    Difference,
    Metric,
    Tables,
    holm,
    interval,
    paired_difference,
    same_items,
)
from mer_core.types import COMBINED
from train.evaluate.held_out import Classes, View, leading
from train.evaluate.subsets import Subset
from train.evaluate.tally import Tally, together
from train.report.records import RunRecord, System

INTERVAL_RESAMPLES, TEST_RESAMPLES = 1_000, 10_000
SEED = 0  # of every resampling: figures of one corpus are of the same resamples

# Figures that confusion tables give, so that units can be resampled; in the order of columns.
METRICS: dict[str, Metric] = {
    "weighted_accuracy": weighted_accuracies,
    "unweighted_accuracy": unweighted_accuracies,
    "macro_f1": macro_f1s,
}
FIGURES = (*METRICS, "ece")
TESTED = ("unweighted_accuracy", "weighted_accuracy")


@dataclass(frozen=True)
class Estimate:
    """A figure over several values.

    Attributes:
        mean: Of the values.
        std: With one degree of freedom less; None of a single value.
        interval: 95 %; None where nothing was resampled.
    """

    mean: float
    std: float | None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Result:
    """What a system comes to in one view, or what the literature would report of it.

    Attributes:
        n: Items.
        units: Dialogues or speakers that were resampled.
        refused: Share of items without an answer, mean over seeds.
        pooled: Figure → over seeds, with its interval.
        folds: Figure → for each fold, over seeds.
        over_folds: Figure → over folds.
        names: Of the G units.
        tables: (S, G, C, C + 1) pooled confusion tables, for paired tests.
    """

    n: int
    units: int
    refused: float
    pooled: dict[str, Estimate]
    folds: dict[str, list[Estimate]]
    over_folds: dict[str, Estimate]
    names: tuple[str, ...]
    tables: Tables


@dataclass(frozen=True)
class Study:
    """One system with all its complete seeds.

    Attributes:
        system: Which.
        title: Its name, with a part of its hash where several have the same.
        codes: Versions that trained its runs.
        seeds: With a run for every fold.
        incomplete: Seeds that lack folds; they count nowhere.
        results: View → result; empty without a complete seed.
        best_test_epoch: The literature's, where every run has it; never a result.
    """

    system: System
    title: str
    codes: tuple[str, ...]
    seeds: tuple[int, ...]
    incomplete: tuple[int, ...]
    results: dict[View, Result]
    best_test_epoch: Result | None

    @property
    def leading(self) -> View:
        """The view whose figures stand for the system: all modalities, its widest classes."""
        condition = leading(list(dict.fromkeys(view.condition for view in self.results)))
        classes = min((view.classes for view in self.results), key=list(Classes).index)
        return View(condition, classes)


@dataclass(frozen=True)
class Side:
    """One side of a comparison."""

    study: Study
    view: View

    @property
    def result(self) -> Result:
        """Its figures."""
        return self.study.results[self.view]


@dataclass(frozen=True)
class Comparison:
    """Two results on the same items.

    Attributes:
        first: Minus `second`.
        second: See `first`.
        figure: Which one.
        difference: With its interval and uncorrected p.
        adjusted: p after Holm's correction over all comparisons of the corpus by that figure.
    """

    first: Side
    second: Side
    figure: str
    difference: Difference
    adjusted: float


def studies(records: Sequence[RunRecord]) -> list[Study]:
    """The systems of some runs, in the order of their first one."""
    by_system: dict[System, list[RunRecord]] = {}
    for record in records:
        by_system.setdefault(record.system, []).append(record)
    titles = _titles(list(by_system))
    return [_study(system, titles[system], runs) for system, runs in by_system.items()]


def _titles(systems: Sequence[System]) -> dict[System, str]:
    names = [(system.experiment, system.corpus) for system in systems]
    return {
        system: system.experiment
        if names.count((system.experiment, system.corpus)) == 1
        else f"{system.experiment} ({system.config[:6]}/{system.data[:6]}, "
        f"{system.protocol.folds} folds)"
        for system in systems
    }


def _study(system: System, title: str, runs: Sequence[RunRecord]) -> Study:
    folds = range(1, system.protocol.folds + 1)
    by_seed: dict[int, dict[int, RunRecord]] = {}
    for run in runs:
        by_seed.setdefault(run.seed, {})[run.fold] = run
    complete = {s: [of[i] for i in folds] for s, of in by_seed.items() if set(of) == set(folds)}
    seeds = tuple(sorted(complete))
    grid = [complete[seed] for seed in seeds]  # seed × fold
    views = dict.fromkeys(view for row in grid for run in row for view in run.tallies)
    peeked = [[run.best_test_epoch.tally for run in row if run.best_test_epoch] for row in grid]
    every = bool(grid) and all(len(row) == len(folds) for row in peeked)
    return Study(
        system,
        title,
        tuple(sorted({run.code for run in runs})),
        seeds,
        tuple(sorted(set(by_seed) - set(seeds))),
        {view: result([_in_view(row, view) for row in grid]) for view in views},
        result(peeked) if every else None,
    )


def _in_view(runs: Sequence[RunRecord], view: View) -> list[Tally]:
    """Of the folds in which the view has items: a subset may be empty in some."""
    return [run.tallies[view] for run in runs if view in run.tallies]


def result(grid: Sequence[Sequence[Tally]]) -> Result:
    """Figures from counts by seed and fold."""
    pooled = [together(row) for row in grid]
    figures = [tally.figures() for tally in pooled]
    tables = np.stack([tally.tables for tally in pooled])  # (S, G, C, C + 1)
    folds = {
        name: [
            _estimate([getattr(tally.figures(), name) for tally in column])
            for column in zip(*grid, strict=True)
        ]
        for name in FIGURES
    }
    return Result(
        figures[0].n,
        len(pooled[0].units),
        float(np.mean([one.refused for one in figures])),
        {
            name: _estimate([getattr(one, name) for one in figures], _interval(tables, name))
            for name in FIGURES
        },
        folds,
        {name: _estimate([fold.mean for fold in folds[name]]) for name in FIGURES},
        pooled[0].units,
        tables,
    )


def _estimate(values: Sequence[float], spread: tuple[float, float] | None = None) -> Estimate:
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Estimate(float(np.mean(values)), std, spread)


def _interval(tables: Tables, name: str) -> tuple[float, float] | None:
    """None of the ECE, and of a single unit."""
    if name not in METRICS or tables.shape[1] < 2:
        return None
    return interval(tables, METRICS[name], INTERVAL_RESAMPLES, SEED)


def comparisons(found: Sequence[Study]) -> list[Comparison]:
    """Paired tests among the studies of one corpus, with Holm's correction by figure.

    Each two systems in their leading views and, within a system, both modalities against either
    one. Results on other items are not compared.
    """
    sides = [Side(study, study.leading) for study in found if study.results]
    pairs = [*combinations(sides, 2), *(pair for side in sides for pair in _branches(side))]
    pairs = [(a, b) for a, b in pairs if _comparable(a.result, b.result)]
    return [one for name in TESTED for one in _tests(pairs, name)]


def _branches(side: Side) -> list[tuple[Side, Side]]:
    """A framework against each of its modalities alone."""
    if side.view.condition != COMBINED:
        return []
    alone = [
        View(view.condition, side.view.classes)
        for view in side.study.results
        if view.condition != COMBINED
    ]
    return [(side, Side(side.study, view)) for view in dict.fromkeys(alone)]


def _comparable(first: Result, second: Result) -> bool:
    enough = first.units > 1  # a single unit cannot be resampled
    return enough and first.names == second.names and same_items(first.tables, second.tables)


def _tests(pairs: Sequence[tuple[Side, Side]], name: str) -> list[Comparison]:
    differences = [
        paired_difference(a.result.tables, b.result.tables, METRICS[name], TEST_RESAMPLES, SEED)
        for a, b in pairs
    ]
    adjusted = holm([difference.p for difference in differences])
    return [
        Comparison(a, b, name, difference, p)
        for (a, b), difference, p in zip(pairs, differences, adjusted, strict=True)
    ]


def by_corpus(found: Sequence[Study]) -> Mapping[str, list[Study]]:
    """Corpus → its studies, in their order."""
    groups: dict[str, list[Study]] = {}
    for study in found:
        groups.setdefault(study.system.corpus, []).append(study)
    return groups


def subset_views(study: Study) -> list[View]:
    """The leading condition in every subset; none if there are no subsets."""
    top = study.leading
    views = [View(top.condition, top.classes, subset) for subset in Subset]
    present = [view for view in views if view in study.results]
    return present if len(present) > 1 else []
