"""What can be done to a voice: pitch, tempo, speed, level, noise, a telephone's band.

Each is a pure function of a waveform (S,) at `SAMPLE_RATE`, for training and for the demo's lab.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import torch
from scipy.signal import butter, sosfilt
from torch import Tensor

from mer_core.torchaudio_compat import torchaudio
from mer_core.types import SAMPLE_RATE, FloatArray

SPEED_STEPS = 20  # speeds are rounded to 1/20
PITCH_STEPS = 24  # largest denominator of a pitch's ratio: at most 2 cents off within an octave
WINDOW, HOP = 512, 128  # samples of the phase vocoder, 32 and 8 ms
LOWEST_PITCH = 50.0  # Hz; pink noise is flat below, where it would only shake the waveform
TELEPHONE = (300.0, 3_400.0)  # Hz, the band of a fixed line (ITU-T G.712)
FILTER_ORDER = 4  # 24 dB an octave


def change_speed(waveform: FloatArray, speed: float) -> FloatArray:
    """Played `speed` times as fast: shorter and higher if above 1."""
    if speed == 1.0:
        return waveform
    return _array(_played(_tensor(waveform), Fraction(round(SPEED_STEPS * speed), SPEED_STEPS)))


def change_tempo(waveform: FloatArray, tempo: float) -> FloatArray:
    """Spoken `tempo` times as fast at the same pitch: S / tempo samples, by a phase vocoder."""
    if tempo == 1.0 or not len(waveform):
        return waveform
    return _array(_stretched(_tensor(waveform), tempo, round(len(waveform) / tempo)))


def change_pitch(waveform: FloatArray, semitones: float) -> FloatArray:
    """Higher by `semitones`, lower if negative, at the same length and tempo.

    Stretched by a phase vocoder, then played as much faster. Formants move with the pitch, as on a
    tape.
    """
    ratio = Fraction(2 ** (semitones / 12)).limit_denominator(PITCH_STEPS)
    if ratio == 1 or not len(waveform):
        return waveform
    samples = len(waveform)
    longer = _stretched(_tensor(waveform), float(1 / ratio), math.ceil(samples * ratio))
    shifted = _array(_played(longer, ratio))[:samples]
    return np.pad(shifted, (0, samples - len(shifted)))


def headroom(waveform: FloatArray) -> float:
    """How much louder `waveform` (S,) can get before it clips, dB; infinite for silence."""
    peak = float(np.abs(waveform).max(initial=0.0))
    return -20 * math.log10(peak) if peak > 0 else math.inf


def louder(waveform: FloatArray, decibels: float) -> FloatArray:
    """`waveform` (S,) at another level, the loudest sample at 1 at most.

    A gain that would clip is made smaller for the whole waveform, since clipping distorts the
    voice. Silence stays silence.
    """
    gain = min(decibels, headroom(waveform))
    return np.asarray(waveform * 10 ** (gain / 20), dtype=np.float32)


def add_noise(waveform: FloatArray, noise: FloatArray, decibels: float) -> FloatArray:
    """`noise` (S,), `decibels` below the mean power of the whole clip; what clips is cut off."""
    return in_range(_noisy(waveform, noise, decibels))


def with_noise(waveform: FloatArray, snr_db: float, seed: int = 0) -> FloatArray:
    """`waveform` (S,) with pink noise, as in a busy room; the same seed gives the same noise.

    Both powers are means over the whole waveform. Where the sum would go beyond 1 it is turned
    down as a whole, which keeps their ratio. Silence, which has no ratio to anything, stays.
    """
    if not np.any(waveform):
        return waveform
    mixed = _noisy(waveform, pink_noise(len(waveform), seed), snr_db)
    return np.asarray(mixed / max(1.0, float(np.abs(mixed).max())), dtype=np.float32)


def pink_noise(samples: int, seed: int) -> FloatArray:
    """(samples,) whose power falls by 3 dB an octave, as in most real noise."""
    white = np.random.default_rng(seed).standard_normal(samples)
    pitches = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), LOWEST_PITCH)
    spectrum = np.fft.rfft(white) / np.sqrt(pitches)
    spectrum[0] = 0.0  # no constant offset
    shaped = np.fft.irfft(spectrum, samples)
    return np.asarray(shaped / max(float(shaped.std()), 1e-12), dtype=np.float32)


def band_pass(waveform: FloatArray, low: float, high: float) -> FloatArray:
    """Only what is between two frequencies, in Hz.

    SciPy's filter: without its extension, torchaudio filters sample by sample in Python (1.5 s for
    a clip of 3 s, against 1 ms).
    """
    filters = butter(FILTER_ORDER, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")
    return in_range(sosfilt(filters, waveform))


def through_telephone(waveform: FloatArray) -> FloatArray:
    """Only the band that a telephone carries."""
    return band_pass(waveform, *TELEPHONE)


def in_range(waveform: FloatArray) -> FloatArray:
    """What exceeds full scale is cut off, as in any file."""
    return np.clip(waveform, -1.0, 1.0).astype(np.float32)


def _noisy(waveform: FloatArray, noise: FloatArray, decibels: float) -> FloatArray:
    level = torch.tensor(float(decibels))
    return _array(torchaudio.functional.add_noise(_tensor(waveform), _tensor(noise), level))


def _played(waveform: Tensor, speed: Fraction) -> Tensor:
    """(S,) → (S / speed,), faster and higher if `speed` is above 1."""
    played: Tensor = torchaudio.functional.resample(waveform, speed.numerator, speed.denominator)
    return played


def _stretched(waveform: Tensor, tempo: float, samples: int) -> Tensor:
    """(S,) → (samples,) at `tempo` times the tempo and the same pitch."""
    window = torch.hann_window(WINDOW)
    spectrum = torch.stft(
        waveform, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True
    )  # (F, T)
    advance = torch.linspace(0, math.pi * HOP, WINDOW // 2 + 1)[:, None]  # phase of a hop
    spectrum = torchaudio.functional.phase_vocoder(spectrum, tempo, advance)
    return torch.istft(spectrum, WINDOW, HOP, window=window, length=samples)


def _tensor(waveform: FloatArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32))


def _array(waveform: Tensor) -> FloatArray:
    return np.asarray(waveform.numpy(), dtype=np.float32)
