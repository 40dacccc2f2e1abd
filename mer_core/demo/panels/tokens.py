"""The finest granularity: which moments of one clip attended to which, under one strategy."""

from __future__ import annotations

import numpy as np

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.attention import EVEN_NOTE, heatmap, is_even, peaks
from mer_core.demo.panels.crossing import by_moments, over_time
from mer_core.demo.panels.film import clip_length
from mer_core.demo.panels.markup import escape, seconds
from mer_core.types import CrossAttention, Prediction, TokenAttention

NO_CLIP = "Analyse a clip with both halves on another page to see its attention here."
ONE_HALF = "This clip has one half only; attention needs two to look at each other."
NOT_ALIGNED = (
    "This strategy has no token alignment, so no word looks at a moment. Switch the token module "
    "on to see it."
)


def tokens_view(clip: VisitorClip | None, strategy: str) -> str:
    """Words × time, or time × time, of the chosen clip; a sentence where there is none."""
    if clip is None:
        return _card(f'<p class="at-caption">{NO_CLIP}</p>')
    name = f'<p class="at-visitor-name"><span aria-hidden="true">★</span> {escape(clip.name)}</p>'
    prediction = clip.predictions[strategy]
    if prediction.attention is not None and prediction.attention.words:
        return _card(name + _words(prediction, prediction.attention))
    crossing = prediction.cross_attention
    if crossing is not None and crossing.audio_to_video.size and crossing.video_to_audio.size:
        return _card(name + _moments(prediction, crossing))
    said = ONE_HALF if len(clip.modalities) < 2 else NOT_ALIGNED
    return _card(f'{name}<p class="at-caption">{said}</p>')


def _card(inside: str) -> str:
    return (
        '<section class="at-card at-granularity" aria-label="Tokens">'
        f'<h2 class="at-title">Tokens</h2>{inside}</section>'
    )


def _words(prediction: Prediction, attention: TokenAttention) -> str:
    length = max(prediction.duration or 0.0, float(attention.times[-1]))
    return (
        '<p class="at-caption">Token alignment: the stronger a cell, the more of its attention the '
        f"word gave to that moment of the voice.</p>"
        f"{_heatmap(attention, length, prediction)}"
    )


def _moments(prediction: Prediction, crossing: CrossAttention) -> str:
    """Both directions of the cross-attention; the rows of either are moments."""
    heard = ((crossing.audio_times[:-1] + crossing.audio_times[1:]) / 2).astype(np.float32)
    to_face, edges = over_time(crossing.audio_to_video, crossing.video_times)
    voice_first = by_moments(to_face, heard, edges)
    face_first = by_moments(crossing.video_to_audio, crossing.video_times, crossing.audio_times)
    length = max(clip_length(prediction), float(crossing.audio_times[-1]), float(edges[-1]))
    return (
        '<p class="at-caption">Foal-Net aligns no tokens; this is its cross-attention, which reads '
        "the aligned halves. The stronger a cell, the more of its attention a moment of the one "
        "gave to that moment of the other.</p>"
        f'<div class="at-pair"><div><h3>Rows: voice, across: face</h3>'
        f"{_heatmap(voice_first, length)}</div>"
        f"<div><h3>Rows: face, across: voice</h3>{_heatmap(face_first, length)}</div></div>"
    )


def _heatmap(
    attention: TokenAttention, length: float, waveform_of: Prediction | None = None
) -> str:
    listed = "; ".join(f"{name} at {seconds(moment)}" for name, moment in peaks(attention)[:12])
    described = f"Heatmap over time. Each row attends most to: {listed}."
    envelope = None if waveform_of is None else waveform_of.envelope
    even = f'<p class="at-caption">{EVEN_NOTE.strip()}</p>' if is_even(attention) else ""
    return f"{heatmap(attention, length, described, envelope)}{even}"
