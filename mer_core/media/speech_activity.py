"""Whether and where a recording contains speech: silence and noise must never get a label.

Silero VAD, whose small model ships inside its package, predicts the probability of speech for every
32 ms. For noise, hum, tones and music it stays far below that of speech; for screams, which are
higher, louder and more distorted than the speech it knows, it falls as well. Where it is unsure, it
also reads the sound slowed down by half, which moves a scream into the range of ordinary voices:
what was nearly heard is then heard clearly, and most sounds that only resemble speech are not. In
loud parts, `voice_evidence` is added to the log odds of that reading: what moves like a voice needs
less, and a steady tone more. `python -m tests.benchmarks.speech_detector` measures all of it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from mer_core.media.voicing import voice_evidence
from mer_core.torchaudio_compat import torchaudio
from mer_core.types import SAMPLE_RATE, FloatArray

STEP = 512  # samples per speech probability: 32 ms
SPEECH_PROBABILITY = 0.5  # Silero's own threshold
ONSET_SECONDS = 0.1  # by which the detector may be late, and early where speech ends
MIN_SPEECH_SECONDS = 0.2  # less is a click or a breath
# The second reading. Tuned on RAVDESS without fold 6, also raised in pitch, cut and band-passed,
# against synthesised sounds and recordings of animals, machines and music.
SLOWDOWN = 3, 2  # samples after and before
STRETCH_SECONDS = 6.0  # a recording is read again in parts of at most this, each if it is unsure
CONTEXT_SECONDS = 1.0  # read before each part
SURE_SECONDS = 0.5  # of speech in a part that need no second reading
LOUD_RMS = 10 ** (-25 / 20)  # screams are louder; with less, noise hides how a voice moves
STRONGEST_EVIDENCE = 3.0  # of the voice, log odds: so that it cannot outvote a clear reading
FAINT_PROBABILITY = 0.05  # a part that never reaches it has no speech
ODDS_MARGIN = 0.01  # added to both probabilities: Silero's are not exact near 0 and 1
CONFIRMED_PROBABILITY = 0.3  # what the second reading must reach somewhere, or nothing was said
HEARD_AGAIN_SECONDS = 0.3  # of speech in the second reading, for it to count
SILENCE_RMS = 10 ** (-60 / 20)  # of full scale; a microphone in a quiet room gives about -55 dB

_lock = threading.Lock()  # the model has a state while it runs


@dataclass(frozen=True)
class SpeechActivity:
    """Where a recording contains speech.

    Attributes:
        probability: (T,) of speech, one every `STEP` samples; of both readings where there are two.
        silent: Whether even the loudest tenth of a second is below `SILENCE_RMS`.
    """

    probability: FloatArray
    silent: bool

    @property
    def seconds(self) -> float:
        """Seconds of speech."""
        return _speech_seconds(self.probability)

    @property
    def spoken(self) -> bool:
        """Whether there is enough speech to recognise an emotion."""
        return not self.silent and self.seconds >= MIN_SPEECH_SECONDS

    def between(self, start: float, end: float) -> SpeechActivity:
        """The part from `start` to `end`, in seconds."""
        first, last = (round(t * SAMPLE_RATE / STEP) for t in (start, end))
        return SpeechActivity(self.probability[first : max(last, first + 1)], self.silent)

    def within(self, start: float, end: float) -> tuple[float, float]:
        """From the first to the last speech between two times, seconds; they stay without any."""
        first = round(start * SAMPLE_RATE / STEP)
        spoken = np.flatnonzero(self.between(start, end).probability > SPEECH_PROBABILITY)
        if not spoken.size:
            return start, end
        onset, last = (first + spoken[[0, -1]]) * STEP / SAMPLE_RATE
        return (
            max(start, float(onset) - ONSET_SECONDS),
            min(end, float(last) + STEP / SAMPLE_RATE + ONSET_SECONDS),
        )


def detect_speech(waveform: FloatArray) -> SpeechActivity:
    """Speech probabilities of a waveform (S,) at `SAMPLE_RATE`."""
    if _loudest(waveform) < SILENCE_RMS:
        return SpeechActivity(np.zeros(-(-len(waveform) // STEP), np.float32), silent=True)
    with _lock, _one_thread(), torch.inference_mode():
        probability = _probabilities(waveform)
        for first, last in _unsure_parts(probability):
            start = max(0, first - round(CONTEXT_SECONDS * SAMPLE_RATE / STEP))
            again = _slowed_probabilities(waveform[start * STEP : last * STEP])[first - start :]
            again = _weighed(again, waveform[first * STEP : last * STEP])
            probability[first:last] = _reconciled(probability[first:last], again)
    return SpeechActivity(probability, silent=False)


def _loudest(waveform: FloatArray) -> float:
    """Root mean square of the loudest tenth of a second of a waveform (S,)."""
    tenth = SAMPLE_RATE // 10
    padded = np.pad(waveform, (0, -len(waveform) % tenth))
    return float(np.sqrt(np.square(padded.reshape(-1, tenth)).mean(axis=1)).max(initial=0.0))


def _probabilities(waveform: FloatArray) -> FloatArray:
    """(T,) of speech in a waveform (S,), one every `STEP` samples."""
    rows = _model().audio_forward(torch.from_numpy(waveform)[None], SAMPLE_RATE)
    return rows[0].numpy().astype(np.float32)


def _slowed_probabilities(waveform: FloatArray) -> FloatArray:
    """`_probabilities` of the waveform played more slowly, on the steps of the original."""
    after, before = SLOWDOWN
    slowed = torchaudio.functional.resample(torch.from_numpy(waveform), before, after)
    probability = _probabilities(slowed.numpy())
    steps = np.arange(-(-len(waveform) // STEP))
    positions = (steps + 0.5) * after / before - 0.5  # of their centres
    return np.interp(positions, np.arange(len(probability)), probability).astype(np.float32)


def _unsure_parts(probability: FloatArray) -> list[tuple[int, int]]:
    """First and last step of the parts with a hint of speech but little that is clear."""
    count = max(1, math.ceil(len(probability) * STEP / SAMPLE_RATE / STRETCH_SECONDS))
    edges = [round(len(probability) * part / count) for part in range(count + 1)]
    return [
        (first, last)
        for first, last in pairwise(edges)
        if probability[first:last].max(initial=0.0) >= FAINT_PROBABILITY
        and _speech_seconds(probability[first:last]) < SURE_SECONDS
    ]


def _weighed(probability: FloatArray, waveform: FloatArray) -> FloatArray:
    """A second reading (T,) with the evidence of the voice, if the part (S,) is loud."""
    if _loudest(waveform) < LOUD_RMS:
        return probability
    evidence = np.clip(voice_evidence(waveform), -STRONGEST_EVIDENCE, STRONGEST_EVIDENCE)
    odds = (probability + ODDS_MARGIN) / (1 + ODDS_MARGIN - probability) * np.exp(evidence)
    return np.asarray(odds / (1 + odds), np.float32)


def _reconciled(first: FloatArray, second: FloatArray) -> FloatArray:
    """One probability out of two readings (T,) of an unsure part."""
    if second.max() < CONFIRMED_PROBABILITY:
        return np.minimum(first, second)
    if _speech_seconds(second) >= HEARD_AGAIN_SECONDS:
        return np.maximum(first, second)
    return first


def _speech_seconds(probability: FloatArray) -> float:
    return float((probability > SPEECH_PROBABILITY).sum()) * STEP / SAMPLE_RATE


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
