"""The outline of a recording and its time axis."""

from __future__ import annotations

import re

import numpy as np
import pytest

from mer_core.demo.panels.waveform import COLUMNS, axis, outline


@pytest.mark.parametrize("values", [[], [0.0] * 40, [np.nan] * 40, [1.0], [5.0, -1.0] * 400])
def test_an_outline_survives_any_envelope(values: list[float]) -> None:
    drawn = outline(np.array(values, dtype=np.float32), 2.0)
    assert "nan" not in drawn
    if values:
        points = [
            tuple(map(float, p.split(",")))
            for p in drawn.split('points="')[1].split('"')[0].split()
        ]
        assert all(0 <= x <= 2.0 and 0 <= y <= 100 for x, y in points)
        assert len(points) <= 2 * COLUMNS + 2


def test_the_axis_has_round_ticks_inside() -> None:
    for duration in (0.3, 1.0, 2.1, 7.9, 14.0, 65.0, 301.0):
        places = [float(p) for p in re.findall(r"start:([\d.]+)%", axis(duration))]
        assert 1 <= len(places) <= 7
        assert places[0] == 0
        assert places[-1] < 100
