"""One strategy's metrics against no alignment: values, differences with intervals, and caveats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mer_core.atlas.analysis.ablation import Ablation, Cell, verdicts
from mer_core.atlas.analysis.mixing import Mixing
from mer_core.demo.panels.caveats import caveat
from mer_core.demo.panels.interval import interval_plot, verdict_mark
from mer_core.demo.panels.markup import caption, card, escape, number, signed
from mer_core.demo.panels.metric_words import (
    ARROWS,
    COLUMNS,
    GROUPS,
    HEADLINE,
    INSTEAD,
    MAP_MIXING,
    NATURAL,
    explanation,
    metric_of,
    tooltip,
)
from mer_core.demo.panels.nouns import noun
from mer_core.demo.panels.titles import strategy_name
from mer_core.frameworks.descriptor import BEFORE, strategy_title
from mer_core.frameworks.variants import Terms

COMMAND = "python -m train ablate"
DIGITS = 3
WITHOUT_ALIGNMENT = (
    "This is the network without any alignment, which all others are compared with. Switch a "
    "module on to see differences."
)
COMPARED = (
    "Mean ± standard deviation over training runs (seeds), computed on embeddings (the model's "
    "vectors), not on the map, unless it says so. The bar is the 95% interval of the difference "
    "from no alignment; the tick in the middle is 0, and each bar has its own scale. Point at a "
    "metric, or tap it, to see which question it answers."
)
KEY = (
    "▲ better, ▼ worse, ◆ changed where neither way is better by itself: the interval excludes 0 "
    "and all runs agree. ○ not clear: it could be chance."
)
OWN_PAIRS = (
    "Your own clips are natural pairs: with three or more of them, these metrics are computed on "
    "yours."
)


def metrics_table(
    ablation: Ablation, strategy: str, mixing: Mapping[str, Mixing] | None = None
) -> str:
    """The chosen strategy beside the network without alignment; a sentence if it is that one.

    What was not measured is left out: metrics that the ablation lacks, and without `mixing`
    (strategy → mixing of its reference) the figure of the maps.
    """
    if strategy not in ablation.rows:
        return _card(
            caption(
                f"{strategy_name(strategy)} was not measured, so there is nothing to "
                f"compare. <code>{COMMAND}</code> measures it."
            )
        )
    compared = strategy != BEFORE
    ablation = _with_maps(ablation, mixing or {})
    return _card(
        f"{_caveats(ablation, strategy)}{caption(COMPARED if compared else WITHOUT_ALIGNMENT)}"
        f"{_table(ablation, strategy, HEADLINE)}{caption(KEY) if compared else ''}"
        f"{_all_metrics(ablation, strategy)}{_protocol(ablation)}"
    )


def _with_maps(ablation: Ablation, mixing: Mapping[str, Mixing]) -> Ablation:
    """The ablation with a column for the maps' mixing; each strategy has one map."""
    if BEFORE not in mixing:
        return ablation
    base = mixing[BEFORE].map
    cells = {
        name: Cell(mixed.map, difference=mixed.map - base, null=mixed.by_chance)
        for name, mixed in mixing.items()
    }
    rows = {
        name: {**row, MAP_MIXING: cells[name]} if name in cells else row
        for name, row in ablation.rows.items()
    }
    return replace(ablation, rows=rows)


def metric_title(ablation: Ablation, column: str) -> str:
    """Its name with what the modalities carry in place of x and y."""
    name = metric_of(column)
    if name not in COLUMNS:
        return name.replace("_", " ")
    lead, partner = map(noun, ablation.protocol.modalities)
    return COLUMNS[name].title.format(x=lead, y=partner)


def better(column: str) -> str:
    """`higher`, `lower`, or empty where neither is better by itself."""
    name = metric_of(column)
    return COLUMNS[name].better if name in COLUMNS else ""


def _caveats(ablation: Ablation, strategy: str) -> str:
    return "".join(
        f'<p class="at-verdict-note{" at-severe" if verdict.kind.severe else ""}">'
        f'<span aria-hidden="true">{"!" if verdict.kind.severe else "i"}</span><span>'
        f"<b>{'Warning' if verdict.kind.severe else 'Note'}.</b> {escape(caveat(verdict))}"
        "</span></p>"
        for verdict in verdicts(ablation, strategy)
    )


def _card(inside: str) -> str:
    return card(
        "Compared with no alignment",
        inside,
        label="Metrics of the chosen strategy",
        classes="at-panel at-metrics",
    )


def _table(ablation: Ablation, strategy: str, columns: Sequence[str]) -> str:
    """A table with explicit roles: on a phone its rows are laid out as cards."""
    heads = ["Metric", "No alignment"]
    if strategy != BEFORE:
        heads += [strategy_name(strategy), "Difference, 95%"]
    head = "".join(f'<th role="columnheader" scope="col">{name}</th>' for name in heads)
    measured = [column for column in columns if column in ablation.rows[BEFORE]]
    rows = "".join(_row(ablation, strategy, column) for column in measured)
    return (
        '<table class="at-figures" role="table"><thead role="rowgroup">'
        f'<tr role="row">{head}</tr></thead><tbody role="rowgroup">{rows}</tbody></table>'
    )


