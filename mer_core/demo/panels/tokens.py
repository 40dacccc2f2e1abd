"""The finest granularity: what the words and moments of one clip change, under one strategy."""

from __future__ import annotations

from collections.abc import Mapping

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.cross_attention import MEANING, both_directions
from mer_core.demo.panels.markup import caption, card, escape
from mer_core.demo.panels.nouns import modalities, noun
from mer_core.demo.panels.occlusion import drawn, explanation, sentences
from mer_core.demo.panels.titles import strategy_name
from mer_core.frameworks.descriptor import DESCRIPTORS
from mer_core.types import Occlusions

NO_CLIP = (
    "Analyse a clip on another page to see here which of its words and moments its category rests "
    "on, before alignment and after."
)
NOTHING_LEFT_OUT = "This clip is too short, or too long, to be judged without parts of it."
NO_TOKENS = "This model does not relate the moments of its two halves."


def tokens_view(
    clip: VisitorClip | None, strategy: str, found: Mapping[str, Occlusions] | None = None
) -> str:
    """What words and moments of a clip change, or time × time; a sentence where there is neither.

    Args:
        clip: The chosen one.
        strategy: On the map "after".
        found: Strategy → what was found out of the clip under it.
    """
    if clip is None:
        return _card(caption(NO_CLIP))
    name = f'<p class="at-visitor-name"><span aria-hidden="true">★</span> {escape(clip.name)}</p>'
    return _card(name + _tokens(clip, strategy, found or {}))


def _tokens(clip: VisitorClip, strategy: str, found: Mapping[str, Occlusions]) -> str:
    descriptor = DESCRIPTORS[clip.framework]
    if not descriptor.watches:
        return _compared(clip, found)
    prediction = clip.predictions[strategy]
    directions = both_directions(prediction)
    if not directions:
        return caption(NO_TOKENS)
    first, second = map(noun, modalities(prediction))
    combined = (
        f"{descriptor.title} does not align tokens (moments of {first} and {second}), but "
        f"combines them by cross-attention. {MEANING}"
    )
    return caption(combined) + directions


def _compared(clip: VisitorClip, found: Mapping[str, Occlusions]) -> str:
    """What counts under each strategy, side by side."""
    if not found:
        return caption(NOTHING_LEFT_OUT)
    sides = "".join(
        f"<div><h3>{strategy_name(name)}</h3>{sentences(one)}"
        f"{drawn(clip.predictions[name], one)}</div>"
        for name, one in found.items()
    )
    name, first = next(iter(found.items()))
    return f'{explanation(clip.predictions[name], first)}<div class="at-pair">{sides}</div>'


def _card(inside: str) -> str:
    return card("Tokens", inside, classes="at-panel at-granularity")
