"""How the category changes over a long clip: its windows on the time axis of the waveform."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise

from mer_core.demo.panels.markup import (
    caption,
    card,
    emotion_style,
    escape,
    folded_table,
    legend,
    percent,
    seconds,
)
from mer_core.demo.panels.waveform import recording_figure
from mer_core.types import Prediction, Window

NARROWEST = 0.11  # share of the width below which a category's span carries no label
LISTED = 20  # windows in the description for screen readers
NO_SPEECH = "no speech"  # how an empty window of a recording is labelled


@dataclass(frozen=True)
class Segment:
    """The part of the clip that is drawn for one window.

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
    meaning = (
        "The recording in overlapping windows, each with its own category. Taller means more "
        f"probable, hatched means {NO_SPEECH}."
    )
    return card(
        "Category over time",
        f"{caption(meaning)}{windows_figure(prediction, duration, NO_SPEECH)}"
        f"{windows_key(prediction.timeline, NO_SPEECH)}",
        label="Timeline",
    )


def windows_figure(prediction: Prediction, duration: float, empty: str) -> str:
    """The waveform, the windows under it, and the axis; `empty` labels an empty window."""
    parts = segments(prediction.timeline, duration) if prediction.timeline else []
    drawn = f"{_labels(parts, duration)}{_columns(parts, duration)}" if parts else ""
    listed = "; ".join(
        f"{seconds(w.start)} to {seconds(w.end)} {w.emotion or empty}"
        for w in prediction.timeline[:LISTED]
    )
    label = f"Timeline of {len(prediction.timeline)} windows: {listed}."
    return recording_figure(prediction.envelope, duration, label, drawn)


def windows_key(timeline: tuple[Window, ...], empty: str) -> str:
    """The colours in words, and the windows as a table."""
    emotions = next((w.probabilities for w in timeline if w.probabilities), {})
    has_empty = any(window.emotion is None for window in timeline)
    hatched = f'<li><span class="at-dot at-hatched"></span>{empty}</li>' if has_empty else ""
    rows = (
        f"<tr><td>{seconds(window.start)} to {seconds(window.end)}</td>"
        f"<td>{escape(window.emotion or empty)}</td><td>{_confidence(window)}</td></tr>"
        for window in timeline
    )
    colours = legend(emotions, 'aria-hidden="true"', hatched)
    return colours + folded_table(("Window", "Category", "Confidence"), rows)


def segments(timeline: tuple[Window, ...], duration: float) -> list[Segment]:
    """Windows cut in the middle of what each shares with the next, without gap or overlap."""
    cuts = [(left.end + right.start) / 2 for left, right in pairwise(timeline)]
    edges = [0.0, *cuts, duration]
    return [
        Segment(start, end, window)
        for start, end, window in zip(edges[:-1], edges[1:], timeline, strict=True)
    ]


def _labels(parts: list[Segment], duration: float) -> str:
    """One label over neighbouring segments of one category, where they are wide enough."""
    labels = []
    for emotion, group in groupby(parts, key=lambda part: part.window.emotion):
        same = list(group)
        start, end = same[0].start, same[-1].end
        if emotion is not None and (end - start) / duration >= NARROWEST:
            labels.append(
                f'<span style="inset-inline-start:{100 * start / duration:.2f}%;'
                f'inline-size:{100 * (end - start) / duration:.2f}%;{emotion_style(emotion)}">'
                f"{escape(emotion)}</span>"
            )
    return f'<div class="at-tops" aria-hidden="true">{"".join(labels)}</div>'


def _columns(parts: list[Segment], duration: float) -> str:
    cells = "".join(_column(part) for part in parts)
    return (
        f'<svg class="at-columns" viewBox="0 0 {duration:.3f} 1" preserveAspectRatio="none" '
        f'aria-hidden="true" focusable="false">{cells}</svg>'
    )


def _column(part: Segment) -> str:
    """Stacked probabilities; nothing over the hatched ground of an empty window."""
    if part.window.emotion is None:
        return ""
    across = f'x="{part.start:.3f}" width="{part.end - part.start:.3f}"'
    drawn, bottom = [], 1.0
    for emotion, probability in part.window.probabilities.items():
        bottom -= probability
        drawn.append(
            f'<rect style="{emotion_style(emotion)}" {across} '
            f'y="{max(bottom, 0):.4f}" height="{probability:.4f}"/>'
        )
    return "".join(drawn)


def _confidence(window: Window) -> str:
    probability = window.probabilities.get(window.emotion or "")
    return "" if probability is None else escape(percent(probability))
