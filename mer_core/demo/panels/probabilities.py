"""The assigned category with its bars, and each modality beside the others."""

from __future__ import annotations

from mer_core.demo.panels.markup import caption, card, emotion_style, escape, percent, ranked
from mer_core.demo.panels.nouns import modalities, noun
from mer_core.demo.panels.summary import is_sure, summary
from mer_core.types import Prediction, State

TOGETHER = "Both together"
STATE_TITLES = {
    State.SILENCE: "Nothing to hear",
    State.NO_SPEECH: "No speech found",
    State.UNREADABLE_TEXT: "Text could not be read",
    State.REFUSED: "This could not be analysed",
}
# What adds a modality that was left out; pages of video ask for one file that holds both.
TO_ADD = {"speech": "Add a recording", "text": "Type what was said"}


def verdict(prediction: Prediction) -> str:
    """The category with its bars, or the panel that says why there is none."""
    if prediction.emotion is None:
        return message_panel(_state_title(prediction), summary(prediction))
    emotion = prediction.emotion
    confidence = prediction.probabilities.get(emotion, 0.0)
    kicker = "Category the model assigns"
    if prediction.probabilities and not is_sure(prediction.probabilities):
        kicker = "Most likely category, but the model is not sure"
    return (
        f'<section class="at-card at-verdict" style="{emotion_style(emotion)}" '
        f'aria-label="Result">'
        f'<p class="at-kicker">{kicker}</p>'
        f'<p class="at-headline"><span class="at-emotion" data-testid="emotion">'
        f"{escape(emotion.capitalize())}</span> "
        f'<span class="at-confidence">{escape(percent(confidence))} confidence</span></p>'
        f'<p class="at-sentence" data-testid="sentence">{escape(summary(prediction))}</p>'
        f"{bars(prediction.probabilities)}</section>"
    )


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
        f'<span class="at-fill" style="inline-size:{100 * probability:.1f}%"></span></span>'
        f'<span class="at-number">{escape(percent(probability))}</span></li>'
        for name, probability in probabilities.items()
    )
    return f'<ul class="at-bars">{rows}</ul>'


def comparison(prediction: Prediction) -> str:
    """Each modality alone and both together, side by side; empty without any label."""
    if prediction.emotion is None or not prediction.by_modality:
        return ""
    names = modalities(prediction)
    if not names or not all(prediction.by_modality[name] for name in names):
        return _missing(prediction)
    title = f"{', '.join(map(noun, names))} and both".capitalize()
    label = "Each modality alone and both together"
    return card(title, _side_by_side(prediction), label=label)


def companion_card(prediction: Prediction) -> str:
    """A video's voice with its words, judged by another model than voice and face."""
    pair = " and ".join(map(noun, modalities(prediction))) or "voice and words"
    about = caption(
        f"A second model judges {pair}. It does not see the face, and its figures for the "
        "voice are its own."
    )
    sides = _side_by_side(prediction) if prediction.emotion else ""
    sentence = f'<p class="at-companion" data-testid="companion">{escape(summary(prediction))}</p>'
    return card(f"{pair} together".capitalize(), f"{about}{sentence}{sides}")


def _side_by_side(prediction: Prediction) -> str:
    cards = "".join(
        _modality_card(prediction, name, probabilities)
        for name, probabilities in prediction.by_modality.items()
        if probabilities
    )
    return f'<div class="at-compare">{cards}</div>'


def _state_title(prediction: Prediction) -> str:
    # Either half of a video gives a category, so that without one both are missing.
    if "video" in prediction.by_modality and prediction.state != State.REFUSED:
        return f"Neither {' nor '.join(map(noun, modalities(prediction)))} found"
    return STATE_TITLES.get(prediction.state, "No category assigned")


def _modality_card(prediction: Prediction, name: str, probabilities: dict[str, float]) -> str:
    top, confidence = ranked(probabilities)[0]
    alone = name in modalities(prediction)
    title = f"{noun(name)} alone".capitalize() if alone else TOGETHER
    differs = alone and top != prediction.emotion
    badge = '<span class="at-badge">differs</span>' if differs else ""
    return (
        f'<article class="at-modality" style="{emotion_style(top)}" data-modality="{escape(name)}">'
        f'<h3>{title}</h3><p class="at-top"><span class="at-dot" aria-hidden="true"></span>'
        f"{escape(top.capitalize())} {escape(percent(confidence))}{badge}</p>"
        f"{bars(probabilities)}</article>"
    )


def _missing(prediction: Prediction) -> str:
    """What to add so that there is something to compare."""
    if prediction.state != State.OK:
        return ""  # both were given; the sentence says why one was not used
    names = modalities(prediction)
    absent = [name for name in names if not prediction.by_modality[name] and name in TO_ADD]
    pair = " and ".join(map(noun, names))
    hints = " ".join(f"{TO_ADD[name]} to see {pair} side by side." for name in absent)
    return f'<p class="at-card at-missing">{hints}</p>' if hints else ""
