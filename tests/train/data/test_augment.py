"""Every change of a waveform: lengths, levels, spectra and noise as documented."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mer_core.media.effects import add_noise, band_pass
from mer_core.types import SAMPLE_RATE
from train.config import SourceConfig
from train.data.augment import (
    add_room,
    augment_waveform,
    change_gain,
    clip_peaks,
    coloured_noise,
    random_crop,
    through_opus,
)

PLAIN = SourceConfig(crop_seconds=0.0)


def dominant(waveform) -> float:
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(np.argmax(spectrum)) * SAMPLE_RATE / len(waveform)


def decibels(waveform) -> float:
    return float(10 * np.log10(np.mean(np.square(waveform, dtype=np.float64))))


def test_no_augmentation_changes_nothing(tone, generator):
    wave = tone(0.5)
    np.testing.assert_allclose(augment_waveform(wave, PLAIN, generator), wave, atol=1e-6)


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed_changes_length_and_pitch(speed, tone, generator):
    source = dataclasses.replace(PLAIN, speeds=(speed,))
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
    source = dataclasses.replace(PLAIN, gain_db=6.0)
    levels = [np.abs(augment_waveform(tone(0.1), source, generator)).max() for _ in range(50)]
    assert min(levels) >= 0.5 * 10 ** (-6 / 20) - 1e-3
    assert max(levels) <= 0.5 * 10 ** (6 / 20) + 1e-3
    assert max(levels) > 1.5 * min(levels)


def test_gain_beyond_full_scale_is_cut_off(tone):
    quiet, loud = change_gain(tone(0.2), -12.0), change_gain(tone(0.2), 12.0)
    assert decibels(quiet) == pytest.approx(decibels(tone(0.2)) - 12.0, abs=0.01)
    assert np.abs(loud).max() == 1.0


@pytest.mark.parametrize("ratio", [20.0, 10.0, 0.0])
def test_noise_has_the_ratio_asked_for(ratio, tone, generator):
    wave = tone(1.0, amplitude=0.2)
    noise = add_noise(wave, coloured_noise(len(wave), 0.5, generator), ratio) - wave
    assert decibels(wave) - decibels(noise) == pytest.approx(ratio, abs=0.1)


def test_training_draws_ratios_from_the_whole_range(tone, generator):
    wave = tone(0.2, amplitude=0.1)
    source = dataclasses.replace(PLAIN, noise_probability=1.0, noise_db=(5.0, 25.0))
    ratios = [
        decibels(wave) - decibels(augment_waveform(wave, source, generator) - wave)
        for _ in range(40)
    ]
    assert 4.9 <= min(ratios) < 10.0
    assert 20.0 < max(ratios) <= 25.1


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_noise_falls_with_frequency_as_its_slope_says(slope, generator):
    power = np.abs(np.fft.rfft(coloured_noise(SAMPLE_RATE, slope, generator))) ** 2
    low, high = power[100:200].mean(), power[1_000:2_000].mean()  # a decade apart
    assert 10 * np.log10(low / high) == pytest.approx(20.0 * slope, abs=1.5)


def test_a_room_rings_on_and_keeps_the_level(voice, generator):
    wave = voice(1.0)
    wave[SAMPLE_RATE // 2 :] = 0.0
    wet = add_room(wave, 0.5, 6.0, generator)
    assert len(wet) == len(wave)
    assert decibels(wet) == pytest.approx(decibels(wave), abs=0.05)
    after = SAMPLE_RATE // 2
    tenth = SAMPLE_RATE // 10
    falling = [decibels(wet[after + i * tenth : after + (i + 1) * tenth]) for i in range(4)]
    assert falling[0] > -40.0  # the voice has ended, the room has not
    assert np.diff(falling) == pytest.approx([-12.0] * 3, abs=3.0)  # 60 dB in 0.5 s


def test_a_room_with_little_reverberation_changes_little(voice, generator):
    wave = voice(0.5)
    np.testing.assert_allclose(add_room(wave, 0.3, 60.0, generator), wave, atol=5e-3)


@pytest.mark.parametrize(("frequency", "loss"), [(60.0, 20.0), (1_000.0, 0.0), (6_000.0, 20.0)])
def test_a_telephone_passes_the_middle_only(frequency, loss, tone):
    wave = tone(1.0, frequency)
    lost = decibels(wave) - decibels(band_pass(wave, 300.0, 3_400.0)[SAMPLE_RATE // 2 :])
    assert lost > loss if loss else abs(lost) < 0.5


def test_peaks_are_cut_off_and_the_rest_is_left(tone):
    wave = tone(0.2)
    cut = clip_peaks(wave, 6.0)
    limit = np.abs(wave).max() * 10 ** (-6 / 20)
    assert np.abs(cut).max() == pytest.approx(limit)
    below = np.abs(wave) < limit
    np.testing.assert_array_equal(cut[below], wave[below])
    assert 0.2 < below.mean() < 0.8


def test_opus_keeps_length_level_and_pitch_but_not_the_samples(tone):
    wave = tone(1.0, 440.0)
    coded = through_opus(wave, 16_000)
    assert coded.shape == wave.shape
    assert coded.dtype == np.float32
    assert dominant(coded) == pytest.approx(440.0, rel=0.01)
    assert decibels(coded) == pytest.approx(decibels(wave), abs=2.0)
    assert not np.allclose(coded, wave, atol=1e-4)


def test_everything_at_once_stays_in_range_and_repeats(voice):
    source = SourceConfig(
        crop_seconds=0.5, speeds=(0.9, 1.1), gain_db=12.0, noise_probability=1.0,
        noise_db=(0.0, 10.0), room_probability=1.0, band_pass_probability=1.0,
        clip_probability=1.0, opus_probability=1.0,
    )  # fmt: skip
    first, again, other = (
        augment_waveform(voice(1.0), source, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.allclose(first, other)
    assert first.dtype == np.float32
    assert np.abs(first).max() <= 1.0
    assert np.isfinite(first).all()


def test_silence_survives_every_change(generator):
    silence = np.zeros(SAMPLE_RATE, np.float32)
    noise = coloured_noise(len(silence), 0.0, generator)
    changed = (
        add_room(silence, 0.3, 0.0, generator), add_noise(silence, noise, 10.0),
        band_pass(silence, 300.0, 3_400.0), clip_peaks(silence, 6.0),
    )  # fmt: skip
    assert all(not wave.any() for wave in changed)
