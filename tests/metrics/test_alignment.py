"""Alignment metrics against slow loops, scikit-learn and closed forms."""

from __future__ import annotations

import math
import sys
import tracemalloc
from collections.abc import Callable
from itertools import combinations
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ortho_group
from sklearn.metrics import roc_auc_score, silhouette_score

from mer_core.alignment.gaussians import Gaussians
from mer_core.metrics.alignment import (
    alignment,
    foscttm,
    mean_reciprocal_rank,
    precision_at,
    ranks,
    recall_at,
    same_emotion_alignment,
    same_emotion_foscttm,
    w2_ratio,
)
from mer_core.metrics.catalogue import METRICS, NEEDS_NATURAL_PAIRS, REASONS, Need
from mer_core.metrics.clouds import normalised, same_emotion
from mer_core.metrics.gap import modality_gap, modality_probe_accuracy, squared_mmd
from mer_core.metrics.report import alignment_report
from mer_core.metrics.structure import linear_cka, silhouette, uniformity

Cloud = NDArray[np.float64]


def clouds(seed: int, n: int = 24, m: int | None = None, width: int = 6) -> tuple[Cloud, Cloud]:
    random = np.random.default_rng(seed)
    shift = random.normal(size=width)
    x = normalised(random.normal(size=(n, width)))
    return x, normalised(random.normal(size=(m or n, width)) + shift)


