"""What is measured of a voice has the values it must have for sounds made to have them."""

from __future__ import annotations

import numpy as np
import pytest

from mer_core.media import load_audio
from mer_core.media.voicing import voice_evidence, voicing
from mer_core.serving.predictor import DEFAULT_MODEL
from mer_core.types import SAMPLE_RATE, FloatArray
from tests.benchmarks.non_speech import one_of_each

TIMES = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
EXAMPLES = DEFAULT_MODEL.parent / "examples"


def harmonics(pitch: FloatArray, count: int = 10) -> FloatArray:
    """A sawtooth-like sound of a pitch (S,) in Hz."""
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    return sum(np.sin(number * phase) / number for number in range(1, count + 1)) * 0.1


@pytest.mark.parametrize("pitch", [90.0, 220.0, 700.0, 1_150.0])
def test_a_steady_sound_is_periodic_and_steady(pitch: float) -> None:
    measured = voicing(harmonics(np.full_like(TIMES, pitch)))
    assert measured.periodicity > 0.9
    assert measured.steady == 1.0
    assert measured.variation < 0.5


def test_a_gliding_sound_is_not_steady() -> None:
    glide = 300 * 2 ** (np.sin(2 * np.pi * 1.5 * TIMES) / 3)  # four semitones up and down
    measured = voicing(harmonics(glide))
    assert measured.periodicity > 0.8
    assert measured.steady < 0.5


def test_noise_is_not_periodic(generator: np.random.Generator) -> None:
    assert voicing(generator.normal(0, 0.1, len(TIMES))).periodicity < 0.5


def test_variation_is_that_of_the_level(generator: np.random.Generator) -> None:
    decibels = np.where(TIMES < 1, 0.0, -12.0)  # standard deviation: 6 dB
    noise = generator.normal(0, 0.1, len(TIMES)) * 10 ** (decibels / 20)
    assert voicing(noise).variation == pytest.approx(6, abs=0.5)


@pytest.mark.parametrize(("frequency", "expected"), [(1_500.0, 0.0), (5_000.0, -40.0)])
def test_formants_are_the_energy_of_their_bands(frequency: float, expected: float) -> None:
    tone = 0.1 * np.sin(2 * np.pi * frequency * TIMES)
    assert voicing(tone).formants == pytest.approx(expected, abs=0.5)


def test_the_level_does_not_matter(generator: np.random.Generator) -> None:
    sound = harmonics(200 + 20 * np.sin(2 * np.pi * 3 * TIMES))
    assert voice_evidence(sound) == pytest.approx(voice_evidence(0.1 * sound), abs=0.05)


@pytest.mark.parametrize("samples", [0, 1, 500, 1_024, 1_700])
def test_short_and_silent_sounds_are_measured(samples: int) -> None:
    assert np.isfinite(voice_evidence(np.zeros(samples, np.float32)))
    assert np.isfinite(voice_evidence(np.full(samples, 0.5, np.float32)))


def test_evidence_is_for_voices_and_against_most_other_sounds() -> None:
    names = ("bright.flac", "loud_fast.flac")
    assert min(voice_evidence(load_audio(EXAMPLES / name)) for name in names) > 0
    others = [voice_evidence(sound.waveform) for sound in one_of_each(3, -15.0, 2.0)]
    assert np.mean(np.array(others) < 0) > 0.6
