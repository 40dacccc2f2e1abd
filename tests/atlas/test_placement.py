"""Placing a point: against slow loops, the same in any batch, and without umap."""

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


def slow_push(point: list[float], points: np.ndarray, a: float, b: float) -> list[float]:
    total = [0.0, 0.0]
    for other in points:
        offset = [point[0] - other[0], point[1] - other[1]]
        square = offset[0] ** 2 + offset[1] ** 2
        strength = 2 * b / ((0.001 + square) * (1 + a * square**b))
        for axis in (0, 1):
            total[axis] += min(4.0, max(-4.0, strength * offset[axis]))
    return [value / len(points) for value in total]


def balance(reference: Reference, on: AtlasMap, vector: np.ndarray, placed: np.ndarray) -> float:
    """The sum of pull and push at `placed`, as a share of the pull's size."""
    a, b = on.curve
    points = on.points.astype(float) / on.scale
    point = [float(value) for value in placed / on.scale]
    distances = []
    for row in reference.joint.astype(float):
        norm = math.sqrt(row @ row) * math.sqrt(vector @ vector)
        distances.append(max(0.0, 1 - float(row @ vector) / norm))
    nearest = sorted(range(len(distances)), key=lambda i: distances[i])[: on.params.n_neighbors]
    belonging = memberships(np.array([distances[i] for i in nearest]))
    force, size = [0.0, 0.0], 0.0
    push = slow_push(point, points, a, b)
    for i, weight in zip(nearest, belonging / belonging.max(), strict=True):
        square = max((point[0] - points[i][0]) ** 2 + (point[1] - points[i][1]) ** 2, 1e-6)
        pull = 2 * a * b * square ** (b - 1) / (1 + a * square**b) * weight
        size += pull
        for axis in (0, 1):
            force[axis] += pull * (points[i][axis] - point[axis]) + 5 * weight * push[axis]
    return math.hypot(*force) / size


def test_pull_and_push_cancel_out(
    reference: Reference, linear_map: AtlasMap, visitors: np.ndarray
) -> None:
    placed = Placer(reference, linear_map).place(visitors)
    left = [
        balance(reference, linear_map, v.astype(float), p)
        for v, p in zip(visitors, placed, strict=True)
    ]
    assert np.median(left) < 2e-3  # of UMAP's unit; the map is some 40 of them wide
    assert max(left) < 0.05


@pytest.mark.parametrize("metric", METRICS)
def test_the_same_bits_in_any_batch(
    reference: Reference, linear_map: AtlasMap, visitors: np.ndarray, metric: str
) -> None:
    params = MapParams(n_neighbors=5, metric=metric)
    placer = Placer(reference, dataclasses.replace(linear_map, params=params))
    together = placer.place(visitors)
    alone = np.concatenate([placer.place(visitors[i : i + 1]) for i in range(len(visitors))])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(placer.place(visitors[::-1])[::-1], together)
    np.testing.assert_array_equal(placer.place(visitors[1:8]), together[1:8])
    np.testing.assert_array_equal(Placer(reference, placer_map(placer, linear_map)).place(visitors),
                                  together)  # fmt: skip


def placer_map(placer: Placer, linear_map: AtlasMap) -> AtlasMap:
    return dataclasses.replace(linear_map, params=placer.params)


def test_a_vector_of_the_reference_gets_its_point(
    reference: Reference, linear_map: AtlasMap
) -> None:
    placed = Placer(reference, linear_map).place(reference.joint)
    np.testing.assert_allclose(placed, linear_map.points, atol=1e-6)


def test_places_are_near_their_neighbours(
    reference: Reference, linear_map: AtlasMap, visitors: np.ndarray
) -> None:
    placed = Placer(reference, linear_map).place(visitors)
    low, high = linear_map.points.min(axis=0), linear_map.points.max(axis=0)
    assert ((placed > low - 0.1) & (placed < high + 0.1)).all()


def test_places_scale_with_the_map(reference: Reference, visitors: np.ndarray) -> None:
    """On the same map at another size, places scale with it."""
    small, large = make_map(reference, scale=0.1), make_map(reference, scale=10.0)
    np.testing.assert_allclose(
        Placer(reference, large).place(visitors),
        100 * Placer(reference, small).place(visitors),
        rtol=1e-3, atol=1e-2,
    )  # fmt: skip


def test_memberships_sum_to_log2_of_the_neighbours() -> None:
    distances = np.sort(np.random.default_rng(0).random(15))
    weights = memberships(distances)
    assert weights[1:].sum() == pytest.approx(np.log2(15), abs=1e-4)
    assert (np.diff(weights) <= 0).all()
    assert np.isfinite(memberships(np.full(15, 0.3))).all()
    assert np.isfinite(memberships(np.array([1e-5, *[1.0] * 14]))).all()


def test_vectors_that_cannot_be_placed(reference: Reference, linear_map: AtlasMap) -> None:
    placer = Placer(reference, linear_map)
    with pytest.raises(ValueError, match=r"are \(M, 8\)"):
        placer.place(np.zeros((2, 9), np.float32))
    with pytest.raises(ValueError, match="not finite"):
        placer.place(np.full((1, 8), np.nan, np.float32))
    with pytest.raises(ValueError, match="not one of"):
        Placer(make_reference(each=4), linear_map)
    assert placer.place(np.zeros((0, 8), np.float32)).shape == (0, 2)
    assert np.isfinite(placer.place(np.zeros((1, 8), np.float32))).all()


def test_every_strategy_gets_its_own_embedding(visitors: np.ndarray) -> None:
    references = {name: make_reference(gap=gap) for name, gap in (("none", 2.0), ("all", 0.0))}
    placers = {name: Placer(r, make_map(r)) for name, r in references.items()}
    placed = place_on_all(placers, {"none": visitors, "all": visitors[:3]})
    assert {name: points.shape for name, points in placed.items()} == {
        "none": (40, 2), "all": (3, 2),
    }  # fmt: skip


def test_the_atlas_imports_no_heavy_library() -> None:
    """Every module but `fitting.layout`, whose purpose is to import umap."""
    code = """
import importlib, pkgutil, sys
import mer_core.atlas
for module in pkgutil.walk_packages(mer_core.atlas.__path__, "mer_core.atlas."):
    if module.name != "mer_core.atlas.fitting.layout":
        importlib.import_module(module.name)
heavy = ("umap", "numba", "matplotlib", "torch", "sklearn", "pandas")
print(*(name for name in heavy if name in sys.modules))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert not ran.stdout.split()
