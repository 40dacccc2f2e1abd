"""Ties and collapses against every order of tied items; input without a result."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise, permutations

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray

from mer_core.alignment.gaussians import Gaussians
from mer_core.metrics.alignment import (
    alignment,
    foscttm,
    mean_reciprocal_rank,
    precision_at,
    ranks,
    recall_at,
    w2_ratio,
)
from mer_core.metrics.clouds import normalised
from mer_core.metrics.gap import modality_probe_accuracy, squared_mmd
from mer_core.metrics.report import alignment_report, pairs_report
from mer_core.metrics.structure import linear_cka, silhouette, uniformity

Cloud = NDArray[np.float64]

POINTS = 6  # 720 orders of each row
LABELS = np.arange(POINTS) % 2


def crossing(seed: int) -> tuple[Cloud, Cloud]:
    """Rows drawn from the ends of three axes: with integers, every tie is exact."""
    ends = np.concatenate([np.eye(3), -np.eye(3)])
    random = np.random.default_rng(seed)
    return ends[random.integers(0, 6, POINTS)], ends[random.integers(0, 6, POINTS)]


def orders(own: Cloud, others: Cloud) -> list[tuple[int, ...]]:
    """Every order of `others` by distance; tied ones in any order."""
    away = [sum((a - b) ** 2 for a, b in zip(own, other, strict=True)) for other in others]
    return [
        order
        for order in permutations(range(len(others)))
        if all(away[i] <= away[j] for i, j in pairwise(order))
    ]


def expected(x: Cloud, y: Cloud, value: Callable[[int, tuple[int, ...]], float]) -> float:
    """Mean over rows of the mean over their orders."""
    every = [[value(i, order) for order in orders(x[i], y)] for i in range(len(x))]
    return sum(sum(values) / len(values) for values in every) / len(every)


@pytest.mark.parametrize("seed", range(6))
def test_ties_give_the_mean_over_all_orders(seed: int) -> None:
    x, y = crossing(seed)
    assert max(len(orders(row, y)) for row in x) >= 4  # there are ties
    for k in (1, 2, 5):
        share = expected(x, y, lambda i, order, k=k: float(order.index(i) < k))  # type: ignore[misc]
        assert recall_at(x, y, k) == pytest.approx(share)
        hits = expected(
            x, y, lambda i, order, k=k: np.mean([LABELS[j] == LABELS[i] for j in order[:k]])
        )  # type: ignore[misc]
        assert precision_at(x, y, LABELS, LABELS, k) == pytest.approx(hits)
    inverse = expected(x, y, lambda i, order: 1 / (order.index(i) + 1))
    assert mean_reciprocal_rank(x, y) == pytest.approx(inverse)
    assert ranks(x, y).mean() == pytest.approx(expected(x, y, lambda i, o: o.index(i) + 1))
    closer = [expected(*both, lambda i, o: o.index(i) / (POINTS - 1)) for both in ((x, y), (y, x))]
    assert foscttm(x, y) == pytest.approx(sum(closer) / 2)


def test_two_equal_rows_share_their_ranks() -> None:
    rows = np.eye(4)[[0, 0, 2, 3]]
    assert recall_at(rows, rows, 1) == pytest.approx(0.75)
    assert mean_reciprocal_rank(rows, rows) == pytest.approx((0.75 + 0.75 + 1 + 1) / 4)
    assert ranks(rows, rows).tolist() == [1.5, 1.5, 1.0, 1.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [3, 40])
def test_a_collapse_in_any_direction_is_chance(count: int, dtype: DTypeLike) -> None:
    """Both modalities on one point, and each on its own."""
    chance = {
        "recall_at_1": 1 / count,
        "recall_at_5": min(1.0, 5 / count),
        "mrr": sum(1 / rank for rank in range(1, count + 1)) / count,
        "foscttm": 0.5,
        "linear_cka": 0.0,
    }
    random = np.random.default_rng(1)
    for _ in range(100):
        one, other = (
            np.tile(row, (count, 1)).astype(dtype) for row in random.normal(size=(2, 1, 16))
        )
        for x, y in ((one, one), (one, other)):
            as_stored = pairs_report(
                *(z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
            )
            for result in (pairs_report(normalised(x), normalised(y)), as_stored):
                assert {name: result[name] for name in chance} == pytest.approx(chance, abs=1e-12)


def test_one_collapsed_cloud_has_no_geometry_in_common_with_another() -> None:
    random = np.random.default_rng(2)
    spread = normalised(random.normal(size=(30, 8)))
    point = normalised(np.tile(random.normal(size=(1, 8)), (30, 1)))
    assert linear_cka(spread, point) == 0.0
    assert linear_cka(point, spread) == 0.0
    tight = normalised(point + 1e-4 * spread)  # close together, with the geometry of the others
    assert linear_cka(1e-3 * spread, spread) == pytest.approx(1.0)
    assert linear_cka(tight, tight) == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e5])
def test_w2_ratio_does_not_depend_on_the_unit(scale: float) -> None:
    random = np.random.default_rng(3)
    x, y = ((random.normal(size=(9, 3)), random.random((9, 3))) for _ in range(2))
    related = np.eye(9, dtype=bool)
    smaller = [Gaussians(mean * scale, std * scale) for mean, std in (x, y)]
    whole = w2_ratio(Gaussians(*x), Gaussians(*y), related)
    assert whole != pytest.approx(1.0, abs=0.01)
    assert w2_ratio(*smaller, related) == pytest.approx(whole)


def report(**changes: object) -> dict[str, float | None]:
    x, y = np.random.default_rng(0).normal(size=(2, 24, 6))
    labels = np.arange(24) % 3
    given = {"x": x, "y": y, "labels_x": labels, "labels_y": labels, "natural": True, **changes}
    return alignment_report(**given)  # type: ignore[arg-type]


def with_one(value: float) -> Cloud:
    rows = np.random.default_rng(0).normal(size=(24, 6))
    rows[7, 2] = value
    return rows


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused_by_name(value: float) -> None:
    with pytest.raises(ValueError, match=r"^x: 1 of 24 rows .* not finite"):
        report(x=with_one(value))
    with pytest.raises(ValueError, match=r"^y: 1 of 24 rows .* not finite"):
        report(y=with_one(value))
    whole, broken = np.ones((24, 6)), with_one(value)
    with pytest.raises(ValueError, match=r"^standard deviations: 1 of 24 rows"):
        report(gaussians=(Gaussians(whole, whole), Gaussians(whole, broken)))
    with pytest.raises(ValueError, match=r"^means: 1 of 24 rows"):
        report(gaussians=(Gaussians(broken, whole), Gaussians(whole, whole)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"x": np.ones(6)}, r"^x: the shape must be \(N, D\), but is \(6,\)"),
        ({"y": np.ones((24, 6, 1))}, r"^y: the shape must be \(N, D\)"),
        ({"x": np.ones((24, 0))}, r"^x: the shape must be \(N, D\)"),
        ({"labels_x": np.zeros((24, 1))}, "one label"),
        ({"gaussians": [(24, 3), (24, 3), (23, 3), (23, 3)]}, r"\(24, 23\) Gaussians"),
        ({"gaussians": [(24, 3), (24, 2), (24, 3), (24, 3)]}, r"Means are \(24, 3\), but"),
        ({"gaussians": [(24, 3), (24, 3), (24, 4), (24, 4)]}, "widths are 6 and 8"),
        ({"gaussians": [(24,), (24,), (24, 4), (24, 4)]}, r"^means: the shape must be \(N, D\)"),
    ],
)
def test_invalid_shapes_are_refused(changes: dict[str, object], expected: str) -> None:
    if "gaussians" in changes:
        parts = [np.ones(shape) for shape in changes["gaussians"]]  # type: ignore[attr-defined]
        changes = {"gaussians": (Gaussians(*parts[:2]), Gaussians(*parts[2:]))}
    with pytest.raises(ValueError, match=expected):
        report(**changes)


def test_too_little_input_is_refused() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 7, 3))
    for paired in (ranks, alignment, linear_cka, foscttm, mean_reciprocal_rank):
        with pytest.raises(ValueError, match="there are 5 and 7 rows"):
            paired(x[:5], y)
    with pytest.raises(ValueError, match="widths are 2 and 3"):
        ranks(x[:, :2], y)
    with pytest.raises(ValueError, match="Two rows or more"):
        uniformity(x[:1])
    for of_clouds in (squared_mmd, modality_probe_accuracy):
        with pytest.raises(ValueError, match=r"Two rows or more .* \[7, 1\]"):
            of_clouds(x, y[:1])
    with pytest.raises(ValueError, match="two classes"):
        silhouette(x, np.zeros(7))
    gaussians = Gaussians(x, np.abs(x)), Gaussians(y, np.abs(y))
    for related in (np.ones((7, 7), dtype=bool), np.zeros((7, 7), dtype=bool)):
        with pytest.raises(ValueError, match="some not"):
            w2_ratio(*gaussians, related)
    with pytest.raises(ValueError, match=r"\(7, 7\) pairs, but `related` is \(5, 7\)"):
        w2_ratio(*gaussians, np.eye(7, dtype=bool)[:5])
