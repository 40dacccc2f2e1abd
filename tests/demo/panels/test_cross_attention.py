"""The cross-attention of voice and face: cells in time, rows joined, both directions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mer_core.demo.panels.cross_attention import ROWS, by_moments, cross_attention_figure, over_time
from mer_core.types import CrossAttention, Prediction
from tests.demo.markup_page import Page


def test_cells_reach_to_the_next_moment_and_gaps_stay_empty() -> None:
    times = np.array([0.0, 0.5, 1.0, 3.0], dtype=np.float32)
    weights = np.array([[0.1, 0.2, 0.3, 0.4]], dtype=np.float32)
    cells, edges = over_time(weights, times)
    np.testing.assert_allclose(edges, [0, 0.5, 1.0, 1.5, 3.0, 3.5])
    np.testing.assert_allclose(cells, [[0.1, 0.2, 0.3, 0, 0.4]], rtol=1e-6)
    one, around = over_time(weights[:, :1], times[1:2])
    assert one.shape == (1, 1)
    assert around.tolist() == [0.5, 1.5]


def test_joined_rows_keep_their_sums_and_are_named_by_time() -> None:
    weights = np.random.default_rng(0).random((100, 7)).astype(np.float32)
    weights /= weights.sum(1, keepdims=True)
    moments = np.arange(100, dtype=np.float32) / 5 + 0.1
    joined = by_moments(weights, moments, np.linspace(0, 20, 8, dtype=np.float32))
    assert joined.weights.shape[0] == len(joined.words) <= ROWS
    np.testing.assert_allclose(joined.weights.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(joined.weights[0], weights[:9].mean(axis=0), rtol=1e-5)
    assert joined.words[0] == "0.9 s"


def test_both_directions_of_the_cross_attention_are_folded_away(watched: Prediction) -> None:
    page = Page(cross_attention_figure(watched))
    (fold,) = page.having(class_="at-fold")
    assert "open" not in fold
    assert "Rows: voice, columns: face" in page.text
    assert "Rows: face, columns: voice" in page.text
    first, second = page.having(role="img")
    assert "0.2 s at 0.1 s; 0.8 s at 0.5 s" in str(first["aria-label"])
    assert "Moments of the face" in str(second["aria-label"])
    assert page.text.count("almost even") == 1  # the second direction is flat


def test_no_cross_attention_no_fold(watched: Prediction) -> None:
    assert cross_attention_figure(replace(watched, cross_attention=None)) == ""
    none = np.zeros((0, 0), dtype=np.float32)
    empty = CrossAttention(np.zeros(1, np.float32), np.zeros(0, np.float32), none, none)
    assert cross_attention_figure(replace(watched, cross_attention=empty)) == ""
