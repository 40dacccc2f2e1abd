"""Whether and where a recording contains speech: silence and noise must never get a label.

Silero VAD, whose small model ships inside its package, predicts the probability of speech for every
32 ms. For loud noise, hum, tones and music it stays far below that of speech.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from mer_core.types import SAMPLE_RATE, FloatArray

STEP = 512  # samples per speech probability: 32 ms
SPEECH_PROBABILITY = 0.5  # Silero's own threshold
MIN_SPEECH_SECONDS = 0.2  # less is a click or a breath
SILENCE_RMS = 10 ** (-60 / 20)  # of full scale; a microphone in a quiet room gives about -55 dB

_lock = threading.Lock()  # the model has a state while it runs


@dataclass(frozen=True)
class SpeechActivity:
    """Where a recording contains speech.

    Attributes:
        probability: (T,) of speech, one every `STEP` samples.
        silent: Whether even the loudest tenth of a second is below `SILENCE_RMS`.
    """

    probability: FloatArray
    silent: bool

    @property
    def seconds(self) -> float:
        """Seconds of speech."""
        return float((self.probability > SPEECH_PROBABILITY).sum()) * STEP / SAMPLE_RATE

    @property
    def spoken(self) -> bool:
        """Whether there is enough speech to recognise an emotion."""
        return not self.silent and self.seconds >= MIN_SPEECH_SECONDS

    def between(self, start: float, end: float) -> SpeechActivity:
        """The part from `start` to `end`, in seconds."""
        first, last = (round(t * SAMPLE_RATE / STEP) for t in (start, end))
        return SpeechActivity(self.probability[first : max(last, first + 1)], self.silent)


def detect_speech(waveform: FloatArray) -> SpeechActivity:
    """Speech probabilities of a waveform (S,) at `SAMPLE_RATE`."""
    tenth = SAMPLE_RATE // 10
    padded = np.pad(waveform, (0, -len(waveform) % tenth))
    loudest = np.sqrt(np.square(padded.reshape(-1, tenth)).mean(axis=1)).max(initial=0.0)
    if loudest < SILENCE_RMS:
        return SpeechActivity(np.zeros(-(-len(waveform) // STEP), np.float32), silent=True)
    with _lock, _one_thread(), torch.inference_mode():
        rows = _model().audio_forward(torch.from_numpy(waveform)[None], SAMPLE_RATE)
    return SpeechActivity(rows[0].numpy().astype(np.float32), silent=False)


@contextmanager
def _one_thread() -> Iterator[None]:
    """With one torch thread: on busy cores, two made these tiny steps up to 100 times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@cache
def _model() -> Any:
    from silero_vad import load_silero_vad  # sets torch to one thread when imported

    return load_silero_vad()
