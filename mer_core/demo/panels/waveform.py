"""The outline of a recording and the time axis below it, as inline SVG and HTML.

Drawings stretch to the width of the page (`preserveAspectRatio="none"`), so they hold shapes only;
every word and number is HTML text beside them and keeps its size on a phone.
"""

from __future__ import annotations

import numpy as np

from mer_core.demo.panels.markup import escape
from mer_core.types import ENVELOPE_RATE, FloatArray

COLUMNS = 300  # outline points; more than the pixels of a phone, few enough to stay light
TICKS = 6  # at most, on a time axis
STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0)  # seconds between ticks


def recording_figure(
    envelope: FloatArray | None, duration: float, label: str, below: str = ""
) -> str:
    """The waveform, if there is one, above its time axis; what is drawn `below` shares the axis.

    Args:
        envelope: (N,) as in `Prediction`.
        duration: Seconds.
        label: Describes the drawing to screen readers.
        below: Markup.
    """
    wave = "" if envelope is None else outline(envelope, duration)
    return (
        f'<div class="at-strip" role="img" aria-label="{escape(label)}">'
        f"{wave}{below}{axis(duration)}</div>"
    )


def outline(envelope: FloatArray, duration: float) -> str:
    """SVG of the envelope, mirrored at its middle; x runs from 0 to `duration` seconds."""
    loudness = np.nan_to_num(np.asarray(envelope, dtype=np.float64), nan=0.0)
    if loudness.size == 0 or duration <= 0:
        return ""
    loudness = _thinned(loudness)
    loudness = np.clip(loudness / max(float(loudness.max()), 0.05), 0.0, 1.0)
    span = min(duration, envelope.size / ENVELOPE_RATE)
    moments = (np.arange(loudness.size) + 0.5) / loudness.size * span
    upper = [f"{x:.3f},{50 - 46 * y:.1f}" for x, y in zip(moments, loudness, strict=True)]
    lower = [f"{x:.3f},{50 + 46 * y:.1f}" for x, y in zip(moments, loudness, strict=True)]
    points = " ".join([f"0,50 {' '.join(upper)} {span:.3f},50", *reversed(lower)])
    return (
        f'<svg class="at-wave" viewBox="0 0 {duration:.3f} 100" preserveAspectRatio="none" '
        f'aria-hidden="true" focusable="false"><polygon points="{points}"/></svg>'
    )


def axis(duration: float) -> str:
    """Ticks in round seconds under a drawing of `duration` seconds."""
    step = next((s for s in STEPS if duration / s <= TICKS), STEPS[-1])
    digits = 1 if step < 1 else 0
    labels = "".join(
        f'<span style="inset-inline-start:{100 * tick / duration:.2f}%">{tick:.{digits}f}</span>'
        for tick in np.arange(0, duration - 0.35 * step, step)
    )
    return f'<div class="at-axis" aria-hidden="true">{labels}<span class="at-unit">s</span></div>'


def _thinned(loudness: np.ndarray) -> np.ndarray:
    """At most `COLUMNS` values, each the maximum of its part."""
    if loudness.size <= COLUMNS:
        return loudness
    starts = np.linspace(0, loudness.size, COLUMNS, endpoint=False).astype(int)
    return np.maximum.reduceat(loudness, starts)
