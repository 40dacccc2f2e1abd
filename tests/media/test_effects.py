"""Each effect does to a sine what it says, measured by its spectrum; the rest stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mer_core.media.effects import (
    change_pitch,
    change_speed,
    change_tempo,
    through_telephone,
)
from mer_core.types import SAMPLE_RATE, FloatArray


def frequency(waveform: FloatArray) -> float:
    """Of the strongest sine, Hz, to 1/32."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)), n=32 * SAMPLE_RATE))
    return float(np.argmax(spectrum)) / 32


def decibels(waveform: FloatArray) -> float:
    middle = waveform[len(waveform) // 4 : -len(waveform) // 4]  # filters need time to settle
    return float(10 * np.log10(np.mean(np.square(middle, dtype=np.float64))))


@pytest.mark.parametrize("semitones", [-12, -5, -1, 1, 4, 7, 12])
@pytest.mark.parametrize("pitch", [140.0, 440.0])
def test_pitch_moves_by_the_factor_and_nothing_else(
    tone: Any, semitones: int, pitch: float
) -> None:
    wave = tone(1.5, pitch)
    shifted = change_pitch(wave, semitones)
    assert len(shifted) == len(wave)
    cents = 1200 * np.log2(frequency(shifted) / pitch) - 100 * semitones
    assert abs(cents) < 5
    assert decibels(shifted) == pytest.approx(decibels(wave), abs=2)


@pytest.mark.parametrize("tempo", [0.5, 0.75, 1.3, 2.0])
def test_tempo_changes_the_duration_alone(tone: Any, tempo: float) -> None:
    wave = tone(1.5, 220.0)
    spoken = change_tempo(wave, tempo)
    assert len(spoken) == round(len(wave) / tempo)
    assert frequency(spoken) == pytest.approx(220.0, abs=0.5)
    assert decibels(spoken) == pytest.approx(decibels(wave), abs=2)


def test_a_tempo_moves_moments_in_proportion(tone: Any) -> None:
    """A sound at two thirds of a recording stays at two thirds."""
    wave = np.zeros(3 * SAMPLE_RATE, np.float32)
    wave[2 * SAMPLE_RATE :][: SAMPLE_RATE // 4] = tone(0.25)
    for tempo in (0.7, 1.5):
        spoken = change_tempo(wave, tempo)
        energy = np.square(spoken, dtype=np.float64)
        centre = float((energy * np.arange(len(energy))).sum() / energy.sum())
        assert centre / len(spoken) == pytest.approx(2.125 / 3, abs=0.01)


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed_changes_duration_and_pitch_together(tone: Any, speed: float) -> None:
    played = change_speed(tone(1.0, 440.0), speed)
    assert len(played) == pytest.approx(SAMPLE_RATE / speed, abs=2)
    assert frequency(played) == pytest.approx(440.0 * speed, abs=1)


@pytest.mark.parametrize(
    ("pitch", "loss"), [(100.0, (20, 90)), (1000.0, (-0.1, 0.5)), (6000.0, (15, 90))]
)
def test_a_telephone_carries_its_band_only(
    tone: Any, pitch: float, loss: tuple[float, float]
) -> None:
    wave = tone(1.0, pitch)
    low, high = loss
    assert low < decibels(wave) - decibels(through_telephone(wave)) < high


def test_no_change_is_the_same_waveform_and_silence_stays(tone: Any) -> None:
    wave = tone(0.3)
    assert change_pitch(wave, 0) is wave
    assert change_tempo(wave, 1.0) is wave
    silence = np.zeros(SAMPLE_RATE, np.float32)
    for result in (
        change_pitch(silence, 5),
        change_tempo(silence, 0.8),
        through_telephone(silence),
    ):
        assert result.dtype == np.float32
        assert not np.any(result)
    empty = np.zeros(0, np.float32)
    assert len(change_pitch(empty, 3)) == len(change_tempo(empty, 2.0)) == 0
