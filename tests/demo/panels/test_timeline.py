"""Windows of a long clip on its time axis."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mer_core.demo.panels.timeline import segments, timeline_figure
from mer_core.types import Prediction
from tests.demo.markup_page import Page


def test_segments_tile_the_clip(long: Prediction) -> None:
    parts = segments(long.timeline, 12.0)
    assert [(p.start, p.end) for p in parts] == [(0, 3), (3, 5), (5, 7), (7, 9), (9, 12)]
    seconds = tuple(
        replace(long.timeline[0], start=s, end=e) for s, e in ((0, 1), (1, 2), (2, 2.4))
    )
    assert [(p.start, p.end) for p in segments(seconds, 2.4)] == [(0, 1), (1, 2), (2, 2.4)]


def test_a_timeline_greys_out_what_holds_no_speech(long: Prediction) -> None:
    page = Page(timeline_figure(long))
    rects = [attrs for tag, attrs in page.tags if tag == "rect"]
    assert len(rects) == 4 * 4  # nothing is drawn over the hatched ground of the third window
    assert not [r for r in rects if r["x"] == "5.000"]
    assert "no speech" in page.text
    (figure,) = page.having(role="img")
    assert "4.0 s to 8.0 s no speech" in str(figure["aria-label"])
    heights = [float(str(r["height"])) for r in rects if r["x"] == "0.000"]
    assert sum(heights) == pytest.approx(1, abs=1e-3)


def test_short_clips_have_no_timeline(agreeing: Prediction) -> None:
    assert timeline_figure(agreeing) == ""
