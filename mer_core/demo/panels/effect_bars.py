"""Effects of moments and words as bars on the time axis of their recording, or in order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mer_core.demo.panels.markup import escape
from mer_core.demo.panels.waveform import axis, outline
from mer_core.serving.effects import Effect
from mer_core.serving.word_times import Moment
from mer_core.types import FloatArray

# Shares of the width of a phone's drawing, by which words are kept apart; a wider one has room.
CHARACTER, GAP = 2.4, 2.0  # percent
NARROWEST = 0.7  # percent of the width, of a bar
LINE = 1.5  # em
FULL = 0.1  # change of a bar over the full height at least, so that small changes look small


@dataclass(frozen=True)
class Bar:
    """One part of the recording.

    Attributes:
        effect: Of leaving it out.
        when: Start and end, seconds.
        word: As written; empty for a moment of the voice.
    """

    effect: Effect
    when: Moment
    word: str = ""


@dataclass(frozen=True)
class Scale:
    """How high bars are drawn: the same for words and moments of one clip.

    Attributes:
        up: Largest loss of probability.
        down: Largest gain.
    """

    up: float
    down: float

    @property
    def zero(self) -> float:
        """Percent of the height from the top at which bars begin."""
        return 100 * self.up / (self.up + self.down)

    def bar(self, effect: Effect) -> tuple[float, float]:
        """Top and height of a bar, percent."""
        height = 100 * abs(effect.change) / (self.up + self.down)
        return (self.zero - height if effect.change < 0 else self.zero), height


def effect_bars(
    moments: Sequence[Bar],
    words: Sequence[Bar],
    duration: float,
    label: str,
    envelope: FloatArray | None,
) -> str:
    """The waveform, the moments' bars below it, and the words' bars above the words.

    Args:
        moments: Of the whole recording.
        words: Those with a time, in order.
        duration: Seconds.
        label: Describes the drawing to screen readers.
        envelope: (N,) of the waveform, as in `Prediction`, or None.
    """
    scale = scale_of([bar.effect for bar in (*moments, *words)])
    wave = "" if envelope is None else outline(envelope, duration)
    spoken = ""
    if words:
        spoken = _chart("words", words, duration, scale) + _names(words, duration)
    largest = f"voice; the tallest bar is {points_of([bar.effect for bar in (*moments, *words)])}"
    return (
        f'<div class="at-strip at-effects" role="img" aria-label="{escape(label)}">'
        f"{wave}{_chart(largest, moments, duration, scale)}{spoken}{axis(duration)}</div>"
    )


def effect_list(words: Sequence[tuple[str, Effect]]) -> str:
    """Words without a time, in order, each over a bar whose length is its effect."""
    longest = max((abs(effect.change) for _, effect in words), default=0.0)
    longest = max(longest, FULL)
    entries = "".join(
        f'<li class="{_side(effect)}"><span dir="auto">{escape(word)}</span> '
        f'<span class="at-number">{_signed_points(effect)}</span>'
        f'<i style="inline-size:{100 * abs(effect.change) / longest:.1f}%"></i></li>'
        for word, effect in words
    )
    return f'<ol class="at-effect-words">{entries}</ol>' if entries else ""


def scale_of(effects: Sequence[Effect]) -> Scale:
    """That of the largest loss and gain, or of `FULL`."""
    return Scale(
        max(FULL, *(-effect.change for effect in effects)),
        max(FULL / 4, *(effect.change for effect in effects)),
    )


def points_of(effects: Sequence[Effect]) -> str:
    """The largest change, whichever way, in whole points; rounded up."""
    most = max(1, math.ceil(100 * max(abs(effect.change) for effect in effects) - 1e-4))
    return "1 point" if most == 1 else f"{most} points"


def lines_of(words: Sequence[Bar], duration: float) -> list[int]:
    """The line on which each word is written, so that none covers another one."""
    ends: list[float] = []
    lines = []
    for word in words:
        start, end = _extent(word, duration)
        line = next((i for i, last in enumerate(ends) if last <= start), len(ends))
        ends[line : line + 1] = [end + GAP]
        lines.append(line)
    return lines


def _extent(word: Bar, duration: float) -> tuple[float, float]:
    """Where a word's letters are, percent: from its start on, in the right half up to its end."""
    start, end = _percent(word, duration)
    width = CHARACTER * len(word.word)
    return (start, start + width) if start <= 50 else (end - width, end)


def _percent(bar: Bar, duration: float) -> tuple[float, float]:
    start, end = (min(100 * second / duration, 100.0) for second in bar.when)
    return start, end


def _names(words: Sequence[Bar], duration: float) -> str:
    lines = lines_of(words, duration)
    names = "".join(_name(word, line, duration) for word, line in zip(words, lines, strict=True))
    return (
        f'<div class="at-effect-names" style="block-size:{LINE * (1 + max(lines)):.1f}em">'
        f"{names}</div>"
    )


def _name(word: Bar, line: int, duration: float) -> str:
    start, end = _percent(word, duration)
    if start <= 50:
        side, classes = f"inset-inline-start:{start:.2f}%", "at-word-said"
    else:
        side, classes = f"inset-inline-end:{100 - end:.2f}%", "at-word-said at-ending"
    clear = " at-clear" if word.effect.clear else ""
    return (
        f'<span class="{classes}{clear}" dir="auto" '
        f'style="{side};inset-block-start:{LINE * line:.1f}em">{escape(word.word)}</span>'
    )


def _chart(name: str, bars: Sequence[Bar], duration: float, scale: Scale) -> str:
    shapes = "".join(_rectangle(bar, duration, scale) for bar in bars)
    return (
        f'<div class="at-effect-chart"><span aria-hidden="true">{name}</span>'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false">{shapes}<line x1="0" x2="100" y1="{scale.zero:.1f}" '
        f'y2="{scale.zero:.1f}"/></svg></div>'
    )


def _rectangle(bar: Bar, duration: float, scale: Scale) -> str:
    start, end = _percent(bar, duration)
    top, height = scale.bar(bar.effect)
    width = max(end - start, NARROWEST)
    return (
        f'<rect class="{_side(bar.effect)}" x="{start:.2f}" y="{top:.1f}" width="{width:.2f}" '
        f'height="{height:.1f}"/>'
    )


def _side(effect: Effect) -> str:
    side = "at-for" if effect.change < 0 else "at-against"
    return f"{side} at-clear" if effect.clear else side


def _signed_points(effect: Effect) -> str:
    points = round(100 * effect.change)
    return "0" if points == 0 else f"{points:+d}".replace("-", "−")
