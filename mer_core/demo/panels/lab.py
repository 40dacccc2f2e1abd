"""One clip, original and changed, under every strategy at once: small multiples of paired bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from mer_core.demo.panels.markup import emotion_style, escape, percent
from mer_core.types import Prediction

NONE = "no category"
UNCHANGED = "Nothing is changed yet: this is the clip as it was recorded."
INTRO = "Category that each strategy assigns"


def render_lab(
    before: Mapping[str, Prediction],
    after: Mapping[str, Prediction] | None,
    titles: Mapping[str, str],
    refused: str = "",
) -> str:
    """Every strategy's card: category and probabilities of the original and of the changed clip.

    Args:
        before: Strategy → its network's prediction for the clip as it is.
        after: The same for the changed clip, or None while nothing is changed.
        titles: Strategy → its name for people, as markup; its own name where none is given.
        refused: Why the changed clip could not be analysed, in place of the summary.
    """
    later = after or {}
    cards = "".join(
        _card(titles.get(name, escape(name)), prediction, later.get(name))
        for name, prediction in before.items()
    )
    summary = refused or lab_summary(before, after)
    look = "at-lab-note" if refused else "at-lab-summary"
    return (
        f'<section class="at-lab" aria-label="{INTRO}">'
        f'<p class="{look}" role="status" data-testid="lab-summary">{escape(summary)}</p>'
        f"{_agreement(after or before)}{_note(after)}{_legend() if after else ''}"
        f'<div class="at-lab-cards">{cards}</div></section>'
    )


def lab_summary(before: Mapping[str, Prediction], after: Mapping[str, Prediction] | None) -> str:
    """How many strategies assign another category than before; plain text."""
    if after is None:
        return UNCHANGED
    total = len(before)
    without = sum(after[name].emotion is None for name in before)
    if without == total:
        return "No strategy can assign a category to the changed clip."
    flipped = sum(
        after[name].emotion not in (None, earlier.emotion) for name, earlier in before.items()
    )
    if not flipped:
        under = f"under {total - without} of {total}" if without else f"under all {total}"
        sentence = f"The category stays the same {under} strategies"
    else:
        which = f"All {total}" if flipped == total else f"{flipped} of {total}"
        sentence = f"{which} strategies now {_assign(flipped)} another category"
    return f"{sentence}; {without} {_assign(without)} none." if without else f"{sentence}."


def agreement(predictions: Mapping[str, Prediction]) -> str:
    """Whether the strategies assign the same category, and if not, which of them how often.

    Empty where none assigns any.
    """
    counts = Counter(prediction.emotion or NONE for prediction in predictions.values())
    total = len(predictions)
    if set(counts) <= {NONE}:
        return ""
    if len(counts) == 1:
        return f"All {total} strategies assign the same category: {next(iter(counts))}."
    named = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    return f"The strategies differ: {named}."


def _agreement(predictions: Mapping[str, Prediction]) -> str:
    sentence = agreement(predictions)
    if not sentence:
        return ""
    return f'<p class="at-lab-agreement" data-testid="lab-agreement">{escape(sentence)}</p>'


def _assign(strategies: int) -> str:
    return "assigns" if strategies == 1 else "assign"


def _note(after: Mapping[str, Prediction] | None) -> str:
    """What the changed clip lacks, once for all strategies."""
    messages = dict.fromkeys(p.message for p in (after or {}).values() if p.message)
    return "".join(
        f'<p class="at-lab-note" data-testid="lab-note">{escape(message)}</p>'
        for message in messages
    )


def _legend() -> str:
    return (
        '<ul class="at-lab-legend" aria-hidden="true">'
        '<li><i class="at-lab-was"></i>original</li><li><i class="at-lab-is"></i>changed</li></ul>'
    )


def _card(title: str, before: Prediction, after: Prediction | None) -> str:
    flips = after is not None and before.emotion != after.emotion
    names = before.probabilities or (after.probabilities if after else {})
    later = after.probabilities if after else {}
    rows = "".join(_row(n, before.probabilities.get(n), later.get(n)) for n in names)
    alone = "" if after else " at-lab-alone"
    bars = f'<ul class="at-lab-bars{alone}">{rows}</ul>' if rows else ""
    return (
        f'<article class="at-lab-card{" at-lab-flips" if flips else ""}">'
        f"<h3>{title}</h3>{_headline(before, after)}{bars}</article>"
    )


def _headline(before: Prediction, after: Prediction | None) -> str:
    """`Happy`, or `Happy → Sad` where the category changes."""
    if after is None or before.emotion == after.emotion:
        return f'<p class="at-lab-top">{_name(before)}</p>'
    return (
        f'<p class="at-lab-top"><span class="at-lab-from">{_name(before)}</span>'
        '<span class="at-lab-arrow" aria-hidden="true">→</span>'
        f'<span class="at-hidden"> becomes </span>{_name(after)}</p>'
    )


def _name(prediction: Prediction) -> str:
    if prediction.emotion is None:
        return f'<span class="at-lab-none">{NONE}</span>'
    return (
        f'<span class="at-lab-name" style="{emotion_style(prediction.emotion)}">'
        '<span class="at-dot" aria-hidden="true"></span>'
        f"{escape(prediction.emotion.capitalize())}</span>"
    )


def _row(name: str, was: float | None, now: float | None) -> str:
    """One category: the original's bar, thin, above the changed clip's."""
    old = "" if was is None else f'<span class="at-lab-was" style="{_size(was)}"></span>'
    new = "" if now is None else f'<span class="at-lab-is" style="{_size(now)}"></span>'
    return (
        f'<li style="{emotion_style(name)}"><span class="at-name">{escape(name)}</span>'
        f'<span class="at-lab-pair" aria-hidden="true">{old}{new}</span>'
        f'<span class="at-number">{_numbers(was, now)}</span></li>'
    )


def _numbers(was: float | None, now: float | None) -> str:
    first, second = (None if p is None else escape(percent(p)) for p in (was, now))
    if first is None or second is None:
        return str(first or second or "")
    return (
        f'<span class="at-lab-old"><span class="at-hidden">from </span>{first}</span>'
        f'<span aria-hidden="true">→</span><span class="at-hidden"> to </span>{second}'
    )


def _size(probability: float) -> str:
    return f"inline-size:{100 * min(max(probability, 0.0), 1.0):.1f}%"
