"""One strategy's figures against "none": values, differences with their intervals, and caveats."""

from __future__ import annotations

from mer_core.atlas.analysis.ablation import Ablation, Cell, signed, verdicts
from mer_core.demo.panels.interval import interval_plot, verdict_mark
from mer_core.demo.panels.markup import escape
from mer_core.demo.panels.metric_words import GROUPS, HEADLINE, INSTEAD, MEANINGS, RECOGNITION
from mer_core.demo.panels.nouns import noun
from mer_core.frameworks.descriptor import BEFORE, strategy_title
from mer_core.metrics.report import METRICS

COMMAND = "python -m train ablate"
ARROWS = {"higher": ("↑", "higher is better"), "lower": ("↓", "lower is better")}
STAGE = "before/"  # figures of the same network, measured ahead of its alignment


def metrics_table(ablation: Ablation, strategy: str) -> str:
    """The chosen strategy beside the network without alignment; a sentence if it is that one."""
    try:
        found = verdicts(ablation, strategy)
    except ValueError:
        return _card(
            f'<p class="at-caption">{escape(strategy_title(strategy))} was not part of the '
            f"ablation, so there are no figures to compare. <code>{COMMAND}</code> measures it.</p>"
        )
    warnings = "".join(
        f'<p class="at-verdict-note{" at-severe" if verdict.severe else ""}">'
        f'<span aria-hidden="true">{"!" if verdict.severe else "i"}</span>'
        f"<span><b>{'Warning' if verdict.severe else 'Note'}.</b> {escape(verdict.text)}</span></p>"
        for verdict in found
    )
    return _card(
        f"{warnings}{_intro(strategy)}{_table(ablation, strategy, HEADLINE)}{_key(strategy)}"
        f"{_rest(ablation, strategy)}{_protocol(ablation)}"
    )


def metric_title(ablation: Ablation, figure: str) -> str:
    """Its name with what the modalities carry in place of x and y."""
    name = figure.removeprefix(STAGE)
    if name in RECOGNITION:
        return RECOGNITION[name][0]
    if name not in METRICS:
        return name.replace("_", " ")
    lead, partner = (noun(m) for m in ablation.protocol.modalities)
    return METRICS[name].title.format(x=lead, y=partner)


def better(figure: str) -> str:
    """`higher`, `lower`, or empty where neither is better by itself."""
    name = figure.removeprefix(STAGE)
    if name in RECOGNITION:
        return RECOGNITION[name][1]
    return METRICS[name].better if name in METRICS else ""


def _card(inside: str) -> str:
    return (
        '<section class="at-card at-panel at-metrics" aria-label="Metrics of the chosen strategy">'
        f'<h2 class="at-title">Measured against no alignment</h2>{inside}</section>'
    )


def _intro(strategy: str) -> str:
    if strategy == BEFORE:
        said = (
            "This is the network without any alignment: what all others are compared with. Switch "
            "a module on to see differences."
        )
    else:
        said = (
            "Mean ± standard deviation over seeds, measured in the original space, never on the "
            "map. The line shows the difference from no alignment with its 95% interval; the tick "
            "in the middle is 0. Each line has its own scale."
        )
    return f'<p class="at-caption">{said}</p>'


def _table(ablation: Ablation, strategy: str, figures: tuple[str, ...]) -> str:
    """A table whose roles are said outright, for on a phone its rows are laid out as cards."""
    compared = strategy != BEFORE
    heads = ["Metric", "No alignment"]
    if compared:
        heads += [strategy_title(strategy), "Difference, 95%"]
    head = "".join(f'<th role="columnheader" scope="col">{escape(name)}</th>' for name in heads)
    rows = "".join(_row(ablation, strategy, figure) for figure in figures)
    return (
        '<table class="at-figures" role="table"><thead role="rowgroup">'
        f'<tr role="row">{head}</tr></thead><tbody role="rowgroup">{rows}</tbody></table>'
    )


def _row(ablation: Ablation, strategy: str, figure: str) -> str:
    base, cell = ablation.cell(BEFORE, figure), ablation.cell(strategy, figure)
    cells = f'<td role="cell" data-head="No alignment">{_value(base)}</td>'
    if strategy != BEFORE:
        name = escape(strategy_title(strategy))
        cells += (
            f'<td role="cell" data-head="{name}">{_value(cell)}</td>'
            f'<td role="cell" class="at-change">{_change(cell, figure)}</td>'
        )
    missing = ' class="at-absent"' if cell.mean is None and base.mean is None else ""
    return (
        f'<tr role="row" data-figure="{escape(figure)}"{missing}>'
        f'<th role="rowheader" scope="row">{_name(ablation, figure)}</th>{cells}</tr>'
    )


