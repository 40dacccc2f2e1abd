"""Attention as a heatmap over time: one row a word, or a moment of another sequence.

A map of words stands on the time axis of the waveform above it.
"""

from __future__ import annotations

import numpy as np

from mer_core.demo.panels.markup import escape, seconds
from mer_core.demo.panels.waveform import axis, outline
from mer_core.types import FloatArray, Prediction, TokenAttention

MAX_WORDS = 40  # rows drawn; a long text would push the rest of the page away
MAX_STEPS = 150  # columns drawn, neighbours joined
SHADE = 1.3  # above 1, weak cells step back behind the strongest one
PEAKED = 2.5  # times the even share; below it, colours show small differences
EVEN_NOTE = " Here they attend to all of it almost evenly; the colours show small differences."


def attention_figure(prediction: Prediction) -> str:
    """The heatmap, or the waveform alone with a hint, or nothing where there is no speech."""
    if prediction.emotion is None or prediction.envelope is None or not prediction.duration:
        return ""
    if prediction.attention is None or not prediction.attention.words:
        return _wave_only(prediction)
    attention = prediction.attention
    even = EVEN_NOTE if is_even(attention) else ""
    duration = max(prediction.duration, float(attention.times[-1]))
    hidden = len(attention.words) - MAX_WORDS
    note = (
        f" Shown are the first {MAX_WORDS} of {len(attention.words)} words." if hidden > 0 else ""
    )
    return (
        '<section class="at-card" aria-label="Words and moments">'
        '<h2 class="at-title">Where each word listened</h2>'
        '<p class="at-caption">Token alignment: the stronger a cell, the more of its attention the '
        f"word gave to that moment of the recording.{even}{note}</p>"
        f"{heatmap(attention, duration, _described(attention), prediction.envelope)}"
        f"{_table(attention)}</section>"
    )


def heatmap(
    attention: TokenAttention, duration: float, described: str, envelope: FloatArray | None = None
) -> str:
    """Named rows over an axis of `duration` seconds, below the waveform if there is one."""
    wave = "" if envelope is None else f"<span></span>{outline(envelope, duration)}"
    return (
        f'<div class="at-grid" role="img" aria-label="{escape(described)}">{wave}'
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
    """Neighbouring time steps joined until at most `MAX_STEPS` are left; rows keep their sums."""
    steps = weights.shape[1]
    size = -(-steps // MAX_STEPS)
    starts = np.arange(0, steps, size)
    joined = np.add.reduceat(weights, starts, axis=1)  # (W, ceil(T / size))
    return joined.astype(np.float32), np.append(times[starts], times[-1]).astype(np.float32)


def _rows(attention: TokenAttention, duration: float) -> str:
    weights, times = coarser(np.nan_to_num(attention.weights), attention.times)
    density = weights / np.maximum(np.diff(times), 1e-6)  # per second, so that widths do not show
    strength = density / max(float(density.max()), 1e-9)
    return "".join(
        f'<span class="at-word" dir="auto">{escape(word)}</span>'
        f'<span class="at-row"><span style="{_mask(row, times / duration)}"></span></span>'
        for word, row in zip(attention.words[:MAX_WORDS], strength, strict=False)
    )


def _mask(strength: FloatArray, edges: FloatArray) -> str:
    """A row's cells as a gradient with hard stops: no seams between cells, unlike rectangles."""
    stops = ",".join(
        f"rgb(0 0 0/{value**SHADE:.2f}) {100 * start:.2f}% {100 * end:.2f}%"
        for value, start, end in zip(strength, edges[:-1], edges[1:], strict=True)
    )
    last = 100 * edges[-1]
    gradient = f"linear-gradient(90deg,{stops},transparent {last:.2f}%)"
    return f"-webkit-mask-image:{gradient};mask-image:{gradient}"


def _described(attention: TokenAttention) -> str:
    listed = "; ".join(f"{word} at {seconds(moment)}" for word, moment in peaks(attention)[:12])
    return f"Heatmap of words over time. Each word attends most to: {listed}."


def _table(attention: TokenAttention) -> str:
    rows = "".join(
        f'<tr><td dir="auto">{escape(word)}</td><td>{seconds(moment)}</td></tr>'
        for word, moment in peaks(attention)[:MAX_WORDS]
    )
    return (
        '<details class="at-details"><summary>As a table</summary><table><thead><tr>'
        "<th>Word</th><th>Attends most to</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></details>"
    )


def _wave_only(prediction: Prediction) -> str:
    if prediction.envelope is None or not prediction.duration or prediction.timeline:
        return ""  # the timeline draws the same waveform
    if not prediction.by_modality.get("speech"):
        return ""  # nothing was heard
    hint = (
        '<p class="at-caption">Type what was said and analyse again to see which moments each '
        "word attends to.</p>"
    )
    return (
        '<section class="at-card" aria-label="Recording"><h2 class="at-title">What was heard</h2>'
        f"{hint if prediction.state == 'ok' else ''}"
        f'<div class="at-strip" role="img" aria-label="Waveform of the recording, '
        f'{seconds(prediction.duration)} long">'
        f"{outline(prediction.envelope, prediction.duration)}{axis(prediction.duration)}</div>"
        "</section>"
    )
