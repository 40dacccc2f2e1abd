"""What stands on a page before, beside and while something is analysed."""

from __future__ import annotations

from mer_core.demo.background import State
from mer_core.demo.panels.markup import escape


def header(sentence: str, state: State) -> str:
    """The name of the house, what it does, and whether the model is ready."""
    return (
        '<header class="at-header"><div><h1 class="at-brand">Attune</h1>'
        '<p class="at-tagline">Which emotion do a voice and its words express, '
        "and do the two agree?</p></div>"
        f'<p class="at-model at-model-{state}" role="status" data-testid="model">'
        f'<span class="at-lamp" aria-hidden="true"></span>{escape(sentence)}</p></header>'
    )


def notice(minutes: int) -> str:
    """What people must know before the first recording (AI Act, Art. 50(3))."""
    return (
        '<section class="at-notice" aria-label="Before you record"><h2>Before you record</h2><ul>'
        "<li><strong>What is computed.</strong> This is an emotion recognition system: a machine "
        "assigns one of a few categories to the sound of a voice and to words. It does not know "
        "what anyone feels, and it is often wrong.</li>"
        "<li><strong>What is kept.</strong> Nothing beyond your visit. Clips are deleted from the "
        f"server within {minutes} minutes; words and results are never stored or passed on.</li>"
        "<li><strong>What not to use it for.</strong> Not at work or in education, not to judge, "
        "screen or diagnose anyone. Record others only if they agree.</li></ul></section>"
    )


def empty() -> str:
    """What will appear, before the first analysis."""
    lines = (
        ("The category", "that the model assigns, with its confidence"),
        ("Voice, words and both", "side by side, so that you see when they point apart"),
        ("Words over time", "which moments of the recording each word attends to"),
    )
    items = "".join(f"<li><strong>{title}</strong> {rest}</li>" for title, rest in lines)
    bars = "".join(f'<i style="block-size:{size}%"></i>' for size in _SKETCH)
    return (
        '<section class="at-card at-empty" aria-label="Result" data-testid="empty">'
        f'<div class="at-sketch" aria-hidden="true">{bars}</div>'
        '<p class="at-empty-title">Your result appears here</p>'
        f"<p>Record or upload a voice, type what was said, or both. Then press Analyse.</p>"
        f"<ul>{items}</ul></section>"
    )


_SKETCH = (18, 34, 62, 40, 78, 96, 58, 30, 52, 84, 66, 38, 22, 46, 70, 48, 26, 14)


def working(sentence: str) -> str:
    """In place of the result while it is computed."""
    return (
        '<section class="at-card at-working" aria-busy="true" aria-label="Result">'
        f'<p class="at-kicker">{escape(sentence)}</p><div class="at-pulse"></div>'
        '<div class="at-pulse"></div><div class="at-pulse"></div></section>'
    )


def footer() -> str:
    """Who made what, below everything."""
    return (
        '<footer class="at-footer">Model after MGCMA (multi-granularity cross-modal alignment), '
        "trained on acted speech and online comments. Example clips are synthetic voices."
        "</footer>"
    )


def hint(message: str) -> str:
    """A quiet line below a control."""
    return f'<p class="at-hint">{escape(message)}</p>' if message else ""
