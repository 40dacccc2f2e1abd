"""Test figures as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mer_core.frameworks.base import MATCH


def metrics_table(metrics: dict[str, Any]) -> str:
    """A Markdown row for each test set and branch, then for the matching of pairs."""
    lines = [
        "| test set | branch | n | UA [95 %] | WA [95 %] | macro-F1 | ECE | refused |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = [
        (name, condition, report)
        for name, conditions in metrics["sets"].items()
        for condition, report in conditions.items()
    ]
    rows += [(name, MATCH, report) for name, report in metrics.get("matching", {}).items()]
    for name, condition, report in rows:
        cells = [
            f"{report[key]:.3f} [{report[f'{key}_95'][0]:.2f}, {report[f'{key}_95'][1]:.2f}]"
            for key in ("unweighted_accuracy", "weighted_accuracy")
        ]
        lines.append(
            f"| {name} | {condition} | {report['n']} | {' | '.join(cells)} "
            f"| {report['macro_f1']:.3f} | {report['ece']:.3f} | {refusals(report)} |"
        )
    return "\n".join(lines)


def refusals(report: Mapping[str, Any]) -> str:
    """The share of items without an answer; older reports do not hold it."""
    return f"{100 * report['refused']:.1f} %" if "refused" in report else "–"
