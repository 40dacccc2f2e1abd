"""The assigned category with its bars, and each modality beside the others."""

from __future__ import annotations

from mer_core.demo.panels.markup import MODALITY_TITLES, emotion_style, escape, percent, ranked
from mer_core.demo.panels.nouns import modalities, noun
from mer_core.demo.panels.summary import is_sure, summary
from mer_core.types import Prediction

STATE_TITLES = {
    "silence": "Nothing to hear",
    "no_speech": "No speech found",
    "unreadable_text": "Text could not be read",
    "refused": "This could not be analysed",
}

# Of a video, either half gives a category, so that without one both are missing.
BOTH_MISSING = "Neither face nor voice found"

MISSING_HINTS = {
    "speech": "Add a recording to see voice and words side by side.",
    "text": "Type what was said to see voice and words side by side.",
}


def verdict(prediction: Prediction) -> str:
    """The category with its bars, or the panel that says why there is none."""
    if prediction.emotion is None:
        return message_panel(_state_title(prediction), summary(prediction))
    emotion = prediction.emotion
    chance = prediction.probabilities.get(emotion, 0.0)
    kicker = "Category the model assigns"
    if prediction.probabilities and not is_sure(prediction.probabilities):
        kicker = "Most likely category, but the model is not sure"
    return (
        f'<section class="at-card at-verdict" style="{emotion_style(emotion)}" '
        f'aria-label="Result">'
        f'<p class="at-kicker">{kicker}</p>'
        f'<p class="at-headline"><span class="at-emotion" data-testid="emotion">'
        f"{escape(emotion.capitalize())}</span> "
        f'<span class="at-confidence">{escape(percent(chance))} confidence</span></p>'
        f'<p class="at-sentence" data-testid="sentence">{escape(summary(prediction))}</p>'
        f"{bars(prediction.probabilities)}</section>"
    )


def _state_title(prediction: Prediction) -> str:
    if "video" in prediction.by_modality and prediction.state != "refused":
        return BOTH_MISSING
    return STATE_TITLES.get(prediction.state, "No category assigned")


def message_panel(title: str, message: str) -> str:
    """A clear message in place of a result."""
    return (
        '<section class="at-card at-message" aria-label="Result">'
        '<span class="at-message-icon" aria-hidden="true">!</span><div>'
        f'<p class="at-message-title" data-testid="state">{escape(title)}</p>'
        f'<p class="at-sentence" data-testid="sentence">{escape(message)}</p></div></section>'
    )


def bars(probabilities: dict[str, float]) -> str:
    """One bar a category in the model's order, so that two lists compare line by line."""
    rows = "".join(
        f'<li style="{emotion_style(name)}"><span class="at-name">{escape(name)}</span>'
        f'<span class="at-track" aria-hidden="true">'
        f'<span class="at-fill" style="inline-size:{100 * chance:.1f}%"></span></span>'
        f'<span class="at-number">{escape(percent(chance))}</span></li>'
        for name, chance in probabilities.items()
    )
    return f'<ul class="at-bars">{rows}</ul>'


def comparison(prediction: Prediction) -> str:
    """Each modality alone and both together, side by side; empty without any label."""
    if prediction.emotion is None or not prediction.by_modality:
        return ""
    tops = {
        name: ranked(chances)[0][0]
        for name, chances in prediction.by_modality.items()
        if chances and name != "both"
    }
    if len(tops) < 2:
        return _missing(prediction)
    cards = "".join(
        _modality_card(name, chances, tops, prediction.emotion)
        for name, chances in prediction.by_modality.items()
        if chances
    )
    return (
        '<section class="at-card" aria-label="Each modality alone and both together">'
        f'<h2 class="at-title">{_pair_title(prediction)}</h2>'
        f'<div class="at-compare">{cards}</div></section>'
    )


def _pair_title(prediction: Prediction) -> str:
    nouns = [noun(name) for name in modalities(prediction)]
    return f"{', '.join(nouns)} and both".capitalize()


def _modality_card(name: str, chances: dict[str, float], tops: dict[str, str], emotion: str) -> str:
    title = escape(MODALITY_TITLES.get(name, name))
    top, chance = ranked(chances)[0]
    apart = name in tops and top != emotion
    badge = '<span class="at-badge">differs</span>' if apart else ""
    return (
        f'<article class="at-modality" style="{emotion_style(top)}" data-modality="{escape(name)}">'
        f'<h3>{title}</h3><p class="at-top"><span class="at-dot" aria-hidden="true"></span>'
        f"{escape(top.capitalize())} {escape(percent(chance))}{badge}</p>{bars(chances)}</article>"
    )


def _missing(prediction: Prediction) -> str:
    """What to add so that there is something to compare."""
    if prediction.state != "ok":
        return ""  # both were given; the sentence says why one was not judged
    absent = [n for n, chances in prediction.by_modality.items() if not chances and n != "both"]
    hints = " ".join(MISSING_HINTS[name] for name in absent if name in MISSING_HINTS)
    return f'<p class="at-card at-missing">{hints}</p>' if hints else ""
