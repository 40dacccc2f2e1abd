"""Arrays as the map's script reads them: base64 of little-endian numbers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS = 65_534  # of a 16-bit position
LEVELS = 255  # of an 8-bit share

Extent = tuple[float, float, float, float]  # x0, y0, x1, y1


def pack(values: NDArray[Any], kind: str) -> str:
    """Numbers as NumPy's `kind`, such as `<i2`."""
    return base64.b64encode(np.ascontiguousarray(values.astype(kind)).tobytes()).decode("ascii")


def pack_points(points: NDArray[Any], extent: Extent) -> str:
    """(P, 2) positions inside `extent` as 16-bit shares of it."""
    low, high = np.array(extent[:2]), np.array(extent[2:])
    shares = (points.astype(np.float64) - low) / np.maximum(high - low, 1e-12)
    return pack(np.round(np.clip(shares, 0, 1) * STEPS) - STEPS // 2, "<i2")


def pack_shares(values: NDArray[Any], low: float, high: float) -> str:
    """Values as 8-bit shares of the way from `low` to `high`; others end up at the nearer end."""
    shares = (values - low) / max(high - low, 1e-12)
    return pack(np.round(np.clip(shares, 0, 1) * LEVELS), "<u1")


def extent_of(clouds: Sequence[NDArray[Any]]) -> Extent:
    """The smallest extent that holds all points of (P, 2) clouds."""
    points = np.concatenate(clouds)
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x0, y0, x1, y1
