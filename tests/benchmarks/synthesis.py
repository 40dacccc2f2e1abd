"""Random sounds without a voice: noises, machines, alarms, animals and instruments.

Every function takes a generator and seconds and returns a waveform (S,) at `SAMPLE_RATE` of any
level; its pitch, timbre and rhythm are random.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mer_core.types import SAMPLE_RATE

Wave = NDArray[np.float64]
Maker = Callable[[np.random.Generator, float], Wave]

SCALE = (0, 2, 4, 5, 7, 9, 11, 12)  # semitones


def normalised(waveform: Wave) -> Wave:
    return waveform / max(1e-9, float(np.sqrt(np.mean(np.square(waveform)))))


def _times(seconds: float) -> Wave:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def coloured(generator: np.random.Generator, seconds: float, exponent: float) -> Wave:
    """Noise with a power spectrum of f^-exponent: 0 white, 1 pink, 2 brown."""
    samples = len(_times(seconds))
    spectrum = np.fft.rfft(generator.standard_normal(samples))
    spectrum *= np.maximum(1, np.arange(len(spectrum))) ** (-exponent / 2)
    return normalised(np.fft.irfft(spectrum, n=samples))


def band(generator: np.random.Generator, seconds: float, low: float, high: float) -> Wave:
    """White noise from `low` to `high` Hz."""
    samples = len(_times(seconds))
    spectrum = np.fft.rfft(generator.standard_normal(samples))
    frequencies = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    return normalised(np.fft.irfft(spectrum, n=samples))


def voice(frequency: Wave, harmonics: tuple[float, ...]) -> Wave:
    """Harmonics of a fundamental frequency (S,) in Hz; those over 7.5 kHz are silent."""
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
    return np.sum(
        [
            strength * np.sin(number * phase) * (number * frequency < 7_500)
            for number, strength in enumerate(harmonics, 1)
        ],
        axis=0,
    )


def sawtooth(count: int) -> tuple[float, ...]:
    """Harmonics of a sawtooth wave."""
    return tuple(1 / number for number in range(1, count + 1))


def _vibrato(generator: np.random.Generator, times: Wave, depth: float = 0.02) -> Wave:
    rate = generator.uniform(4, 7)
    return 1 + depth * np.sin(2 * np.pi * rate * times + generator.uniform(0, 6))


def hum(generator: np.random.Generator, seconds: float) -> Wave:
    mains = float(generator.choice([50.0, 60.0])) * np.ones_like(_times(seconds))
    return voice(mains, (1.0, 0.5, 0.4, 0.2, 0.3, 0.1, 0.1))


def tone(generator: np.random.Generator, seconds: float) -> Wave:
    return np.sin(2 * np.pi * np.exp(generator.uniform(4.6, 8.2)) * _times(seconds))


def chirp(generator: np.random.Generator, seconds: float) -> Wave:
    low, high = generator.uniform(80, 500), generator.uniform(800, 4_000)
    return voice(np.linspace(low, high, len(_times(seconds))), (1.0,))


def beeps(generator: np.random.Generator, seconds: float) -> Wave:
    times = _times(seconds)
    on = (times * generator.uniform(1, 6)) % 1 < generator.uniform(0.2, 0.7)
    return np.sin(2 * np.pi * generator.uniform(500, 2_500) * times) * on


def square(generator: np.random.Generator, seconds: float) -> Wave:
    return np.sign(np.sin(2 * np.pi * generator.uniform(100, 1_200) * _times(seconds)))


def clicks(generator: np.random.Generator, seconds: float) -> Wave:
    waveform = np.zeros_like(_times(seconds))
    waveform[:: int(generator.uniform(1_500, 8_000))] = 1.0
    return waveform + 1e-4 * generator.standard_normal(len(waveform))


def drums(generator: np.random.Generator, seconds: float) -> Wave:
    """Kick, snare and hi-hat in a random pattern."""
    times = _times(seconds)
    waveform = np.zeros_like(times)
    step = generator.uniform(0.1, 0.2)
    for start in np.arange(0, seconds, step):
        local = np.maximum(0, times - start)
        hit = (times >= start) * (local < 0.4)
        kind = generator.integers(0, 4)
        if kind == 0:
            waveform += hit * np.sin(2 * np.pi * 60 * local) * np.exp(-12 * local)
        elif kind < 3:
            noise = generator.standard_normal(len(times))
            waveform += hit * 0.5 * noise * np.exp(-(20 if kind == 1 else 80) * local)
    return waveform


def notes(harmonics: tuple[float, ...], attack: float, decay: float, voices: int = 1) -> Maker:
    """Melodies of an instrument: random notes of a scale, with vibrato and envelopes."""

    def make(generator: np.random.Generator, seconds: float) -> Wave:
        times = _times(seconds)
        waveform = np.zeros_like(times)
        root = np.exp(generator.uniform(np.log(200), np.log(700)))
        start = 0.0
        while start < seconds:
            length = generator.uniform(0.15, 1.2)
            part = (times >= start) & (times < start + length)
            local = times[part] - start
            shape = np.minimum(1, local / attack) * np.exp(-decay * local)
            shape *= np.minimum(1, (length - local) / 0.03)
            for degree in generator.choice(SCALE, voices, replace=False):
                pitch = root * 2 ** (degree / 12) * _vibrato(generator, local, 0.012)
                waveform[part] += shape * voice(pitch, harmonics)
            start += length
        return waveform

    return make


def theremin(generator: np.random.Generator, seconds: float) -> Wave:
    """One long note that glides about, with vibrato and harmonics, much like a scream."""
    times = _times(seconds)
    knots = generator.uniform(np.log(400), np.log(1_200), 2 + int(2 * seconds))
    glide = np.exp(np.interp(times, np.linspace(0, seconds, len(knots)), knots))
    return voice(glide * _vibrato(generator, times, 0.03), sawtooth(generator.integers(3, 14)))


def siren(generator: np.random.Generator, seconds: float) -> Wave:
    """A wail or a yelp between two pitches."""
    times = _times(seconds)
    low, high = generator.uniform(400, 700), generator.uniform(1_000, 1_700)
    swing = 0.5 - 0.5 * np.cos(2 * np.pi * generator.uniform(0.2, 4) * times)
    return voice(low + (high - low) * swing, sawtooth(generator.integers(2, 8)))


def alarm(generator: np.random.Generator, seconds: float) -> Wave:
    """Two pitches in turn."""
    times = _times(seconds)
    first = (times * generator.uniform(1, 5)) % 1 < 0.5
    pitch = np.where(first, generator.uniform(500, 900), generator.uniform(900, 1_500))
    return voice(pitch, sawtooth(generator.integers(1, 10)))


def whistle(generator: np.random.Generator, seconds: float) -> Wave:
    times = _times(seconds)
    knots = generator.uniform(900, 2_200, 2 + int(3 * seconds))
    pitch = np.interp(times, np.linspace(0, seconds, len(knots)), knots)
    breath = 0.05 * band(generator, seconds, 800, 5_000)
    return voice(pitch * _vibrato(generator, times), (1.0, 0.05)) + breath


def bursts(per_second: float, longest: float, low: float, high: float) -> Maker:
    """Bursts of noise at random times: applause, rain drops, keys."""

    def make(generator: np.random.Generator, seconds: float) -> Wave:
        times = _times(seconds)
        envelope = np.zeros_like(times)
        for start in generator.uniform(0, seconds, max(1, int(per_second * seconds))):
            first = int(start * SAMPLE_RATE)
            length = int(generator.uniform(0.3, 1) * longest * SAMPLE_RATE)
            tail = np.exp(-6 * np.arange(length) / length) * generator.uniform(0.2, 1)
            envelope[first : first + length] += tail[: len(envelope) - first]
        return envelope * band(generator, seconds, low, high)

    return make


def bark(generator: np.random.Generator, seconds: float) -> Wave:
    """Short falling growls, as of a dog."""
    times = _times(seconds)
    waveform = np.zeros_like(times)
    start, base = 0.05, generator.uniform(250, 800)
    while start < seconds:
        length = generator.uniform(0.1, 0.25)
        part = (times >= start) & (times < start + length)
        local = (times[part] - start) / length
        pitch = base * (1 + 0.5 * np.sin(np.pi * local))
        rough = 1 + 0.5 * generator.standard_normal(int(part.sum()))
        waveform[part] = np.sin(np.pi * local) * voice(pitch, sawtooth(10)) * rough
        start += length + generator.uniform(0.1, 0.6)
    return waveform


def bird(generator: np.random.Generator, seconds: float) -> Wave:
    times = _times(seconds)
    pitch = generator.uniform(2_000, 3_500) * (1 + 0.3 * np.sin(2 * np.pi * 9 * times))
    return voice(pitch, (1.0, 0.1)) * (np.sin(2 * np.pi * 3 * times) > 0)


def engine(generator: np.random.Generator, seconds: float) -> Wave:
    times = _times(seconds)
    rate = generator.uniform(25, 90) * (1 + 0.3 * np.sin(2 * np.pi * 0.3 * times))
    return voice(rate, sawtooth(30)) + 0.5 * coloured(generator, seconds, 1.0)


def fan(generator: np.random.Generator, seconds: float) -> Wave:
    swing = 1 + 0.3 * np.sin(2 * np.pi * generator.uniform(5, 20) * _times(seconds))
    return swing * coloured(generator, seconds, 1.5)


def wind(generator: np.random.Generator, seconds: float) -> Wave:
    times = _times(seconds)
    gusts = np.interp(
        times,
        np.arange(0, seconds + 1, 0.5),
        generator.uniform(0.1, 1, len(np.arange(0, seconds + 1, 0.5))),
    )
    return gusts * band(generator, seconds, 150, 900)


def modulated(generator: np.random.Generator, seconds: float) -> Wave:
    """Noise with the rhythm of syllables."""
    beat = np.sin(2 * np.pi * generator.uniform(2, 6) * _times(seconds)) > 0
    return beat * band(generator, seconds, 200, 4_000)


def dial(generator: np.random.Generator, seconds: float) -> Wave:
    """Telephone keys: two tones at once."""
    times = _times(seconds)
    key = (times * 4).astype(int)
    low = generator.choice([697.0, 770.0, 852.0, 941.0], key[-1] + 1)[key]
    high = generator.choice([1209.0, 1336.0, 1477.0], key[-1] + 1)[key]
    return (voice(low, (1.0,)) + voice(high, (1.0,))) * ((times * 4) % 1 < 0.6)


def squeak(generator: np.random.Generator, seconds: float) -> Wave:
    """A door or brake: unsteady, high, rough."""
    times = _times(seconds)
    walk = np.interp(
        times,
        np.arange(0, seconds + 0.1, 0.05),
        np.cumsum(generator.normal(0, 0.06, len(np.arange(0, seconds + 0.1, 0.05)))),
    )
    pitch = np.clip(generator.uniform(500, 1_200) * np.exp(walk), 200, 3_000)
    return voice(pitch, sawtooth(12)) * (1 + 0.3 * generator.standard_normal(len(times)))
