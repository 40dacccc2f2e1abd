"""The finest granularity: what the words and moments of one clip change, under one strategy."""

from __future__ import annotations

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.cross_attention import MEANING, both_directions
from mer_core.demo.panels.markup import caption, card, escape
from mer_core.demo.panels.nouns import modalities, noun
from mer_core.demo.panels.occlusion import drawn, explanation, sentences
from mer_core.frameworks.descriptor import BEFORE, DESCRIPTORS, strategy_title

NO_CLIP = (
    "Analyse a clip on another page to see here which of its words and moments its category rests "
    "on, before alignment and after."
)
NOTHING_LEFT_OUT = "This clip is too short, or too long, to be judged without parts of it."
NO_TOKENS = "This model does not relate the moments of its two halves."


def tokens_view(clip: VisitorClip | None, strategy: str) -> str:
    """What words and moments change, or time × time, of the chosen clip; else a sentence."""
    if clip is None:
        return _card(caption(NO_CLIP))
    name = f'<p class="at-visitor-name"><span aria-hidden="true">★</span> {escape(clip.name)}</p>'
    return _card(name + _tokens(clip, strategy))


def _tokens(clip: VisitorClip, strategy: str) -> str:
    descriptor = DESCRIPTORS[clip.framework]
    if not descriptor.watches:
        return _before_and_under(clip, strategy)
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


def _before_and_under(clip: VisitorClip, strategy: str) -> str:
    """What counts without alignment beside what counts under a strategy."""
    sides, explained = "", ""
    for name in dict.fromkeys((BEFORE, strategy)):
        prediction = clip.predictions[name]
        if (found := prediction.occlusions) is not None:
            explained = explanation(prediction, found)
            inside = f"{sentences(found)}{drawn(prediction, found)}"
            sides += f"<div><h3>{escape(strategy_title(name))}</h3>{inside}</div>"
    return f'{explained}<div class="at-pair">{sides}</div>' if sides else caption(NOTHING_LEFT_OUT)


def _card(inside: str) -> str:
    return card("Tokens", inside, classes="at-panel at-granularity")
