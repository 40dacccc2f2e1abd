"""Whether both modalities express the same emotion: the framework's own rating of the pair."""

from __future__ import annotations

import math
from enum import StrEnum

from mer_core.demo.panels.markup import caption, percent, ranked
from mer_core.demo.panels.nouns import modalities, noun
from mer_core.types import Prediction

AGREE_FROM = 0.65  # probability from which on the two are said to agree
DISAGREE_TO = 0.35  # up to this one, to disagree; between the two nothing is claimed


class Relation(StrEnum):
    """What the rating says; the values are the page's class names."""

    DISAGREE = "apart"
    UNCLEAR = "unsure"
    AGREE = "together"


ZONES = {
    Relation.DISAGREE: ("disagree", DISAGREE_TO),
    Relation.UNCLEAR: ("unclear", AGREE_FROM - DISAGREE_TO),
    Relation.AGREE: ("agree", 1 - AGREE_FROM),
}  # label and width of the meter's zones, from left to right


def relation(match: float) -> Relation:
    """What a probability of matching says."""
    if match >= AGREE_FROM:
        return Relation.AGREE
    return Relation.DISAGREE if match <= DISAGREE_TO else Relation.UNCLEAR


def match_title(pair: str, match: float) -> str:
    """The same in words; `pair` such as `voice and face`."""
    titles = {
        Relation.AGREE: f"{pair} agree",
        Relation.DISAGREE: f"{pair} disagree",
        Relation.UNCLEAR: f"unclear whether {pair} agree",
    }
    return titles[relation(match)].capitalize()


def match_meter(prediction: Prediction) -> str:
    """The rating in words above a meter, or nothing unless there is one."""
    rating = prediction.match
    if prediction.emotion is None or rating is None or not math.isfinite(rating):
        return ""
    match = min(max(rating, 0.0), 1.0)
    pair = " and ".join(map(noun, modalities(prediction)))
    title, here = match_title(pair, match), relation(match)
    measured = f"Probability that {pair} express the same emotion"
    contrast = f" {contrast_note(pair)}" if _contradicts(prediction, here) else ""
    return (
        f'<section class="at-card" aria-label="Match of {pair}" data-relation="{here}">'
        f'<h2 class="at-title" data-testid="match">{title}</h2>'
        f"{caption(f'{measured}, as the model rates it: {percent(match)}.{contrast}')}"
        f'<div class="at-meter" role="meter" aria-label="{measured}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{round(100 * match)}" '
        f'aria-valuetext="{percent(match)}: {title}">{_zones(here)}'
        f'<span class="at-needle" style="inset-inline-start:{100 * match:.1f}%"></span></div>'
        "</section>"
    )


def contrast_note(pair: str) -> str:
    """Why a rating may contradict the categories of each modality alone."""
    return f"The categories of {pair} alone suggest the opposite; the model rates the pair apart."


def _zones(here: Relation) -> str:
    return "".join(
        f'<span class="at-zone at-zone-{zone}{" at-here" if zone == here else ""}" '
        f'style="flex-basis:{100 * width:.0f}%"><span>{label}</span></span>'
        for zone, (label, width) in ZONES.items()
    )


def _contradicts(prediction: Prediction, here: Relation) -> bool:
    """Whether the categories of each modality alone suggest the opposite."""
    alone = [prediction.by_modality[name] for name in modalities(prediction)]
    tops = {ranked(probabilities)[0][0] for probabilities in alone if probabilities}
    if not all(alone) or here is Relation.UNCLEAR:
        return False
    return (len(tops) == 1) != (here is Relation.AGREE)
