"""The augmentation of waveforms: lengths, levels and noise as documented."""

from __future__ import annotations

import numpy as np
import pytest

from mer_core.types import SAMPLE_RATE
from train.config import SourceConfig
from train.data.recordings import augment_waveform, coloured_noise, random_crop


def dominant(waveform) -> float:
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(np.argmax(spectrum)) * SAMPLE_RATE / len(waveform)


def test_no_augmentation_changes_nothing(tone, generator):
    wave = tone(0.5)
    plain = augment_waveform(wave, SourceConfig(crop_seconds=0.0), generator)
    np.testing.assert_allclose(plain, wave, atol=1e-6)


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed_changes_length_and_pitch(speed, tone, generator):
    source = SourceConfig(crop_seconds=0.0, speeds=(speed,))
    fast = augment_waveform(tone(1.0, 440.0), source, generator)
    assert len(fast) == pytest.approx(SAMPLE_RATE / speed, rel=0.01)
    assert dominant(fast) == pytest.approx(440.0 * speed, rel=0.02)


def test_crops_have_the_set_length_at_every_speed(tone, generator):
    for speed in (0.9, 1.0, 1.1):
        source = SourceConfig(crop_seconds=0.5, speeds=(speed,))
        cropped = augment_waveform(tone(2.0), source, generator)
        assert len(cropped) == pytest.approx(0.5 * SAMPLE_RATE, rel=0.01)
    short = tone(0.2)
    assert np.array_equal(random_crop(short, SAMPLE_RATE, generator), short)


def test_gain_stays_in_its_bounds(tone, generator):
    source = SourceConfig(crop_seconds=0.0, gain_db=6.0)
    levels = [np.abs(augment_waveform(tone(0.1), source, generator)).max() for _ in range(50)]
    assert min(levels) >= 0.5 * 10 ** (-6 / 20) - 1e-3
    assert max(levels) <= 0.5 * 10 ** (6 / 20) + 1e-3
    assert max(levels) > 1.5 * min(levels)


def test_noise_lies_5_to_40_decibels_below(tone, generator):
    wave = tone(1.0)
    for _ in range(20):
        noise = coloured_noise(wave, generator)
        ratio = 10 * np.log10(np.mean(wave**2) / np.mean(noise**2))
        assert 4.9 <= ratio <= 40.1