def _name(ablation: Ablation, figure: str) -> str:
    """The metric with its arrow, and its meaning for who points at it or tabs to it."""
    title = escape(metric_title(ablation, figure))
    arrow = ""
    if better(figure):
        sign, said = ARROWS[better(figure)]
        arrow = f' <span aria-hidden="true">{sign}</span><span class="at-hidden">, {said}</span>'
    meaning = MEANINGS.get(figure.removeprefix(STAGE), "")
    if not meaning:
        return f"{title}{arrow}"
    return (
        f'<span class="at-tip" tabindex="0"><span class="at-tip-name">{title}</span>{arrow}'
        f'<span class="at-tip-text" role="tooltip">{escape(meaning)}</span></span>'
    )


def _value(cell: Cell) -> str:
    if cell.mean is None:
        return (
            '<span class="at-none">—'
            f'<span class="at-hidden"> not computed: {escape(cell.reason)}</span></span>'
        )
    spread = "" if cell.std is None else f' <span class="at-spread">± {cell.std:.3f}</span>'
    return f"{_number(cell.mean)}{spread}"


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _change(cell: Cell, figure: str) -> str:
    if cell.mean is None:
        return f'<span class="at-caption">{escape(cell.reason)}</span>'
    if cell.difference is None:
        return '<span class="at-caption">no alignment has no such figure</span>'
    mark, said, tone = verdict_mark(cell, better(figure))
    numbers = signed(cell.difference)
    if cell.interval is not None:
        numbers += f" [{signed(cell.interval[0])}, {signed(cell.interval[1])}]"
    return (
        f'<span class="at-mark at-{tone}"><span aria-hidden="true">{mark}</span> {said}</span> '
        f'<span class="at-numbers">{numbers}</span>{interval_plot(cell, tone)}'
    )


def _key(strategy: str) -> str:
    if strategy == BEFORE:
        return ""
    return (
        '<p class="at-caption">▲ better, ▼ worse, ◆ changed where neither way is better by itself: '
        "the interval leaves 0 out and all seeds agree. ○ not clear: it could be chance.</p>"
    )


def _rest(ablation: Ablation, strategy: str) -> str:
    """Every other figure, and what cannot be computed here."""
    measured = "".join(
        f"<h3>{escape(title)}</h3>{_table(ablation, strategy, figures)}"
        for title, figures in GROUPS.items()
    )
    return (
        '<details class="at-details at-more"><summary data-fold="metrics">All metrics</summary>'
        f"{measured}{_not_here(ablation, strategy)}</details>"
    )


def _not_here(ablation: Ablation, strategy: str) -> str:
    """Metrics of natural pairs: greyed out with the reason, or as values where there are any."""
    figures = tuple(name for name, metric in METRICS.items() if "pair" in metric.needs)
    there = tuple(f for f in figures if ablation.cell(strategy, f).mean is not None)
    shown = f"<h3>Of natural pairs</h3>{_table(ablation, strategy, there)}" if there else ""
    by_reason: dict[str, list[str]] = {}
    for figure in figures:
        if figure not in there:
            by_reason.setdefault(ablation.cell(strategy, figure).reason, []).append(figure)
    if not by_reason:
        return shown
    greyed = "".join(
        f"<li>{_absent(ablation, figures)}<p>Not computed: {escape(reason)}.</p></li>"
        for reason, figures in by_reason.items()
    )
    return (
        f'{shown}<h3>Not computed on this data</h3><ul class="at-greyed">{greyed}</ul>'
        '<p class="at-caption">Your own clips are natural pairs: with three or more of them, these '
        "metrics are computed on yours.</p>"
    )


def _absent(ablation: Ablation, figures: list[str]) -> str:
    def entry(figure: str) -> str:
        instead = INSTEAD.get(figure, "")
        said = f" → {escape(metric_title(ablation, instead))}" if instead else ""
        return f'<span class="at-chip"><s>{escape(metric_title(ablation, figure))}</s>{said}</span>'

    return f"<div>{''.join(entry(figure) for figure in figures)}</div>"


def _protocol(ablation: Ablation) -> str:
    about = ablation.protocol
    seeds = ", ".join(str(seed) for seed in about.seeds)
    notes = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in about.notes.items()
    )
    return (
        f'<p class="at-caption at-protocol">Protocol: {escape(about.split)} split; sets '
        f"{escape(', '.join(about.sets))}; seeds {escape(seeds)}; <code>{COMMAND}</code>.</p>"
        '<details class="at-details"><summary data-fold="protocol">The whole protocol</summary>'
        f'<dl class="at-notes">{notes}</dl></details>'
    )
