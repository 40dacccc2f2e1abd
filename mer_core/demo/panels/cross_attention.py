"""Cross-attention between two modalities: two heat maps, time over time, to be unfolded."""

from __future__ import annotations

import numpy as np

from mer_core.demo.panels.heatmap import EVEN_NOTE, heatmap, is_even, peaks
from mer_core.demo.panels.markup import caption, seconds
from mer_core.demo.panels.nouns import modalities, noun
from mer_core.demo.panels.video_timeline import clip_length
from mer_core.types import FloatArray, Prediction, TokenAttention

MEANING = (
    "For each moment of one (a row), the model weighs the moments of the other; the stronger the "
    "colour, the more weight."
)
ROWS = 12  # rows of a heat map at most; neighbouring moments are averaged


def cross_attention_figure(prediction: Prediction) -> str:
    """Both directions of the cross-attention, or nothing where one modality is missing."""
    directions = both_directions(prediction)
    if prediction.emotion is None or not directions:
        return ""
    first, second = map(noun, modalities(prediction))
    intro = caption(f"Cross-attention combines {first} and {second}. {MEANING}")
    return (
        '<details class="at-card at-fold"><summary>'
        f'<span class="at-title">How the model relates {first} and {second} over time</span>'
        f"</summary>{intro}{directions}</details>"
    )


def both_directions(prediction: Prediction) -> str:
    """Two heat maps side by side, or nothing where one modality is missing."""
    weights = prediction.cross_attention
    if weights is None or not weights.audio_to_video.size or not weights.video_to_audio.size:
        return ""
    first, second = map(noun, modalities(prediction))
    middles = ((weights.audio_times[:-1] + weights.audio_times[1:]) / 2).astype(np.float32)
    to_second, edges = over_time(weights.audio_to_video, weights.video_times)
    duration = max(clip_length(prediction), float(weights.audio_times[-1]), float(edges[-1]))
    first_rows = by_moments(to_second, middles, edges)
    second_rows = by_moments(weights.video_to_audio, weights.video_times, weights.audio_times)
    return (
        f'<div class="at-pair">'
        f"{_direction(first, second, first_rows, duration)}"
        f"{_direction(second, first, second_rows, duration)}"
        "</div>"
    )


def over_time(weights: FloatArray, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(R, C) weights of C moments as (R, K) cells and their (K + 1,) edges in seconds.

    A moment's cell reaches to the next moment; where moments are missing, an empty cell fills in.
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


def _direction(rows: str, columns: str, attention: TokenAttention, duration: float) -> str:
    listed = "; ".join(f"{name} at {seconds(moment)}" for name, moment in peaks(attention))
    label = (
        f"Heat map. Moments of the {rows}, each with the moment of the {columns} it attends to "
        f"most: {listed}."
    )
    even = caption(EVEN_NOTE) if is_even(attention) else ""
    return (
        f"<div><h3>Rows: {rows}, columns: {columns}</h3>"
        f"{heatmap(attention, duration, label)}{even}</div>"
    )
