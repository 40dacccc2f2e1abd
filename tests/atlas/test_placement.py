"""Placing a point: by slow loops, alone as in a batch, and without umap."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mer_core.atlas.distances import METRICS
from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.placement import Placer, memberships, place_on_all
from mer_core.atlas.reference import Reference
from tests.atlas.conftest import make_map, make_reference

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def visitors() -> np.ndarray:
    return make_reference(each=5, seed=1).joint


def slow_push(place: list[float], points: np.ndarray, a: float, b: float) -> list[float]:
    total = [0.0, 0.0]
    for point in points:
        apart = [place[0] - point[0], place[1] - point[1]]
        square = apart[0] ** 2 + apart[1] ** 2
        strength = 2 * b / ((0.001 + square) * (1 + a * square**b))
        for axis in (0, 1):
            total[axis] += min(4.0, max(-4.0, strength * apart[axis]))
    return [value / len(points) for value in total]


def balance(reference: Reference, on: AtlasMap, vector: np.ndarray, placed: np.ndarray) -> float:
    """How far from zero pull and push are at `placed`, as a share of the pull's own size."""
    a, b = on.curve
    points = on.points.astype(float) / on.scale
    place = [float(value) for value in placed / on.scale]
    away = []
    for row in reference.joint.astype(float):
        norm = math.sqrt(row @ row) * math.sqrt(vector @ vector)
        away.append(max(0.0, 1 - float(row @ vector) / norm))
    nearest = sorted(range(len(away)), key=lambda i: away[i])[: on.params.n_neighbors]
    belonging = memberships(np.array([away[i] for i in nearest]))
    force, size = [0.0, 0.0], 0.0
    push = slow_push(place, points, a, b)
    for i, weight in zip(nearest, belonging / belonging.max(), strict=True):
        square = max((place[0] - points[i][0]) ** 2 + (place[1] - points[i][1]) ** 2, 1e-6)
        pull = 2 * a * b * square ** (b - 1) / (1 + a * square**b) * weight
        size += pull
        for axis in (0, 1):
            force[axis] += pull * (points[i][axis] - place[axis]) + 5 * weight * push[axis]
    return math.hypot(*force) / size


def test_pull_and_push_cancel_out_by_loops(
    reference: Reference, projected: AtlasMap, visitors: np.ndarray
) -> None:
    placed = Placer(reference, projected).place(visitors)
    left = [
        balance(reference, projected, v.astype(float), p)
        for v, p in zip(visitors, placed, strict=True)
    ]
    assert np.median(left) < 2e-3  # of UMAP's unit; the map is some 40 of them wide
    assert max(left) < 0.05


@pytest.mark.parametrize("metric", METRICS)
def test_alone_as_in_any_batch_to_the_bit(
    reference: Reference, projected: AtlasMap, visitors: np.ndarray, metric: str
) -> None:
    params = MapParams(n_neighbors=5, metric=metric)
    placer = Placer(reference, dataclasses.replace(projected, params=params))
    together = placer.place(visitors)
    alone = np.concatenate([placer.place(visitors[i : i + 1]) for i in range(len(visitors))])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(placer.place(visitors[::-1])[::-1], together)
    np.testing.assert_array_equal(placer.place(visitors[1:8]), together[1:8])
    np.testing.assert_array_equal(Placer(reference, placer_map(placer, projected)).place(visitors),
                                  together)  # fmt: skip


def placer_map(placer: Placer, projected: AtlasMap) -> AtlasMap:
    return dataclasses.replace(projected, params=placer.params)


def test_a_vector_of_the_reference_lands_on_its_point(
    reference: Reference, projected: AtlasMap
) -> None:
    placed = Placer(reference, projected).place(reference.joint)
    np.testing.assert_allclose(placed, projected.points, atol=1e-6)


def test_places_are_near_their_neighbours(
    reference: Reference, projected: AtlasMap, visitors: np.ndarray
) -> None:
    placed = Placer(reference, projected).place(visitors)
    low, high = projected.points.min(axis=0), projected.points.max(axis=0)
    assert ((placed > low - 0.1) & (placed < high + 0.1)).all()


def test_the_frame_only_moves_places(reference: Reference, visitors: np.ndarray) -> None:
    """The same map at another size: places are resized with it."""
    small, large = make_map(reference, scale=0.1), make_map(reference, scale=10.0)
    np.testing.assert_allclose(
        Placer(reference, large).place(visitors),
        100 * Placer(reference, small).place(visitors),
        rtol=1e-3, atol=1e-2,
    )  # fmt: skip


def test_memberships_add_up_as_umap_has_it() -> None:
    away = np.sort(np.random.default_rng(0).random(15))
    weights = memberships(away)
    assert weights[1:].sum() == pytest.approx(np.log2(15), abs=1e-4)
    assert (np.diff(weights) <= 0).all()
    assert np.isfinite(memberships(np.full(15, 0.3))).all()
    assert np.isfinite(memberships(np.array([1e-5, *[1.0] * 14]))).all()


def test_what_has_no_place(reference: Reference, projected: AtlasMap) -> None:
    placer = Placer(reference, projected)
    with pytest.raises(ValueError, match=r"are \(M, 8\)"):
        placer.place(np.zeros((2, 9), np.float32))
    with pytest.raises(ValueError, match="not finite"):
        placer.place(np.full((1, 8), np.nan, np.float32))
    with pytest.raises(ValueError, match="not one of"):
        Placer(make_reference(each=4), projected)
    assert placer.place(np.zeros((0, 8), np.float32)).shape == (0, 2)
    assert np.isfinite(placer.place(np.zeros((1, 8), np.float32))).all()


def test_every_strategy_gets_its_own_embedding(visitors: np.ndarray) -> None:
    references = {name: make_reference(gap=gap) for name, gap in (("none", 2.0), ("all", 0.0))}
    placers = {name: Placer(r, make_map(r)) for name, r in references.items()}
    placed = place_on_all(placers, {"none": visitors, "all": visitors[:3]})
    assert {name: points.shape for name, points in placed.items()} == {
        "none": (40, 2), "all": (3, 2),
    }  # fmt: skip


def test_placing_and_loading_import_neither_umap_nor_numba_nor_matplotlib() -> None:
    code = (
        "import sys, mer_core.atlas.placement, mer_core.atlas.collection, "
        "mer_core.atlas.fitting.refit, mer_core.atlas.export.figures, mer_core.atlas.export.table; "
        "print(*(m for m in ('umap', 'numba', 'matplotlib', 'torch', 'sklearn', 'pandas') "
        "if m in sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert not ran.stdout.split()
