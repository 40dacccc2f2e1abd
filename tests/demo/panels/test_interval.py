"""A difference's mark and the drawing of its interval."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mer_core.demo.panels.interval import interval_plot, verdict_mark
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import cell


@pytest.mark.parametrize(
    ("difference", "better", "expected"),
    [
        (0.1, "higher", "better"),
        (-0.1, "higher", "worse"),
        (-0.1, "lower", "better"),
        (0.1, "", "changed"),
    ],
)
def test_direction_follows_the_metric(difference: float, better: str, expected: str) -> None:
    assert verdict_mark(cell(0.5, difference), better)[1] == expected
    assert verdict_mark(cell(0.5, difference, clear=False), better)[1] == "not clear"
    assert verdict_mark(replace(cell(0.5, difference), interval=None), better)[1] == "no interval"


def test_the_interval_is_drawn_to_scale_around_zero() -> None:
    drawn = Page(interval_plot(cell(0.5, -0.2, 0.1), "worse"))
    (bar,) = drawn.having(class_="at-range")
    left, width = float(bar["x"] or 0), float(bar["width"] or 0)
    # The farthest end, −0.3, is 1 / 1.1 of the way from the middle to the left edge.
    assert left == pytest.approx(50 - 50 / 1.1, abs=0.01)
    assert width == pytest.approx(50 * (0.2 / 0.3) / 1.1, abs=0.01)
    (dot,) = drawn.having(class_="at-point")
    assert float(dot["x1"] or 0) == pytest.approx(left + width / 2, abs=0.01)
