"""Attention weights over time as a heat map: named rows above one time axis."""

from __future__ import annotations

import numpy as np

from mer_core.demo.panels.markup import escape
from mer_core.demo.panels.waveform import axis
from mer_core.types import FloatArray, TokenAttention

MAX_ROWS = 40  # rows drawn; a long text would push the rest of the page away
MAX_STEPS = 150  # columns drawn; neighbouring time steps are joined
SHADE = 1.3  # exponent of a cell's strength: above 1, weak cells fade behind the strongest one
PEAKED = 2.5  # times the even share; below it, colours show small differences
EVEN_NOTE = "Here the weights are almost even; the colours show small differences."


def heatmap(attention: TokenAttention, duration: float, label: str) -> str:
    """Rows over an axis of `duration` seconds.

    Args:
        attention: Named rows.
        duration: Seconds.
        label: Describes the drawing to screen readers.
    """
    return (
        f'<div class="at-grid" role="img" aria-label="{escape(label)}">'
        f"{_rows(attention, duration)}<span></span>{axis(duration)}</div>"
    )


def is_even(attention: TokenAttention) -> bool:
    """Whether no row singles out any moment."""
    return float(attention.weights.max()) * attention.weights.shape[1] < PEAKED


def peaks(attention: TokenAttention) -> list[tuple[str, float]]:
    """Each row's name with the middle of the time step it attends to most, in seconds."""
    middles = (attention.times[:-1] + attention.times[1:]) / 2
    return [
        (word, float(middles[int(np.argmax(row))]))
        for word, row in zip(attention.words, attention.weights, strict=True)
    ]


def coarser(weights: FloatArray, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Neighbouring time steps joined until at most `MAX_STEPS` are left; rows keep their sums.

    Args:
        weights: (R, T).
        times: (T + 1,) edges of the steps, seconds.
    """
    steps = weights.shape[1]
    size = -(-steps // MAX_STEPS)
    starts = np.arange(0, steps, size)
    joined = np.add.reduceat(weights, starts, axis=1)  # (R, ceil(T / size))
    return joined.astype(np.float32), np.append(times[starts], times[-1]).astype(np.float32)


def _rows(attention: TokenAttention, duration: float) -> str:
    return "".join(
        f'<span class="at-word" dir="auto">{escape(word)}</span><span class="at-row">{cell}</span>'
        for word, cell in zip(attention.words, _cells(attention, duration), strict=False)
    )


def _cells(attention: TokenAttention, duration: float) -> list[str]:
    """The first `MAX_ROWS` rows' colours."""
    weights, times = coarser(np.nan_to_num(attention.weights), attention.times)
    density = weights / np.maximum(np.diff(times), 1e-6)  # per second, so that widths do not show
    strength = density / max(float(density.max()), 1e-9)
    return [f'<span style="{_mask(row, times / duration)}"></span>' for row in strength[:MAX_ROWS]]


def _mask(strength: FloatArray, edges: FloatArray) -> str:
    """A row's cells as a gradient with hard stops: no seams between cells, unlike rectangles."""
    stops = ",".join(
        f"rgb(0 0 0/{value**SHADE:.2f}) {100 * start:.2f}% {100 * end:.2f}%"
        for value, start, end in zip(strength, edges[:-1], edges[1:], strict=True)
    )
    last = 100 * edges[-1]
    gradient = f"linear-gradient(90deg,{stops},transparent {last:.2f}%)"
    return f"-webkit-mask-image:{gradient};mask-image:{gradient}"
