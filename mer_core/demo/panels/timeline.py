"""How the category changes over a long clip: its windows on the time axis of the waveform."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from mer_core.demo.panels.markup import emotion_style, escape, percent, seconds
from mer_core.demo.panels.waveform import axis, outline
from mer_core.types import Prediction, Window

ROOM = 0.11  # share of the width below which a stretch carries no label
NO_SPEECH = "no speech"  # what an empty window of a recording is called


@dataclass(frozen=True)
class Stretch:
    """The part of the clip that one window stands for.

    Attributes:
        start: Seconds.
        end: Seconds.
        window: The window it was cut from.
    """

    start: float
    end: float
    window: Window


def timeline_figure(prediction: Prediction) -> str:
    """The windows of a clip over 8 s, or nothing for shorter ones."""
    if not prediction.timeline or not prediction.duration:
        return ""
    duration = max(prediction.duration, prediction.timeline[-1].end)
    return (
        '<section class="at-card" aria-label="Timeline">'
        '<h2 class="at-title">How it changes</h2>'
        '<p class="at-caption">The voice in overlapping windows; taller means more probable, '
        "hatched means no speech.</p>"
        f"{strip(prediction, duration, NO_SPEECH)}{legend(prediction.timeline, NO_SPEECH)}"
        f"{table(prediction.timeline, NO_SPEECH)}</section>"
    )


def strip(prediction: Prediction, duration: float, nothing: str) -> str:
    """The waveform, the windows under it, and the axis; an empty window is called `nothing`."""
    wave = "" if prediction.envelope is None else outline(prediction.envelope, duration)
    parts = stretches(prediction.timeline, duration) if prediction.timeline else []
    windows = f"{_tops(parts, duration)}{_columns(parts, duration)}" if parts else ""
    described = escape(_described(prediction.timeline, nothing))
    return (
        f'<div class="at-strip" role="img" aria-label="{described}">'
        f"{wave}{windows}{axis(duration)}</div>"
    )


def stretches(timeline: tuple[Window, ...], duration: float) -> list[Stretch]:
    """Windows cut in the middle of what each shares with the next, without gap or overlap."""
    cuts = [(left.end + right.start) / 2 for left, right in pairwise(timeline)]
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


def legend(timeline: tuple[Window, ...], nothing: str) -> str:
    """The colours in words."""
    emotions = next((w.probabilities for w in timeline if w.probabilities), {})
    entries = "".join(
        f'<li style="{emotion_style(name)}"><span class="at-dot"></span>{escape(name)}</li>'
        for name in emotions
    )
    silent = any(window.emotion is None for window in timeline)
    hatched = f'<li><span class="at-dot at-hatched"></span>{nothing}</li>' if silent else ""
    return f'<ul class="at-legend" aria-hidden="true">{entries}{hatched}</ul>'


def _described(timeline: tuple[Window, ...], nothing: str) -> str:
    listed = "; ".join(
        f"{seconds(w.start)} to {seconds(w.end)} {w.emotion or nothing}" for w in timeline[:20]
    )
    return f"Timeline of {len(timeline)} windows: {listed}."


def table(timeline: tuple[Window, ...], nothing: str) -> str:
    """The windows, for reading."""
    rows = "".join(
        f"<tr><td>{seconds(window.start)} to {seconds(window.end)}</td>"
        f"<td>{escape(window.emotion or nothing)}</td><td>{_confidence(window)}</td></tr>"
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
