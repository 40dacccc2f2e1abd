"""How a refit goes and ends, as markup."""

from __future__ import annotations

from mer_core.demo.panels.markup import escape


def progress_bar(share: float, sentence: str, seconds: float = 0.0) -> str:
    """Progress for a visitor and a screen reader; 0 is drawn as waiting."""
    percent = round(100 * min(max(share, 0.0), 1.0))
    waiting = "" if percent else " at-refit-waiting"
    elapsed = f"{seconds:.0f} s" if seconds >= 1 else ""
    return (
        f'<div class="at-refit{waiting}"><div class="at-refit-track" role="progressbar" '
        f'aria-label="Refit" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}" '
        f'aria-valuetext="{escape(sentence)}"><span style="inline-size:{percent}%"></span></div>'
        f'<p class="at-refit-line">{escape(sentence)}<span>{elapsed}</span></p></div>'
    )


def outcome(sentence: str, failed: bool = False) -> str:
    """How a refit ended."""
    look = "at-refit-said at-refit-bad" if failed else "at-refit-said"
    return f'<div class="at-refit"><p class="{look}" role="status">{escape(sentence)}</p></div>'
