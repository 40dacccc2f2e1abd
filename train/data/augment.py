"""What can happen to a recording: speed, level, room, noise, microphone, clipping, codec.

Each change is a pure function of a waveform (S,) at `SAMPLE_RATE`, its parameters and, where it is
random, a generator. Training draws the parameters from a `SourceConfig`; robustness curves fix
them.

What the demo's lab needs too is in `mer_core.media.effects`. Convolutions are SciPy's, since
torchaudio's FFT does not choose a fast length (25 ms for a clip of 3 s, against 3 ms).
"""

from __future__ import annotations

import io

import av
import numpy as np
from scipy.signal import fftconvolve

from mer_core.media import load_audio
from mer_core.media.effects import add_noise, band_pass, change_speed, in_range
from mer_core.types import SAMPLE_RATE, FloatArray
from train.config import SourceConfig

REVERBERATION_SECONDS = (0.15, 0.6)  # RT60, from a furnished room to a bare one
DIRECT_DECIBELS = (0.0, 12.0)  # of the direct sound over the reverberation
LOW_CUT_HERTZ, HIGH_CUT_HERTZ = (100.0, 350.0), (2_800.0, 5_500.0)  # telephones, poor microphones
CLIPPED_DECIBELS = (3.0, 15.0)  # of the peaks that a clipped recording lacks
OPUS_BITS = (8_000, 24_000)  # a second: calls over a poor connection


def augment_waveform(
    waveform: FloatArray, source: SourceConfig, generator: np.random.Generator
) -> FloatArray:
    """A random crop at another speed, then what a room, a microphone and a codec may do to it."""

    def happens(probability: float) -> bool:
        return bool(generator.random() < probability)

    speed = float(generator.choice(source.speeds))
    if source.crop_seconds:
        waveform = random_crop(waveform, int(source.crop_seconds * SAMPLE_RATE * speed), generator)
    waveform = change_speed(waveform, speed)
    if happens(source.room_probability):
        seconds, decibels = (
            generator.uniform(*r) for r in (REVERBERATION_SECONDS, DIRECT_DECIBELS)
        )
        waveform = add_room(waveform, seconds, decibels, generator)
    if happens(source.noise_probability):
        noise = coloured_noise(len(waveform), generator.uniform(0.0, 1.0), generator)
        least, greatest = source.noise_db
        waveform = add_noise(waveform, noise, generator.uniform(least, greatest))
    if happens(source.band_pass_probability):
        low, high = generator.uniform(*LOW_CUT_HERTZ), generator.uniform(*HIGH_CUT_HERTZ)
        waveform = band_pass(waveform, low, high)
    if happens(source.clip_probability):
        waveform = clip_peaks(waveform, generator.uniform(*CLIPPED_DECIBELS))
    waveform = change_gain(waveform, generator.uniform(-source.gain_db, source.gain_db))
    if happens(source.opus_probability):
        waveform = through_opus(waveform, int(generator.integers(*OPUS_BITS)))
    return waveform


def random_crop(waveform: FloatArray, samples: int, generator: np.random.Generator) -> FloatArray:
    """A segment of `samples` samples; a shorter clip is not cut."""
    start = int(generator.integers(0, max(0, len(waveform) - samples) + 1))
    return waveform[start : start + samples]


def change_gain(waveform: FloatArray, decibels: float) -> FloatArray:
    """Louder by `decibels`; what exceeds full scale is cut off, as in any file."""
    return in_range(waveform * np.float32(10 ** (decibels / 20)))


def add_room(
    waveform: FloatArray, seconds: float, decibels: float, generator: np.random.Generator
) -> FloatArray:
    """Reverberation at the same overall level and length.

    The impulse response is the direct sound and noise that decays exponentially.

    Args:
        waveform: (S,).
        seconds: RT60, after which the reverberation is 60 dB weaker.
        decibels: Energy of the direct sound over that of all reverberation.
        generator: Of the noise.
    """
    time = np.arange(1, int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tail = generator.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    tail *= np.sqrt(10 ** (-decibels / 10) / np.square(tail).sum())
    wet = fftconvolve(waveform, np.concatenate([[1.0], tail]))[: len(waveform)]
    return in_range(wet * (_level(waveform) / max(_level(wet), 1e-9)))


def coloured_noise(samples: int, slope: float, generator: np.random.Generator) -> FloatArray:
    """(samples,) noise whose amplitude falls with f^-slope: 0 is white, 1 is brown."""
    spectrum = np.fft.rfft(generator.standard_normal(samples).astype(np.float32))
    spectrum *= np.maximum(1, np.arange(len(spectrum))) ** -slope
    return np.asarray(np.fft.irfft(spectrum, n=samples), dtype=np.float32)


def clip_peaks(waveform: FloatArray, decibels: float) -> FloatArray:
    """Everything above `decibels` below the peak cut off, as by a microphone set too loud."""
    limit = np.abs(waveform).max(initial=0.0) * 10 ** (-decibels / 20)
    return np.asarray(np.clip(waveform, -limit, limit), dtype=np.float32)


def through_opus(waveform: FloatArray, bits: int) -> FloatArray:
    """Encoded with `bits` a second and decoded again; about 50 ms for a clip of 3 s."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="mono")
        stream.bit_rate = bits
        samples = (np.clip(waveform, -1.0, 1.0) * np.iinfo(np.int16).max).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for part in (frame, None):  # None: the rest
            container.mux(stream.encode(part))
    decoded = load_audio(file.getvalue())[: len(waveform)]
    return np.pad(decoded, (0, len(waveform) - len(decoded)))


def _level(waveform: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