def _row(ablation: Ablation, strategy: str, column: str) -> str:
    base, cell = ablation.cell(BEFORE, column), ablation.cell(strategy, column)
    cells = f'<td role="cell" data-head="No alignment">{_value(base)}</td>'
    if strategy != BEFORE:
        plain, papers = (escape(strategy_title(strategy, terms)) for terms in Terms)
        cells += (
            f'<td role="cell" data-head="{plain}" data-papers="{papers}">{_value(cell)}</td>'
            f'<td role="cell" class="at-change">{_change(cell, column)}</td>'
        )
    missing = ' class="at-absent"' if cell.mean is None and base.mean is None else ""
    return (
        f'<tr role="row" data-figure="{escape(column)}"{missing}>'
        f'<th role="rowheader" scope="row">{_name(ablation, column)}{_by_chance(cell)}</th>'
        f"{cells}</tr>"
    )


def _name(ablation: Ablation, column: str) -> str:
    """The metric with its arrow, and its meaning on hover and on focus."""
    title = escape(metric_title(ablation, column))
    arrow = ""
    if direction := better(column):
        sign, words = ARROWS[direction]
        arrow = f' <span aria-hidden="true">{sign}</span><span class="at-hidden">, {words}</span>'
    meaning = explanation(column, *map(noun, ablation.protocol.modalities))
    return tooltip(title, arrow, meaning) if meaning else f"{title}{arrow}"


def _by_chance(cell: Cell) -> str:
    """The null line of the strategy that is shown."""
    if cell.mean is None or cell.null is None:
        return ""
    return f' <span class="at-chance">by chance {number(cell.null, DIGITS)}</span>'


def _value(cell: Cell) -> str:
    if cell.mean is None:
        return (
            '<span class="at-none">—'
            f'<span class="at-hidden"> not computed: {escape(cell.reason)}</span></span>'
        )
    spread = "" if cell.std is None else f' <span class="at-spread">± {cell.std:.3f}</span>'
    return f"{number(cell.mean, DIGITS)}{spread}"


def _change(cell: Cell, column: str) -> str:
    if cell.mean is None:
        return f'<span class="at-caption">{escape(cell.reason)}</span>'
    if cell.difference is None:
        return '<span class="at-caption">not measured without alignment</span>'
    mark, word, tone = verdict_mark(cell, better(column))
    numbers = signed(cell.difference)
    if cell.interval is not None:
        numbers += f" [{signed(cell.interval[0])}, {signed(cell.interval[1])}]"
    return (
        f'<span class="at-mark at-{tone}"><span aria-hidden="true">{mark}</span> {word}</span> '
        f'<span class="at-numbers">{numbers}</span>{interval_plot(cell, tone)}'
    )


def _all_metrics(ablation: Ablation, strategy: str) -> str:
    """Every other metric, and what cannot be computed here."""
    measured = "".join(
        f"<h3>{escape(title)}</h3>{_table(ablation, strategy, columns)}"
        for title, columns in GROUPS.items()
        if any(column in ablation.rows[BEFORE] for column in columns)
    )
    return (
        '<details class="at-details at-more"><summary data-fold="metrics">All metrics</summary>'
        f"{measured}{_natural_pairs(ablation, strategy)}</details>"
    )


def _natural_pairs(ablation: Ablation, strategy: str) -> str:
    """Metrics of natural pairs: values where there are any, else greyed out with the reason."""
    measured = [name for name in NATURAL if ablation.cell(strategy, name).mean is not None]
    shown = f"<h3>Natural pairs</h3>{_table(ablation, strategy, measured)}" if measured else ""
    by_reason: dict[str, list[str]] = {}
    for name in NATURAL:
        if name in ablation.rows[BEFORE] and name not in measured:
            by_reason.setdefault(ablation.cell(strategy, name).reason, []).append(name)
    if not by_reason:
        return shown
    greyed = "".join(
        f"<li>{_absent(ablation, names)}<p>Not computed: {escape(reason)}.</p></li>"
        for reason, names in by_reason.items()
    )
    return (
        f'{shown}<h3>Not computed on this data</h3><ul class="at-greyed">{greyed}</ul>'
        f"{caption(OWN_PAIRS)}"
    )


def _absent(ablation: Ablation, names: Sequence[str]) -> str:
    chips = []
    for name in names:
        instead = INSTEAD.get(name)
        arrow = f" → {escape(metric_title(ablation, instead))}" if instead else ""
        title = escape(metric_title(ablation, name))
        chips.append(f'<span class="at-chip"><s>{title}</s>{arrow}</span>')
    return f"<div>{''.join(chips)}</div>"


def _protocol(ablation: Ablation) -> str:
    protocol = ablation.protocol
    seeds = ", ".join(str(seed) for seed in protocol.seeds)
    notes = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in protocol.notes.items()
    )
    return (
        f'<p class="at-caption at-protocol">Protocol: {escape(protocol.split)} split; sets '
        f"{escape(', '.join(protocol.sets))}; seeds {escape(seeds)}; <code>{COMMAND}</code>.</p>"
        '<details class="at-details"><summary data-fold="protocol">The whole protocol</summary>'
        f'<dl class="at-notes">{notes}</dl></details>'
    )
