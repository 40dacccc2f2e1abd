"""Cells of a heat map on its time axis."""

from __future__ import annotations

import re

import numpy as np

from mer_core.demo.panels.heatmap import MAX_STEPS, coarser, heatmap, is_even, peaks
from mer_core.types import TokenAttention
from tests.demo.markup_page import Page


def test_cells_cover_the_time_axis() -> None:
    """Four steps of half a second in a clip that goes on for two more."""
    weights = np.full((3, 4), 0.1, dtype=np.float32)
    weights[[0, 1, 2], [0, 2, 3]] = 0.7
    edges = np.array([0, 0.5, 1, 1.5, 2], dtype=np.float32)
    attention = TokenAttention(("we", "won", "today"), edges, weights)
    assert peaks(attention) == [("we", 0.25), ("won", 1.25), ("today", 1.75)]
    assert not is_even(attention)
    assert is_even(TokenAttention(attention.words, edges, np.full((3, 4), 0.25, np.float32)))
    page = Page(heatmap(attention, 4.0, "label"))
    masks = [a["style"] for tag, a in page.tags if "mask-image" in (a.get("style") or "")]
    assert len(masks) == 3
    first = str(masks[0]).split("mask-image:")[-1]
    assert re.findall(r"([\d.]+)% ([\d.]+)%", first) == [
        ("0.00", "12.50"), ("12.50", "25.00"), ("25.00", "37.50"), ("37.50", "50.00"),
    ]  # fmt: skip
    assert "rgb(0 0 0/1.00) 0.00%" in first
    assert "transparent 50.00%" in first


def test_joining_steps_keeps_sums_and_edges() -> None:
    weights = np.random.default_rng(0).random((3, 1001)).astype(np.float32)
    times = np.linspace(0, 50, 1002, dtype=np.float32)
    joined, edges = coarser(weights, times)
    assert joined.shape[1] <= MAX_STEPS
    assert edges.shape == (joined.shape[1] + 1,)
    np.testing.assert_allclose(joined.sum(axis=1), weights.sum(axis=1), rtol=1e-5)
    assert edges[0] == times[0]
    assert edges[-1] == times[-1]
    assert (np.diff(edges) > 0).all()
