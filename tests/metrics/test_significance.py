"""Bootstraps against cases with a closed form, Holm's correction against a worked example."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import norm

from mer_core.metrics.recognition import group_tables, unweighted_accuracies, weighted_accuracies
from mer_core.metrics.significance import (
    Tables,
    holm,
    interval,
    mean_figure,
    paired_difference,
    resampled,
    same_items,
)


def tables_of(*correct: list[int], size: int = 1) -> Tables:
    """(S, G, 2, 3): of each seed and unit, how many of `size` items of class 0 are right."""
    return np.array([[[[right, size - right, 0], [0, 0, 0]] for right in seed] for seed in correct])


def test_the_spread_of_replicates_is_the_standard_error_of_a_share() -> None:
    """Units of one item each: the bootstrap's variance of a mean is p (1 - p) / n."""
    right = [1] * 140 + [0] * 60
    replicates = resampled(tables_of(right), weighted_accuracies, 4_000, seed=1)
    error = math.sqrt(0.7 * 0.3 / 200)
    assert replicates.mean() == pytest.approx(0.7, abs=4 * error / math.sqrt(4_000))
    assert replicates.std() == pytest.approx(error, rel=0.05)
    low, high = interval(tables_of(right), weighted_accuracies, 4_000, seed=1)
    assert (low, high) == pytest.approx((0.7 - 1.96 * error, 0.7 + 1.96 * error), abs=0.006)


def test_all_resamples_of_a_few_units() -> None:
    """Replicates follow the distribution that listing all 3³ draws gives."""
    tables = tables_of([4, 1, 0], size=4)
    exact = [sum(drawn) / 12 for drawn in itertools.product([4, 1, 0], repeat=3)]
    replicates = resampled(tables, weighted_accuracies, 30_000, seed=0)
    for value in sorted(set(exact)):
        share = np.isclose(replicates, value).mean()
        assert share == pytest.approx(exact.count(value) / 27, abs=0.012)


def test_whole_units_are_drawn() -> None:
    """Items that agree within their unit count as one: the error is that of the units."""
    alike = tables_of([10, 0] * 20, size=10)
    replicates = resampled(alike, weighted_accuracies, 4_000, seed=0)
    assert replicates.std() == pytest.approx(math.sqrt(0.25 / 40), rel=0.05)


def test_a_figure_is_the_mean_over_seeds_of_pooled_figures() -> None:
    random = np.random.default_rng(0)
    labels, units = random.integers(0, 3, 60), random.integers(0, 6, 60)
    seeds = [random.integers(0, 4, 60) for _ in range(3)]
    tables = np.stack([group_tables(labels, predicted, units, 3) for predicted in seeds])
    by_hand = []
    for predicted in seeds:
        recalls = [(predicted[labels == c] == c).mean() for c in range(3)]
        by_hand.append(np.mean(recalls))
    assert mean_figure(tables, unweighted_accuracies) == pytest.approx(np.mean(by_hand))


def test_p_is_that_of_the_normal_distribution_where_it_holds() -> None:
    """One item a unit: of 400 differences, 60 are +1 and 40 are -1."""
    first = [1] * 60 + [0] * 40 + [1] * 300
    second = [0] * 60 + [1] * 40 + [1] * 300
    found = paired_difference(tables_of(first), tables_of(second), weighted_accuracies, 4_000, 3)
    mean = 20 / 400
    error = math.sqrt((100 / 400 - mean**2) / 400)
    assert found.value == pytest.approx(mean)
    assert (found.low, found.high) == pytest.approx(
        (mean - 1.96 * error, mean + 1.96 * error), abs=0.004
    )
    assert found.p == pytest.approx(2 * norm.sf(mean / error), abs=0.02)
    reverse = paired_difference(tables_of(second), tables_of(first), weighted_accuracies, 4_000, 3)
    assert (reverse.value, reverse.p) == (pytest.approx(-found.value), found.p)


def test_equal_results_do_not_differ_and_p_is_never_zero() -> None:
    right = tables_of([1, 0, 1, 1, 0] * 8)
    same = paired_difference(right, right, weighted_accuracies, 500, 0)
    assert same == type(same)(0.0, 0.0, 0.0, 1.0)
    far = paired_difference(tables_of([1] * 40), tables_of([0] * 40), weighted_accuracies, 500, 0)
    assert far.p == pytest.approx(2 / 501)


def test_other_items_are_not_compared() -> None:
    three, more, fewer = tables_of([1, 0, 1]), tables_of([1, 0, 1], size=2), tables_of([1, 0])
    assert same_items(three, tables_of([0, 0, 0], [1, 1, 1]))
    for other in (more, fewer):
        assert not same_items(three, other)
        with pytest.raises(ValueError, match="same items"):
            paired_difference(three, other, weighted_accuracies, 10, 0)


def test_holm_by_hand() -> None:
    """Sorted .005 .01 .03 .04 times 4 3 2 1 is .02 .03 .06 .04; none falls below an earlier one."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_holm_rejects_as_the_step_down_procedure_does() -> None:
    """As Holm words it: go up from the smallest p, and stop at the first that is too big."""
    random = np.random.default_rng(0)
    for _ in range(50):
        p = random.random(int(random.integers(1, 9))) ** 3
        rejected = set()
        for step, i in enumerate(np.argsort(p)):
            if p[i] > 0.05 / (len(p) - step):
                break
            rejected.add(int(i))
        assert {i for i, adjusted in enumerate(holm(p.tolist())) if adjusted <= 0.05} == rejected
