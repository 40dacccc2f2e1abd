"""Long recordings as overlapping windows.

A recording over `LONG_SECONDS` is judged in windows; those without speech are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mer_core.serving.inputs import SpeechTextInputs
from mer_core.types import SAMPLE_RATE, Utterance

LONG_SECONDS = 8.0  # clips up to this are judged whole
WINDOW_SECONDS, HOP_SECONDS = 6.0, 3.0


@dataclass(frozen=True)
class Span:
    """A stretch of a clip.

    Attributes:
        start: Seconds.
        end: Seconds.
        weight: Evidence in it, seconds of speech or face; 1 for text alone.
    """

    start: float
    end: float
    weight: float


@dataclass(frozen=True)
class Piece:
    """One window of one clip, as a row of a batch.

    Attributes:
        item: Index of the clip.
        span: Of the clip.
        utterance: What goes to the encoders.
    """

    item: int
    span: Span
    utterance: Utterance


def is_long(inputs: SpeechTextInputs) -> bool:
    """Whether the recording is judged in windows."""
    return inputs.waveform is not None and len(inputs.waveform) > LONG_SECONDS * SAMPLE_RATE


def spans(seconds: float) -> list[tuple[float, float]]:
    """(start, end) of the overlapping windows; the last one ends with the recording."""
    count = max(1, math.ceil((seconds - WINDOW_SECONDS) / HOP_SECONDS) + 1)
    starts = [min(i * HOP_SECONDS, max(0.0, seconds - WINDOW_SECONDS)) for i in range(count)]
    return [(start, min(seconds, start + WINDOW_SECONDS)) for start in starts]


def cut(item: int, inputs: SpeechTextInputs) -> list[Piece]:
    """The windows with speech; one piece for short clips and for text alone."""
    if inputs.waveform is None or inputs.activity is None:
        text_alone = Utterance(text=inputs.text)
        return [Piece(item, Span(0.0, 0.0, 1.0), text_alone)] if inputs.text else []
    seconds = len(inputs.waveform) / SAMPLE_RATE
    pieces = []
    for start, end in spans(seconds) if is_long(inputs) else []:
        activity = inputs.activity.between(start, end)
        if activity.spoken:
            part = inputs.waveform[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
            utterance = Utterance(waveform=part, text=inputs.text)
            pieces.append(Piece(item, Span(start, end, activity.seconds), utterance))
    # Short clips, and long ones without enough speech in any one window, are judged whole.
    whole = Utterance(waveform=inputs.waveform, text=inputs.text)
    return pieces or [Piece(item, Span(0.0, seconds, 1.0), whole)]
