"""Whether voice and face carry the same emotion: the framework's judgement of the pair."""

from __future__ import annotations

import math

from mer_core.demo.panels.markup import percent, ranked
from mer_core.types import Prediction

TOGETHER = 0.65  # from this probability on, the two are said to point the same way
APART = 0.35  # up to this one, apart; between the two nothing is claimed
TITLES = {
    "together": "Voice and face point the same way",
    "apart": "Voice and face point apart",
    "unsure": "Hard to say whether voice and face point the same way",
}
MEASURED = "Probability that voice and face carry the same emotion"
CONTRAST = (
    " The categories of each alone say otherwise: the pair is judged apart from them, and the two "
    "can differ."
)


def relation(match: float) -> str:
    """`together`, `apart` or `unsure`."""
    return "together" if match >= TOGETHER else "apart" if match <= APART else "unsure"


def match_meter(prediction: Prediction) -> str:
    """The judgement in words above a meter, or nothing unless both halves were judged."""
    judged = prediction.match
    if prediction.emotion is None or judged is None or not math.isfinite(judged):
        return ""
    match = min(max(judged, 0.0), 1.0)
    found = relation(match)
    contrast = CONTRAST if _contradicts(prediction, found) else ""
    said = f"{percent(match)}: {TITLES[found]}"
    return (
        f'<section class="at-card" aria-label="Match of voice and face" data-relation="{found}">'
        f'<h2 class="at-title" data-testid="match">{TITLES[found]}</h2>'
        f'<p class="at-caption">{MEASURED}: {percent(match)}.{contrast}</p>'
        f'<div class="at-meter" role="meter" aria-label="{MEASURED}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{round(100 * match)}" aria-valuetext="{said}">'
        f"{_zones(found)}"
        f'<span class="at-needle" style="inset-inline-start:{100 * match:.1f}%"></span></div>'
        "</section>"
    )


def _zones(found: str) -> str:
    widths = {"apart": APART, "unsure": TOGETHER - APART, "together": 1 - TOGETHER}
    names = {"apart": "apart", "unsure": "hard to say", "together": "the same way"}
    return "".join(
        f'<span class="at-zone at-zone-{zone}{" at-here" if zone == found else ""}" '
        f'style="flex-basis:{100 * width:.0f}%"><span>{names[zone]}</span></span>'
        for zone, width in widths.items()
    )


def _contradicts(prediction: Prediction, found: str) -> bool:
    """Whether the categories of voice alone and face alone suggest the opposite."""
    voice, face = prediction.by_modality.get("audio"), prediction.by_modality.get("video")
    if not voice or not face or found == "unsure":
        return False
    return (ranked(voice)[0][0] == ranked(face)[0][0]) != (found == "together")
