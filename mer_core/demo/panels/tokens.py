"""The finest granularity: which moments of one clip attended to which, under one strategy."""

from __future__ import annotations

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.attention import EVEN_NOTE, heatmap, is_even, peaks
from mer_core.demo.panels.cross_attention import both_directions
from mer_core.demo.panels.markup import escape, seconds
from mer_core.types import Prediction, TokenAttention

NO_CLIP = "Analyse a clip with both halves on another page to see its attention here."
ONE_HALF = "This clip has one half only; attention needs two to look at each other."
NOT_ALIGNED = (
    "This strategy has no token alignment, so no word looks at a moment. Switch the token module "
    "on to see it."
)
CROSSING = (
    "Foal-Net aligns no tokens; this is its cross-attention, which reads the aligned halves. The "
    "stronger a cell, the more of its attention a moment of the one gave to that moment of the "
    "other."
)


def tokens_view(clip: VisitorClip | None, strategy: str) -> str:
    """Words × time, or time × time, of the chosen clip; a sentence where there is none."""
    if clip is None:
        return _card(f'<p class="at-caption">{NO_CLIP}</p>')
    name = f'<p class="at-visitor-name"><span aria-hidden="true">★</span> {escape(clip.name)}</p>'
    prediction = clip.predictions[strategy]
    if prediction.attention is not None and prediction.attention.words:
        return _card(name + _words(prediction, prediction.attention))
    if directions := both_directions(prediction):
        return _card(f'{name}<p class="at-caption">{CROSSING}</p>{directions}')
    said = ONE_HALF if len(clip.modalities) < 2 else NOT_ALIGNED
    return _card(f'{name}<p class="at-caption">{said}</p>')


def _card(inside: str) -> str:
    return (
        '<section class="at-card at-panel at-granularity" aria-label="Tokens">'
        f'<h2 class="at-title">Tokens</h2>{inside}</section>'
    )


def _words(prediction: Prediction, attention: TokenAttention) -> str:
    length = max(prediction.duration or 0.0, float(attention.times[-1]))
    listed = "; ".join(f"{name} at {seconds(moment)}" for name, moment in peaks(attention)[:12])
    described = f"Heatmap over time. Each word attends most to: {listed}."
    even = f'<p class="at-caption">{EVEN_NOTE.strip()}</p>' if is_even(attention) else ""
    return (
        '<p class="at-caption">Token alignment: the stronger a cell, the more of its attention the '
        "word gave to that moment of the voice.</p>"
        f"{heatmap(attention, length, described, prediction.envelope)}{even}"
    )
