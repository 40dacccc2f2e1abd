"""Whether a sound is voiced as a person's voice is: evidence beside the speech detector's model.

A voice is periodic, but its pitch never holds still as a machine's does; it rises and falls with
the syllables; its resonances put the energy into some bands between 0.6 and 3 kHz and leave others
weak. These are weighed by a logistic regression on loud speech of RAVDESS (without fold 6), also
raised in pitch, damaged, in echo and noise, against synthesised and recorded sounds without speech.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from mer_core.types import SAMPLE_RATE, FloatArray

WINDOW, HOP = 1024, 512  # samples: 64 and 32 ms
PITCHES = 75, 1_200  # Hz, of voices from a deep one to a scream
ACTIVE_DECIBELS = 25.0  # a frame within this of the loudest one is active
PERIODIC = 0.6  # autocorrelation of a voiced frame at its pitch period
STEADY_SEMITONES = 0.1  # between two voiced frames; less is a machine or an instrument
# Hz: the critical bands of hearing from 100 Hz (Zwicker, 1961)
LOW_EDGES = (100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480)
HIGH_EDGES = (1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400, 7700)
BAND_EDGES = np.array([*LOW_EDGES, *HIGH_EDGES])
FORMANTS = 630, 3150  # Hz, edges of bands
FLOOR = 1e-4  # added to a share of the energy: -40 dB


@dataclass(frozen=True)
class Voicing:
    """What tells a voice from other sounds, measured where the sound is loud.

    Attributes:
        periodicity: Median of the active frames, 0 for noise to 1 for a tone.
        steady: Share of the steps between voiced frames in which the pitch does not move.
        variation: Standard deviation of the level of the active frames, decibels.
        formants: Energy between 0.6 and 3.2 kHz, decibels of the whole.
        contrast: Standard deviation of the energies of the bands, decibels.
    """

    periodicity: float
    steady: float
    variation: float
    formants: float
    contrast: float


WEIGHTS = Voicing(periodicity=4.6, steady=-3.2, variation=0.87, formants=0.31, contrast=0.19)
BIAS = -7.2


def voice_evidence(waveform: FloatArray) -> float:
    """Log odds in favour of a voice in a waveform (S,) at `SAMPLE_RATE`; 0 says nothing."""
    return float(np.dot(astuple(WEIGHTS), astuple(voicing(waveform)))) + BIAS


def voicing(waveform: FloatArray) -> Voicing:
    """Measures a waveform (S,) at `SAMPLE_RATE`, of any length and level."""
    padded = np.pad(waveform, (0, max(0, WINDOW - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), 2 * WINDOW)) ** 2  # (T, F)
    level = 10 * np.log10(power.sum(axis=1) + 1e-9)
    active = level > level.max() - ACTIVE_DECIBELS
    periodicity, pitch = _periodicity(power)
    voiced = active & (periodicity > PERIODIC)
    shares = _band_shares(power[active])
    formants = (BAND_EDGES[:-1] >= FORMANTS[0]) & (BAND_EDGES[:-1] < FORMANTS[1])
    return Voicing(
        periodicity=float(np.median(periodicity[active])),
        steady=_steadiness(pitch, voiced),
        variation=float(level[active].std()),
        formants=float(_decibels(shares[formants].sum())),
        contrast=float(_decibels(shares).std()),
    )


def _periodicity(power: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(T,) autocorrelation at the pitch period, and (T,) pitch in Hz, from spectra (T, F).

    The autocorrelation is divided by the window's, as in Boersma (1993), and its first peak
    near the maximum counts, so that the period is not taken for its multiple.
    """
    window = np.abs(np.fft.rfft(np.hanning(WINDOW), 2 * WINDOW)) ** 2
    shortest, longest = (SAMPLE_RATE // pitch for pitch in reversed(PITCHES))
    correlation, of_window = (np.fft.irfft(rows)[..., : longest + 1] for rows in (power, window))
    ratio = correlation / (correlation[:, :1] + 1e-9) / (of_window / of_window[0])
    lags = ratio[:, shortest:]
    peak = (lags[:, 1:-1] >= lags[:, :-2]) & (lags[:, 1:-1] >= lags[:, 2:])
    peak &= lags[:, 1:-1] >= 0.85 * lags.max(axis=1, keepdims=True)
    lag = peak.argmax(axis=1) + 1 + shortest
    value = np.take_along_axis(ratio, lag[:, None], axis=1)[:, 0]
    return np.where(peak.any(axis=1), value, 0.0), SAMPLE_RATE / lag


def _steadiness(pitch: FloatArray, voiced: NDArray[np.bool_]) -> float:
    """Share of the steps between voiced frames (T,) in which the pitch (T,) does not move."""
    together = voiced[1:] & voiced[:-1]
    semitones = np.abs(12 * np.log2(pitch[1:] / pitch[:-1]))[together]
    return float(np.mean(semitones <= STEADY_SEMITONES)) if len(semitones) else 0.0


def _band_shares(power: FloatArray) -> FloatArray:
    """(bands,) mean shares of the energy of spectra (T, F); one for each critical band."""
    frequencies = np.fft.rfftfreq(2 * WINDOW, 1 / SAMPLE_RATE)
    edges = np.searchsorted(frequencies, BAND_EDGES)
    energy = np.add.reduceat(power, edges, axis=1)[:, :-1]
    shares = energy / (energy.sum(axis=1, keepdims=True) + 1e-12)
    return np.asarray(shares.mean(axis=0))


def _decibels(share: FloatArray) -> FloatArray:
    return np.asarray(10 * np.log10(share + FLOOR))
