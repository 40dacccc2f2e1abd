"""How the category changes over a long clip: its windows on the time axis of the waveform."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from mer_core.demo.panels.markup import emotion_style, escape, percent, seconds
from mer_core.demo.panels.waveform import axis, outline
from mer_core.types import Prediction, Window

ROOM = 0.11  # share of the width below which a stretch carries no label


@dataclass(frozen=True)
class Stretch:
    """The part of the clip that one window stands for.

    Attributes:
        start: Seconds.
        end: Seconds.
        window: The window whose middle is nearest.
    """

    start: float
    end: float
    window: Window


def timeline_figure(prediction: Prediction) -> str:
    """The windows of a clip over 8 s, or nothing for shorter ones."""
    if not prediction.timeline or not prediction.duration:
        return ""
    duration = max(prediction.duration, prediction.timeline[-1].end)
    wave = "" if prediction.envelope is None else outline(prediction.envelope, duration)
    parts = stretches(prediction.timeline, duration)
    return (
        '<section class="at-card" aria-label="Timeline">'
        '<h2 class="at-title">How it changes</h2>'
        '<p class="at-caption">The voice in overlapping windows; taller means more probable, '
        "hatched means no speech.</p>"
        f'<div class="at-strip" role="img" aria-label="{escape(_described(prediction.timeline))}">'
        f"{wave}{_tops(parts, duration)}{_columns(parts, duration)}{axis(duration)}</div>"
        f"{_legend(prediction.timeline)}{_table(prediction.timeline)}</section>"
    )


def stretches(timeline: tuple[Window, ...], duration: float) -> list[Stretch]:
    """Overlapping windows cut where the next one's middle is nearer, without gap or overlap."""
    middles = [(window.start + window.end) / 2 for window in timeline]
    cuts = [(left + right) / 2 for left, right in pairwise(middles)]
    edges = [0.0, *cuts, duration]
    return [
        Stretch(start, end, window)
        for start, end, window in zip(edges[:-1], edges[1:], timeline, strict=True)
    ]


def _tops(parts: list[Stretch], duration: float) -> str:
    """One label over each run of equal categories that is wide enough."""
    labels = []
    for start, end, emotion in _runs(parts):
        if emotion is not None and (end - start) / duration >= ROOM:
            labels.append(
                f'<span style="inset-inline-start:{100 * start / duration:.2f}%;'
                f'inline-size:{100 * (end - start) / duration:.2f}%;{emotion_style(emotion)}">'
                f"{escape(emotion)}</span>"
            )
    return f'<div class="at-tops" aria-hidden="true">{"".join(labels)}</div>'


def _runs(parts: list[Stretch]) -> list[tuple[float, float, str | None]]:
    runs: list[tuple[float, float, str | None]] = []
    for part in parts:
        if runs and runs[-1][2] == part.window.emotion:
            runs[-1] = (runs[-1][0], part.end, part.window.emotion)
        else:
            runs.append((part.start, part.end, part.window.emotion))
    return runs


def _columns(parts: list[Stretch], duration: float) -> str:
    cells = "".join(_column(part) for part in parts)
    return (
        f'<svg class="at-columns" viewBox="0 0 {duration:.3f} 1" preserveAspectRatio="none" '
        f'aria-hidden="true" focusable="false">{cells}</svg>'
    )


def _column(part: Stretch) -> str:
    place = f'x="{part.start:.3f}" width="{part.end - part.start:.3f}"'
    if part.window.emotion is None:
        return ""  # the hatched ground shows
    drawn, bottom = [], 1.0
    for emotion, chance in part.window.probabilities.items():
        bottom -= chance
        drawn.append(
            f'<rect style="{emotion_style(emotion)}" {place} '
            f'y="{max(bottom, 0):.4f}" height="{chance:.4f}"/>'
        )
    return "".join(drawn)


def _legend(timeline: tuple[Window, ...]) -> str:
    emotions = next((w.probabilities for w in timeline if w.probabilities), {})
    entries = "".join(
        f'<li style="{emotion_style(name)}"><span class="at-dot"></span>{escape(name)}</li>'
        for name in emotions
    )
    silent = any(window.emotion is None for window in timeline)
    hatched = '<li><span class="at-dot at-hatched"></span>no speech</li>' if silent else ""
    return f'<ul class="at-legend" aria-hidden="true">{entries}{hatched}</ul>'


def _described(timeline: tuple[Window, ...]) -> str:
    listed = "; ".join(
        f"{seconds(w.start)} to {seconds(w.end)} {w.emotion or 'no speech'}" for w in timeline[:20]
    )
    return f"Timeline of {len(timeline)} windows: {listed}."


def _table(timeline: tuple[Window, ...]) -> str:
    rows = "".join(
        f"<tr><td>{seconds(window.start)} to {seconds(window.end)}</td>"
        f"<td>{escape(window.emotion or 'no speech')}</td><td>{_confidence(window)}</td></tr>"
        for window in timeline
    )
    return (
        '<details class="at-details"><summary>As a table</summary><table><thead><tr>'
        "<th>Window</th><th>Category</th><th>Confidence</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></details>"
    )


def _confidence(window: Window) -> str:
    chance = window.probabilities.get(window.emotion or "")
    return "" if chance is None else escape(percent(chance))
