"""A page's header, notices and placeholders: what it shows around a result."""

from __future__ import annotations

from dataclasses import dataclass

from mer_core.demo.panels.markup import escape
from mer_core.demo.services.background import LoadState


@dataclass(frozen=True, kw_only=True)
class Texts:
    """What differs from page to page.

    Attributes:
        tagline: The page's question, below the name.
        credit: Whose model it is and what it was trained on.
    """

    tagline: str
    credit: str


@dataclass(frozen=True, kw_only=True)
class RecordingTexts(Texts):
    """The texts of a page that opens a microphone or a camera.

    Attributes:
        judged: What categories are assigned to, as in "a machine assigns … to …".
        kept: What happens to clips and results; follows how long clips are kept.
        start: What to do before the first analysis.
        promises: (title, rest) of what a result will show.
    """

    judged: str
    kept: str
    start: str
    promises: tuple[tuple[str, str], ...]


def header(sentence: str, state: LoadState, tagline: str) -> str:
    """The app's name, what it does, and whether the model is ready."""
    return (
        '<header class="at-header"><div><h1 class="at-brand">Attune</h1>'
        f'<p class="at-tagline">{escape(tagline)}</p></div>'
        f'<p class="at-model at-model-{state}" role="status" data-testid="model">'
        f'<span class="at-lamp" aria-hidden="true"></span>{escape(sentence)}</p></header>'
    )


def notice(minutes: int, texts: RecordingTexts) -> str:
    """What people must know before the first recording (AI Act, Art. 50(3))."""
    return (
        '<section class="at-notice" aria-label="Before you record"><h2>Before you record</h2><ul>'
        "<li><strong>What is computed.</strong> This is an emotion recognition system: a machine "
        f"assigns one of a few categories to {escape(texts.judged)}. It does not know "
        "what anyone feels, and it is often wrong. It also recognises what is said, unless you "
        "switch that off.</li>"
        "<li><strong>What is kept.</strong> Nothing beyond your visit. Files are deleted from the "
        f"server within {minutes} minutes; {escape(texts.kept)} For the atlas, your last clips "
        "stay in the server's memory until you remove them or have been away for "
        f"{minutes} minutes.</li>"
        "<li><strong>What not to use it for.</strong> Not at work or in education, not to judge, "
        "screen or diagnose anyone. Record others only if they agree.</li></ul></section>"
    )


def empty(texts: RecordingTexts) -> str:
    """What will appear, before the first analysis."""
    items = "".join(
        f"<li><strong>{escape(title)}</strong> {escape(rest)}</li>"
        for title, rest in texts.promises
    )
    bars = "".join(f'<i style="block-size:{size}%"></i>' for size in _SKETCH)
    return (
        '<section class="at-card at-empty" aria-label="Result" data-testid="empty">'
        f'<div class="at-sketch" aria-hidden="true">{bars}</div>'
        '<p class="at-empty-title">Your result appears here</p>'
        f"<p>{escape(texts.start)}</p><ul>{items}</ul></section>"
    )


_SKETCH = (18, 34, 62, 40, 78, 96, 58, 30, 52, 84, 66, 38, 22, 46, 70, 48, 26, 14)


def working(sentence: str) -> str:
    """A placeholder while the result is computed."""
    return (
        '<section class="at-card at-working" aria-busy="true" aria-label="Result">'
        f'<p class="at-kicker">{escape(sentence)}</p><div class="at-pulse"></div>'
        '<div class="at-pulse"></div><div class="at-pulse"></div></section>'
    )


def footer(texts: Texts) -> str:
    """The credits at the end of the page."""
    return f'<footer class="at-footer">{escape(texts.credit)}</footer>'


def hint(message: str) -> str:
    """A quiet line below a control."""
    return f'<p class="at-hint">{escape(message)}</p>' if message else ""


def status(sentence: str, *, working: bool = False) -> str:
    """A line below the result: what is still being done, or what was left out."""
    lamp = '<span class="at-lamp" aria-hidden="true"></span>' if working else ""
    look = "at-status at-status-working" if working else "at-status"
    return f'<p class="{look}" data-testid="status">{lamp}{escape(sentence)}</p>'
