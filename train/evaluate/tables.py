"""Test figures as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mer_core.emotions import FOUR
from mer_core.frameworks.base import MATCH
from mer_core.types import COMBINED


def metrics_table(metrics: dict[str, Any]) -> str:
    """A Markdown row for each test set and branch, then for matching; tables of fusion below."""
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
    fusion = metrics.get("fusion", {})  # older figures do not hold it
    if fusion.get("gain"):
        lines += ["", *_gains(fusion["gain"])]
    if fusion.get("contradiction"):
        lines += ["", *_contradictions(fusion["contradiction"])]
    return "\n".join(lines)


def refusals(report: Mapping[str, Any]) -> str:
    """The share of items without an answer; older reports do not hold it."""
    return f"{100 * report['refused']:.1f} %" if "refused" in report else "–"


def _gains(gains: Mapping[str, Any]) -> list[str]:
    lines = [
        f"| pairs | against | UA both | UA alone | difference [95 %] | {' | '.join(FOUR)} |",
        f"|---|---|---|---|---|{'---|' * len(FOUR)}",
    ]
    for name, row in gains.items():
        recalls = [
            " → ".join(_share(row["recall"][c][label]) for c in (row["against"], COMBINED))
            for label in FOUR
        ]
        lines.append(f"| {name} | {_compared(row)} | {' | '.join(recalls)} |")
    return lines


def _contradictions(contradictions: Mapping[str, Any]) -> list[str]:
    lines = [
        "| partners of other labels | against | either label, both | alone | difference [95 %] "
        "| follows | neither |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in contradictions.items():
        follows = ", ".join(f"{half} {share:.3f}" for half, share in row["follows"].items())
        lines.append(f"| {name} | {_compared(row)} | {follows} | {row['neither']:.3f} |")
    return lines


def _compared(row: Mapping[str, Any]) -> str:
    low, high = row["difference_95"]
    difference = f"{row['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
    return f"{row['against']} | {row['both']:.3f} | {row['alone']:.3f} | {difference}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
