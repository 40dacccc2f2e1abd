"""How densely the points of an emotion lie: a smooth histogram, as the page's map computes it.

`static/atlas_map/data.js` has the same numbers; `tests/browser/test_atlas_map.py` compares both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from mer_core.types import FloatArray

GRID = 72  # cells along each side
MARGIN = 0.12  # of the extent, on each side
REACH, SPREAD = 5, 7.0  # of the kernel exp(−k² / SPREAD), in cells
LEVELS = (0.12, 0.32, 0.52, 0.72, 0.92)  # of the contours; the densest cell is 1

Extent = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Density:
    """A smooth histogram.

    Attributes:
        x: (GRID,) centres of the cells.
        y: (GRID,) centres of the cells.
        z: (GRID, GRID) by y and x, the densest cell at 1.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]


def density(points: FloatArray, extent: Extent) -> Density:
    """The density of points (N, 2) over an extent (x0, y0, x1, y1) and its margin."""
    x0, y0, x1, y1 = extent
    bounds = [
        (low - MARGIN * (high - low), high + MARGIN * (high - low))
        for low, high in ((x0, x1), (y0, y1))
    ]
    exact = points.astype(np.float64)
    counts, x, y = np.histogram2d(exact[:, 0], exact[:, 1], bins=GRID, range=bounds)
    kernel = np.exp(-(np.arange(-REACH, REACH + 1) ** 2) / SPREAD)
    smooth = counts.T  # by y and x
    for axis in (0, 1):
        smooth = correlate1d(smooth, kernel, axis=axis, mode="constant")
    return Density((x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2, smooth / (smooth.max() or 1.0))