def some_labels(seed: int, n: int, m: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    random = np.random.default_rng(seed + 99)
    return random.permutation(np.arange(n) % 3), random.permutation(np.arange(m) % 3)


def distance(a: Cloud, b: Cloud) -> float:
    return math.sqrt(sum((float(p) - float(q)) ** 2 for p, q in zip(a, b, strict=True)))


@pytest.mark.parametrize("seed", range(4))
def test_paired_metrics_agree_with_slow_loops(seed: int) -> None:
    x, y = clouds(seed)
    own_ranks = [
        sorted(range(len(y)), key=lambda j: distance(x[i], y[j])).index(i) + 1
        for i in range(len(x))
    ]
    assert ranks(x, y).tolist() == own_ranks
    for k in (1, 3, 5):
        assert recall_at(x, y, k) == pytest.approx(sum(p <= k for p in own_ranks) / len(x))
    assert mean_reciprocal_rank(x, y) == pytest.approx(sum(1 / p for p in own_ranks) / len(x))
    assert alignment(x, y) == pytest.approx(
        sum(distance(a, b) ** 2 for a, b in zip(x, y, strict=True)) / len(x)
    )
    closer = []
    for i in range(len(x)):
        true = distance(x[i], y[i])
        closer.append(sum(distance(x[i], other) < true for other in y) / (len(x) - 1))
        closer.append(sum(distance(other, y[i]) < true for other in x) / (len(x) - 1))
    assert foscttm(x, y) == pytest.approx(sum(closer) / len(closer))


@pytest.mark.parametrize("seed", range(4))
def test_emotion_metrics_agree_with_slow_loops(seed: int) -> None:
    x, y = clouds(seed, 21, 30)
    labels_x, labels_y = some_labels(seed, 21, 30)
    for k in (1, 5):
        hits = 0
        for i in range(len(x)):
            nearest = sorted(range(len(y)), key=lambda j: distance(x[i], y[j]))[:k]
            hits += sum(labels_y[j] == labels_x[i] for j in nearest)
        assert precision_at(x, y, labels_x, labels_y, k) == pytest.approx(hits / (k * len(x)))
    same = [
        distance(a, b) ** 2
        for a, label in zip(x, labels_x, strict=True)
        for b, other in zip(y, labels_y, strict=True)
        if label == other
    ]
    assert same_emotion_alignment(x, y, labels_x, labels_y) == pytest.approx(np.mean(same))
    areas = [
        roc_auc_score(own == theirs, [-distance(z, other) for other in others])
        for mine, labels, others, theirs in (
            (x, labels_x, y, labels_y),
            (y, labels_y, x, labels_x),
        )
        for z, own in zip(mine, labels, strict=True)
    ]
    result = same_emotion_foscttm(x, y, labels_x, labels_y)
    assert result == pytest.approx(1 - np.mean(areas))


@pytest.mark.parametrize("seed", range(4))
def test_cloud_metrics_agree_with_slow_loops(seed: int) -> None:
    x, y = clouds(seed, 12, 17)
    rows = [*x, *y]
    pairs = [math.exp(-2 * distance(a, b) ** 2) for a, b in combinations(x, 2)]
    assert uniformity(x) == pytest.approx(math.log(sum(pairs) / len(pairs)))
    bandwidth = np.median([distance(a, b) ** 2 for a, b in combinations(rows, 2)])

    def kernel(a: Cloud, b: Cloud) -> float:
        return math.exp(-(distance(a, b) ** 2) / (2 * bandwidth))

    within_x = np.mean([kernel(a, b) for a, b in combinations(x, 2)])
    within_y = np.mean([kernel(a, b) for a, b in combinations(y, 2)])
    across = np.mean([kernel(a, b) for a in x for b in y])
    assert squared_mmd(x, y) == pytest.approx(within_x + within_y - 2 * across)
    centre = [sum(row[d] for row in x) / 12 - sum(row[d] for row in y) / 17 for d in range(6)]
    assert modality_gap(x, y) == pytest.approx(math.sqrt(sum(c * c for c in centre)))


@pytest.mark.parametrize("seed", range(6))
def test_silhouette_agrees_with_scikit_learn(seed: int) -> None:
    x, y = clouds(seed, 20, 15)
    rows = np.concatenate([x, y])
    random = np.random.default_rng(seed)
    labels = np.concatenate([[7], random.integers(0, 2 + seed % 3, 34)])  # 7 occurs once
    assert silhouette(rows, labels) == pytest.approx(silhouette_score(rows, labels))
    modality = np.repeat([0, 1], [20, 15])
    assert silhouette(rows, modality) == pytest.approx(silhouette_score(rows, modality))


def test_cka_agrees_with_its_definition_by_gram_matrices() -> None:
    """Kornblith et al., Eq. 3 with linear kernels, where ours is the feature form."""
    x, y = clouds(3, 15)
    y = np.concatenate([y, x[:, :2] * 0.5], axis=1)  # widths may differ
    centring = np.eye(15) - 1 / 15

    def hsic(a: Cloud, b: Cloud) -> float:
        return float(np.trace(a @ a.T @ centring @ b @ b.T @ centring))

    expected = hsic(x, y) / math.sqrt(hsic(x, x) * hsic(y, y))
    assert linear_cka(x, y) == pytest.approx(expected)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_rotations_change_nothing(seed: int) -> None:
    x, y = clouds(seed)
    turn = ortho_group.rvs(6, random_state=seed % 2**32)
    assert linear_cka(x, x @ turn * 3.0) == pytest.approx(1.0)
    assert linear_cka(x, y @ turn) == pytest.approx(linear_cka(x, y))
    for metric in (modality_gap, alignment, foscttm, squared_mmd, mean_reciprocal_rank):
        assert metric(x @ turn, y @ turn) == pytest.approx(metric(x, y), abs=1e-9)
    assert uniformity(x @ turn) == pytest.approx(uniformity(x))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_ranges_and_symmetry(seed: int) -> None:
    x, y = clouds(seed)
    labels = some_labels(seed % 1_000, 24, 24)
    report = alignment_report(x, y, *labels, natural=True)
    back = alignment_report(y, x, *labels[::-1], natural=True)
    for name in ("modality_gap", "mmd2", "foscttm", "linear_cka", "precision_at_5", "mrr"):
        assert report[name] == pytest.approx(back[name])
    result = {name: value for name, value in report.items() if value is not None}
    assert all(np.isfinite(value) for value in result.values())
    for name in ("modality_probe", "precision_at_1", "recall_at_5", "mrr", "foscttm", "linear_cka"):
        assert 0 <= result[name] <= 1
    assert 0 <= result["modality_gap"] <= 2
    assert 0 <= result["alignment"] <= 4
    assert -8 <= result["uniformity_joint"] <= 0
    assert -1 <= result["silhouette_emotion"] <= 1


def test_identical_clouds() -> None:
    x, _ = clouds(0, 40)
    labels = np.arange(40) % 4
    report = alignment_report(x, x, labels, labels, natural=True)
    for name in ("modality_gap", "alignment", "foscttm"):
        assert report[name] == pytest.approx(0.0, abs=1e-12)
    for name in ("recall_at_1", "recall_at_5", "mrr", "linear_cka", "precision_at_1"):
        assert report[name] == pytest.approx(1.0)
    assert report["modality_probe"] == pytest.approx(0.5)  # a pair is in one fold, and ties


def test_a_collapse_scores_as_chance() -> None:
    point = np.tile(np.random.default_rng(0).normal(size=(1, 5)), (40, 1))
    labels = np.sort(np.arange(40) % 4)  # in order, so that "the first ones win" would show
    report = alignment_report(point, point, labels, labels, natural=True)
    assert report["uniformity_joint"] == pytest.approx(0.0)  # what reveals it
    for name in ("modality_probe", "foscttm", "foscttm_emotion"):
        assert report[name] == pytest.approx(0.5)
    for name in ("precision_at_1", "precision_at_5"):
        assert report[name] == pytest.approx(0.25)
    assert report["recall_at_5"] == pytest.approx(5 / 40)
    assert report["mrr"] == pytest.approx(sum(1 / rank for rank in range(1, 41)) / 40)
    for name in ("linear_cka", "mmd2", "silhouette_modality", "silhouette_emotion"):
        assert report[name] == pytest.approx(0.0)


def test_closed_forms() -> None:
    north, south = np.array([[0.0, 1.0]]), np.array([[0.0, -1.0]])
    both = np.concatenate([north, south])
    assert uniformity(both) == pytest.approx(-8.0)  # antipodes: log exp(-2 · 2²)
    assert modality_gap(both, both[::-1]) == pytest.approx(0.0)
    assert modality_gap(north, south) == pytest.approx(2.0)
    assert alignment(north, south) == pytest.approx(4.0)
    assert foscttm(both, both[::-1]) == pytest.approx(1.0)  # the true match is always farthest


def test_random_clouds_are_at_chance() -> None:
    x, _ = clouds(1, 800, width=16)
    y, _ = clouds(2, 800, width=16)
    labels = np.arange(800) % 4
    report = alignment_report(x, y, labels, labels, natural=True)
    assert report["foscttm"] == pytest.approx(0.5, abs=0.03)
    assert report["foscttm_emotion"] == pytest.approx(0.5, abs=0.02)
    assert report["precision_at_5"] == pytest.approx(0.25, abs=0.03)
    assert report["recall_at_5"] == pytest.approx(5 / 800, abs=0.006)
    assert report["modality_probe"] == pytest.approx(0.5, abs=0.06)
    assert report["mmd2"] == pytest.approx(0.0, abs=2e-3)
    assert report["silhouette_modality"] == pytest.approx(0.0, abs=5e-3)


def test_mmd_is_unbiased() -> None:
    """Its mean over many draws of one distribution is 0; so some values are negative."""
    values = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        values.append(squared_mmd(*random.normal(size=(2, 20, 4))))
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 4 * np.std(values) / math.sqrt(200)


@pytest.mark.parametrize("shift", [0.0, 0.5, 4.0])
def test_probe_accuracy_of_two_separated_clouds(shift: float) -> None:
    """Two Gaussians at distance d: the best linear probe is right with Φ(d/2)."""
    random = np.random.default_rng(5)
    x = random.normal(size=(1_500, 5))
    y = random.normal(size=(1_000, 5)) + np.eye(5)[0] * shift
    expected = 0.5 * (1 + math.erf(shift / 2 / math.sqrt(2)))
    assert modality_probe_accuracy(x, y) == pytest.approx(expected, abs=0.025)
    assert modality_probe_accuracy(x, y) == modality_probe_accuracy(x, y)


def test_probe_is_held_out() -> None:
    """With more dimensions than rows, random labels can be memorised, but do not generalise."""
    random = np.random.default_rng(7)
    x, y = normalised(random.normal(size=(60, 100))), normalised(random.normal(size=(60, 100)))
    assert modality_probe_accuracy(x, y) < 0.65


def test_w2_ratio_by_hand_and_by_loop() -> None:
    x = Gaussians([[0.0], [10.0]], [[1.0], [1.0]])
    y = Gaussians([[3.0], [10.0]], [[5.0], [1.0]])
    # Paired: sqrt(3² + 4²) = 5 and 0; unpaired: 10 and sqrt(7² + 4²).
    expected = (5.0 / 2) / ((10.0 + math.sqrt(65.0)) / 2)
    assert w2_ratio(x, y, np.eye(2, dtype=bool)) == pytest.approx(expected)
    random = np.random.default_rng(0)
    mean_x, std_x, mean_y, std_y = np.abs(random.normal(size=(4, 9, 3)))
    labels = np.arange(9) % 3
    apart: dict[bool, list[float]] = {True: [], False: []}
    for i in range(9):
        for j in range(9):
            between = distance(mean_x[i], mean_y[j]) ** 2 + distance(std_x[i], std_y[j]) ** 2
            apart[bool(labels[i] == labels[j])].append(math.sqrt(between))
    result = w2_ratio(
        Gaussians(mean_x, std_x), Gaussians(mean_y, std_y), same_emotion(labels, labels)
    )
    assert result == pytest.approx(np.mean(apart[True]) / np.mean(apart[False]))


def test_metrics_of_natural_pairs_are_none_without_them() -> None:
    x, y = clouds(0, 20, 26)
    labels = some_labels(0, 20, 26)
    report = alignment_report(x, y, *labels, natural=False)
    assert list(report) == list(METRICS)
    for name, metric in METRICS.items():
        assert (report[name] is None) == bool(metric.needs), name
    assert set(REASONS) == {metric.needs for metric in METRICS.values()} - {Need.NOTHING}
    assert "drawn by label" in NEEDS_NATURAL_PAIRS
    gaussians = Gaussians(x, np.abs(x)), Gaussians(y, np.abs(y))
    more = alignment_report(x, y, *labels, natural=False, gaussians=gaussians)
    assert {n for n in METRICS if more[n] != report[n]} == {"w2_ratio_emotion"}
    pairs = tuple(Gaussians(g.mean[:20], g.std[:20]) for g in gaussians)  # type: ignore[index]
    whole = alignment_report(
        x, y[:20], labels[0], labels[0], natural=True, gaussians=(pairs[0], pairs[1])
    )
    assert None not in whole.values()


def test_rows_are_scaled_to_length_one() -> None:
    x, y = clouds(4)
    labels = some_labels(4, 24, 24)
    longer = alignment_report(x * 7, y * 0.1, *labels, natural=True)
    assert longer == pytest.approx(alignment_report(x, y, *labels, natural=True))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"y": np.ones((24, 5))}, "widths are 6 and 5"),
        ({"labels_x": np.zeros(23)}, "one label"),
        ({"y": np.ones((9, 6)), "labels_y": np.arange(9) % 3}, "as many of each"),
        ({"labels_x": np.zeros(24)}, "Two emotions"),
    ],
)
def test_incomparable_input_is_refused(change: dict[str, Cloud], expected: str) -> None:
    x, y = clouds(0)
    labels = np.arange(24) % 3
    arguments = {"x": x, "y": y, "labels_x": labels, "labels_y": labels, **change}
    with pytest.raises(ValueError, match=expected):
        alignment_report(**arguments, natural=True)


def lines_run(items: int) -> int:
    """How many lines of `mer_core` a report on `items` against `items` executes."""
    x, y = clouds(0, items, width=8)
    labels = np.arange(items) % 4
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal count
        count += event == "line"
        return trace if "mer_core" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        alignment_report(x, y, labels, labels, natural=True)
    finally:
        sys.settrace(before)
    return count


def test_no_loop_runs_over_items() -> None:
    assert lines_run(400) == lines_run(100)


def test_a_thousand_against_a_thousand_need_no_array_of_pairs_and_width() -> None:
    x, y = clouds(0, 1_000, width=128)
    labels = np.arange(1_000) % 4
    tracemalloc.start()
    alignment_report(x, y, labels, labels, natural=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 256 * 2**20  # 128 MB measured; 1,000 x 1,000 x 128 doubles would be 1 GB
