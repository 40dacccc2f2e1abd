"""The smooth histogram, against slow loops over its definition."""

from __future__ import annotations

import math

import numpy as np

from mer_core.atlas.analysis.density import GRID, MARGIN, density

EXTENT = (-1.0, 0.0, 3.0, 2.0)


def test_it_is_the_sum_of_a_kernel_around_each_point() -> None:
    points = np.random.default_rng(0).uniform((-1, 0), (3, 2), size=(40, 2)).astype(np.float32)
    result = density(points, EXTENT)
    x0, y0, x1, y1 = EXTENT
    width, height = (x1 - x0) * (1 + 2 * MARGIN), (y1 - y0) * (1 + 2 * MARGIN)
    cells = [
        (
            math.floor((float(x) - x0 + MARGIN * (x1 - x0)) / width * GRID),
            math.floor((float(y) - y0 + MARGIN * (y1 - y0)) / height * GRID),
        )
        for x, y in points
    ]
    expected = np.zeros((GRID, GRID))
    for i, j in cells:
        for row in range(max(0, j - 5), min(GRID, j + 6)):
            for column in range(max(0, i - 5), min(GRID, i + 6)):
                expected[row, column] += math.exp(-((row - j) ** 2 + (column - i) ** 2) / 7)
    np.testing.assert_allclose(result.z, expected / expected.max(), atol=1e-9)


def test_the_grid_covers_the_extent_and_its_margin() -> None:
    result = density(np.array([[1.0, 1.0]], np.float32), EXTENT)
    step = 4 * 1.24 / GRID
    assert np.allclose(np.diff(result.x), step)
    assert np.isclose(result.x[0] - step / 2, -1 - 0.12 * 4)
    assert np.isclose(result.y[-1] + (result.y[1] - result.y[0]) / 2, 2 + 0.12 * 2)
    row, column = np.unravel_index(result.z.argmax(), result.z.shape)
    assert abs(result.x[column] - 1) <= step
    assert abs(result.y[row] - 1) <= step


def test_points_far_outside_count_for_nothing() -> None:
    assert not density(np.array([[90.0, 90.0]], np.float32), EXTENT).z.any()
