"""A difference with its interval around 0, as a small drawing and as a word."""

from __future__ import annotations

from mer_core.atlas.analysis.ablation import Cell

# Half the width that a drawing spans at least, so that noise does not look large.
NARROWEST = 0.05
MARGIN = 1.1  # half the width, over the interval's farther end


def verdict_mark(cell: Cell, better: str) -> tuple[str, str, str]:
    """Sign, word and CSS tone of a difference.

    Args:
        cell: With a difference.
        better: `higher`, `lower`, or empty where neither is.
    """
    if cell.interval is None:
        return "·", "no interval", "unclear"
    if not cell.clear or not cell.difference:
        return "○", "not clear", "unclear"
    if not better:
        return "◆", "changed", "changed"
    improved = (cell.difference > 0) == (better == "higher")
    return ("▲", "better", "better") if improved else ("▼", "worse", "worse")


def interval_plot(cell: Cell, tone: str) -> str:
    """SVG: a tick at 0, the interval as a bar, the difference as a dot; its numbers are beside it.

    Shapes only, because it stretches with its cell.
    """
    if cell.difference is None:
        return ""
    low, high = cell.interval or (cell.difference, cell.difference)
    half = MARGIN * max(abs(low), abs(high), abs(cell.difference), NARROWEST)

    def x(value: float) -> float:
        return 50 + 50 * value / half

    return (
        f'<svg class="at-interval at-{tone}" viewBox="0 0 100 16" preserveAspectRatio="none" '
        'aria-hidden="true" focusable="false">'
        '<line class="at-rail" x1="0" x2="100" y1="8" y2="8"/>'
        '<line class="at-zero" x1="50" x2="50" y1="1" y2="15"/>'
        f'<rect class="at-range" x="{x(low):.2f}" width="{max(x(high) - x(low), 0.8):.2f}" '
        'y="5" height="6"/>'
        f'<line class="at-point" x1="{x(cell.difference):.2f}" x2="{x(cell.difference):.2f}" '
        'y1="2" y2="14"/></svg>'
    )
