"""Metrics of natural pairs, computed on the visitor's own clips."""

from __future__ import annotations

from collections.abc import Sequence

from mer_core.atlas.analysis.granularity import distinct, halves_of, with_both_halves
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.markup import caption, card, escape, table
from mer_core.demo.panels.metric_words import ARROWS, explanation, tooltip
from mer_core.demo.panels.nouns import noun
from mer_core.demo.panels.stages import stages_of
from mer_core.metrics.catalogue import METRICS
from mer_core.metrics.nulls import pairs_nulls
from mer_core.metrics.report import pairs_report

FEWEST = 3  # different clips with both halves
FIVE = 5  # R@5 means something with more clips than that
SHOWN = ("recall_at_1", "recall_at_5", "mrr", "foscttm", "linear_cka")


def own_pairs(clips: Sequence[VisitorClip], strategy: str) -> str:
    """The table of the clips that have both halves, or greyed out with what is missing."""
    pairs = distinct(clips)
    count, repeated = len(pairs), len(with_both_halves(clips)) - len(pairs)
    if count < FEWEST:
        return _card(_missing(count, repeated), "at-waiting")
    stages = stages_of(strategy)
    halves = [halves_of(pairs, stage.strategy) for stage in stages]
    reports = [pairs_report(*both) for both in halves]
    nulls = pairs_nulls(*halves[-1])
    shown = [name for name in SHOWN if name != "recall_at_5" or count > FIVE]
    lead, partner = map(noun, pairs[0].modalities)
    meaning = (
        f"In each of your {count} clips, {lead} and {partner} belong together. These metrics show "
        f"whether each half finds its own other half among them.{_left_out(repeated)}"
    )
    return _card(
        f'{caption(meaning)}<p class="at-verdict-note at-severe"><span aria-hidden="true">!</span>'
        f"<span><b>n = {count}, which is tiny.</b> One clip more or less can change every number. "
        "With so few, linear CKA can be high by chance alone.</span></p>"
        + table(
            ["Metric", *(stage.title for stage in stages), "By chance"],
            (_row(name, nulls[name], reports, (lead, partner)) for name in shown),
            classes="at-own",
        )
    )


def _row(
    name: str, null: float, reports: Sequence[dict[str, float]], nouns: tuple[str, str]
) -> str:
    metric = METRICS[name]
    numbers = "".join(f'<td class="at-number">{report[name]:.2f}</td>' for report in reports)
    arrow = f' <span aria-hidden="true">{ARROWS[metric.better].sign}</span>'
    title = tooltip(escape(metric.title), arrow, explanation(name, *nouns))
    return (
        f'<tr data-figure="{name}"><th scope="row">{title}</th>'
        f'{numbers}<td class="at-number">{null:.2f}</td></tr>'
    )


def _missing(count: int, repeated: int) -> str:
    titles = "".join(
        f'<span class="at-chip"><s>{escape(METRICS[name].title)}</s></span>' for name in SHOWN
    )
    have = "none yet" if count == 0 else f"only {count}"
    reason = (
        f"Not computed: these need at least {FEWEST} different clips with both halves, such as "
        f"voice and words, and there {'is' if count == 1 else 'are'} {have}.{_left_out(repeated)} "
        f"Analyse {FEWEST - count} more on another page."
    )
    return f"<div>{titles}</div>{caption(reason)}"


def _left_out(repeated: int) -> str:
    """A sentence more, where some of the visitor's clips do not count."""
    if repeated == 0:
        return ""
    one = repeated == 1
    return (
        f" {repeated} of your clips {'is' if one else 'are'} left out, because "
        f"{'it equals' if one else 'they equal'} an earlier one: the halves of equal clips cannot "
        "be told apart."
    )


def _card(inside: str, more_classes: str = "") -> str:
    classes = f"at-panel at-own-pairs {more_classes}".strip()
    return card("Your own pairs", inside, classes=classes)
