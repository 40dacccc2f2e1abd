"""The finest granularity: which moments of one clip attend to which, under one strategy."""

from __future__ import annotations

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.attention import words_over_time
from mer_core.demo.panels.cross_attention import MEANING, both_directions
from mer_core.demo.panels.markup import caption, card, escape
from mer_core.demo.panels.nouns import modalities, noun
from mer_core.demo.panels.titles import switch_name
from mer_core.frameworks.descriptor import DESCRIPTORS
from mer_core.types import Prediction

NO_CLIP = (
    "Tokens are the small units that the model reads: parts of words, moments of sound, frames. "
    "Analyse a clip with both halves, such as voice and words, on another page to see how its "
    "tokens are related."
)
ONE_HALF = "This clip has one half only, so there is nothing to relate its tokens to."
NO_ATTENTION = "This model does not relate the tokens of its two halves over time."


def tokens_view(clip: VisitorClip | None, strategy: str) -> str:
    """Words × time, or time × time, of the chosen clip; a sentence where there is none."""
    if clip is None:
        return _card(caption(NO_CLIP))
    name = f'<p class="at-visitor-name"><span aria-hidden="true">★</span> {escape(clip.name)}</p>'
    return _card(name + _attention(clip, clip.predictions[strategy]))


def _attention(clip: VisitorClip, prediction: Prediction) -> str:
    if prediction.attention is not None and prediction.attention.words:
        return words_over_time(prediction, prediction.attention)
    descriptor = DESCRIPTORS[clip.framework]
    if directions := both_directions(prediction):
        first, second = map(noun, modalities(prediction))
        combined = (
            f"{descriptor.title} does not align tokens (moments of {first} and {second}), but "
            f"combines them by cross-attention. {MEANING}"
        )
        return caption(combined) + directions
    if len(clip.modalities) < 2:
        return caption(ONE_HALF)
    switch = descriptor.token_switch
    if switch is None:
        return caption(NO_ATTENTION)
    return caption(
        "This strategy does not align tokens, so words attend to no moments. Switch the module "
        f"“{switch_name(switch)}” on to see it."
    )


def _card(inside: str) -> str:
    return card("Tokens", inside, classes="at-panel at-granularity")
