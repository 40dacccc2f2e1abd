"""Metrics of natural pairs, computed on the visitor's own clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mer_core.atlas.analysis.granularity import complete, different, halves_of
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.markup import escape
from mer_core.demo.panels.metric_words import MEANINGS
from mer_core.frameworks.descriptor import BEFORE
from mer_core.metrics.report import METRICS, pairs_report

FEWEST = 3  # different clips with both halves
FIVE = 5  # R@5 means something with more clips than that
FIGURES = ("recall_at_1", "recall_at_5", "mrr", "foscttm", "linear_cka")
ARROWS = {"higher": "↑", "lower": "↓", "": ""}


def own_pairs(clips: Sequence[VisitorClip], strategy: str) -> str:
    """The table of the clips that have both halves, or greyed out with what is missing."""
    pairs = different(clips)
    count, again = len(pairs), len(complete(clips)) - len(pairs)
    if count < FEWEST:
        return _card(_missing(count, again), "at-waiting")
    before = _report(pairs, BEFORE)
    after = None if strategy == BEFORE else _report(pairs, strategy)
    rows = "".join(_row(name, count, before, after) for name in _figures(count))
    heads = ["Metric", "No alignment" if after is None else "Before"]
    heads += ["By chance"] if after is None else ["After", "By chance"]
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return _card(
        f'<p class="at-caption">The halves of your {count} clips belong together, so one can ask '
        f"whether a half finds its own other half among them.{_repeated(again)}</p>"
        f'<p class="at-verdict-note at-severe"><span aria-hidden="true">!</span><span>'
        f"<b>n = {count}, which is tiny.</b> One clip more or less can change every figure. With "
        "so few, linear CKA can be high by chance alone.</span></p>"
        f'<table class="at-own"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )


def chance(figure: str, count: int) -> float | None:
    """What guessing gets with `count` clips; None where that has no simple value."""
    if figure in ("recall_at_1", "recall_at_5"):
        return min(1.0, (1 if figure == "recall_at_1" else FIVE) / count)
    if figure == "mrr":
        return float(np.mean(1 / np.arange(1, count + 1)))
    return 0.5 if figure == "foscttm" else None


def _figures(count: int) -> list[str]:
    return [name for name in FIGURES if name != "recall_at_5" or count > FIVE]


def _report(pairs: Sequence[VisitorClip], strategy: str) -> dict[str, float]:
    lead, partner = halves_of(pairs, strategy)
    return pairs_report(lead, partner)


def _row(name: str, count: int, before: dict[str, float], after: dict[str, float] | None) -> str:
    metric, guessed = METRICS[name], chance(name, count)
    values = [before[name]] if after is None else [before[name], after[name]]
    numbers = "".join(f'<td class="at-number">{value:.2f}</td>' for value in values)
    return (
        f'<tr data-figure="{name}"><th scope="row"><span class="at-tip" tabindex="0">'
        f'<span class="at-tip-name">{escape(metric.title)}</span> '
        f'<span aria-hidden="true">{ARROWS[metric.better]}</span>'
        f'<span class="at-tip-text" role="tooltip">{escape(MEANINGS[name])}</span></span></th>'
        f'{numbers}<td class="at-number">{"—" if guessed is None else f"{guessed:.2f}"}</td></tr>'
    )


def _missing(count: int, again: int) -> str:
    titles = "".join(
        f'<span class="at-chip"><s>{escape(METRICS[name].title)}</s></span>' for name in FIGURES
    )
    have = "none yet" if count == 0 else f"only {count}"
    return (
        f"<div>{titles}</div>"
        f'<p class="at-caption">Not computed: these need at least {FEWEST} different clips with '
        f"both halves, and there {'is' if count == 1 else 'are'} {have}.{_repeated(again)} "
        f"Analyse {FEWEST - count} more on another page, each with both halves.</p>"
    )


def _repeated(again: int) -> str:
    """A sentence more, where some of the visitor's clips do not count."""
    if again == 0:
        return ""
    one = again == 1
    return (
        f" {again} of your clips {'is' if one else 'are'} left out, because "
        f"{'it is' if one else 'they are'} the same as an earlier one in both halves: equal clips "
        "say nothing, since their halves cannot be told apart."
    )


def _card(inside: str, also: str = "") -> str:
    return (
        f'<section class="at-card at-panel at-own-pairs {also}" aria-label="Your own pairs">'
        f'<h2 class="at-title">Your own pairs</h2>{inside}</section>'
    )
