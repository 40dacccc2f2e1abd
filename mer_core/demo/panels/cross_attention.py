"""How voice and face attended to each other: two heatmaps, time over time, to be unfolded."""

from __future__ import annotations

import numpy as np

from mer_core.demo.panels.attention import EVEN_NOTE, heatmap, is_even, peaks
from mer_core.demo.panels.markup import seconds
from mer_core.demo.panels.video_timeline import clip_length
from mer_core.types import FloatArray, Prediction, TokenAttention

ROWS = 12  # moments that a heatmap lists, neighbours averaged


def cross_attention_figure(prediction: Prediction) -> str:
    """Both directions of the cross-attention, or nothing where one half is missing."""
    directions = both_directions(prediction)
    if prediction.emotion is None or not directions:
        return ""
    return (
        '<details class="at-card at-fold"><summary>'
        '<span class="at-title">How voice and face attended to each other</span></summary>'
        '<p class="at-caption">Cross-attention: each row is a moment of the one; the stronger a '
        "cell, the more of its attention that moment gave to that moment of the other.</p>"
        f"{directions}</details>"
    )


def both_directions(prediction: Prediction) -> str:
    """Two heatmaps side by side, or nothing where one half is missing."""
    crossing = prediction.cross_attention
    if crossing is None or not crossing.audio_to_video.size or not crossing.video_to_audio.size:
        return ""
    heard = ((crossing.audio_times[:-1] + crossing.audio_times[1:]) / 2).astype(np.float32)
    to_face, edges = over_time(crossing.audio_to_video, crossing.video_times)
    voice_first = by_moments(to_face, heard, edges)
    face_first = by_moments(crossing.video_to_audio, crossing.video_times, crossing.audio_times)
    duration = max(clip_length(prediction), float(crossing.audio_times[-1]), float(edges[-1]))
    return (
        f'<div class="at-pair">'
        f"{_direction('voice', 'face', voice_first, duration)}"
        f"{_direction('face', 'voice', face_first, duration)}"
        "</div>"
    )


def over_time(weights: FloatArray, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(R, C) weights of C moments as (R, K) cells and their (K + 1,) edges in seconds.

    A moment stands until the next one; where moments are missing, an empty cell does.
    """
    step = float(np.median(np.diff(times))) if times.size > 1 else 1.0
    columns, edges = [], [float(times[0])]
    for index, moment in enumerate(times.tolist()):
        following = float(times[index + 1]) if index + 1 < times.size else moment + step
        columns.append(weights[:, index])
        if following - moment > 1.5 * step:
            edges.append(moment + step)
            columns.append(np.zeros_like(weights[:, index]))
        edges.append(following)
    return np.stack(columns, axis=1), np.array(edges, dtype=np.float32)


def by_moments(weights: FloatArray, moments: FloatArray, edges: FloatArray) -> TokenAttention:
    """(R, C) weights with at most `ROWS` rows, neighbours averaged.

    Args:
        weights: Each row sums to 1, and so does each average of rows.
        moments: (R,) time of each row, seconds; a row is named by it.
        edges: (C + 1,) edges of the columns, seconds.
    """
    count = weights.shape[0]
    starts = np.arange(0, count, -(-count // ROWS))
    sizes = np.diff(np.append(starts, count))
    joined = np.add.reduceat(weights, starts, axis=0) / sizes[:, None]  # (≤ ROWS, C)
    middles = np.add.reduceat(moments, starts) / sizes
    names = tuple(seconds(float(middle)) for middle in middles)
    return TokenAttention(names, edges, joined.astype(np.float32))


def _direction(one: str, other: str, attention: TokenAttention, duration: float) -> str:
    listed = "; ".join(f"{name} at {seconds(moment)}" for name, moment in peaks(attention))
    described = (
        f"Heatmap. Moments of the {one}, each with the moment of the {other} it attends to most: "
        f"{listed}."
    )
    even = f'<p class="at-caption">{EVEN_NOTE.strip()}</p>' if is_even(attention) else ""
    return (
        f"<div><h3>Rows: {one}, across: {other}</h3>"
        f"{heatmap(attention, duration, described)}{even}</div>"
    )
