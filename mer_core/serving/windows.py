"""Long recordings as overlapping windows.

A recording over 8 s is judged in windows; those without speech are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mer_core.serving.inputs import SpeechTextInputs
from mer_core.types import SAMPLE_RATE, Utterance

LONG_SECONDS = 8.0  # clips up to this are judged whole
WINDOW_SECONDS, HOP_SECONDS = 6.0, 3.0


@dataclass(frozen=True)
class Piece:
    """One window of one reading, on its way through the network."""

    item: int
    start: float  # seconds
    end: float
    weight: float  # seconds of speech; 1 for text alone
    utterance: Utterance


def is_long(reading: SpeechTextInputs) -> bool:
    """Whether the recording is judged in windows."""
    return reading.waveform is not None and len(reading.waveform) > LONG_SECONDS * SAMPLE_RATE


def spans(seconds: float) -> list[tuple[float, float]]:
    """(start, end) of the overlapping windows; the last one ends with the recording."""
    count = max(1, math.ceil((seconds - WINDOW_SECONDS) / HOP_SECONDS) + 1)
    starts = [min(i * HOP_SECONDS, max(0.0, seconds - WINDOW_SECONDS)) for i in range(count)]
    return [(start, min(seconds, start + WINDOW_SECONDS)) for start in starts]


def cut(item: int, reading: SpeechTextInputs) -> list[Piece]:
    """The windows of a reading that hold speech; one piece for short clips and for text alone."""
    if reading.waveform is None or reading.activity is None:
        return [Piece(item, 0.0, 0.0, 1.0, Utterance(text=reading.text))] if reading.text else []
    seconds = len(reading.waveform) / SAMPLE_RATE
    if not is_long(reading):
        utterance = Utterance(waveform=reading.waveform, text=reading.text)
        return [Piece(item, 0.0, seconds, 1.0, utterance)]
    pieces = []
    for start, end in spans(seconds):
        activity = reading.activity.between(start, end)
        if activity.spoken:
            part = reading.waveform[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
            utterance = Utterance(waveform=part, text=reading.text)
            pieces.append(Piece(item, start, end, activity.seconds, utterance))
    if not pieces:  # speech so thinly spread that no window holds enough: judge the whole
        utterance = Utterance(waveform=reading.waveform, text=reading.text)
        return [Piece(item, 0.0, seconds, 1.0, utterance)]
    return pieces
