"""Sounds without speech, synthesised, as the detector of speech meets them.

Many are pitched between 400 and 1200 Hz with harmonics, vibrato and glides, as a scream is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.synthesis import (
    Maker,
    alarm,
    band,
    bark,
    beeps,
    bird,
    bursts,
    chirp,
    clicks,
    coloured,
    dial,
    drums,
    engine,
    fan,
    hum,
    modulated,
    normalised,
    notes,
    siren,
    square,
    squeak,
    theremin,
    tone,
    whistle,
    wind,
)

# Relative strengths of the harmonics of instruments
FLUTE = (1.0, 0.3, 0.1, 0.04)
VIOLIN = (1.0, 0.8, 0.7, 0.55, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15)
ORGAN = (1.0, 0.9, 0.05, 0.7, 0.0, 0.1, 0.0, 0.5)
CLARINET = (1.0, 0.02, 0.7, 0.02, 0.45, 0.02, 0.3, 0.01, 0.15)
BRASS = (0.6, 1.0, 0.9, 0.8, 0.6, 0.45, 0.3, 0.2, 0.15, 0.1)
PIANO = (1.0, 0.5, 0.3, 0.2, 0.1, 0.05)


@dataclass(frozen=True)
class Sound:
    """One sound without speech.

    Attributes:
        name: Of its kind.
        level: Root mean square over full scale, decibels, before clipping.
        waveform: (S,) float32 in [-1, 1].
    """

    name: str
    level: float
    waveform: NDArray[np.float32]


def sounds(
    seed: int = 0,
    levels: tuple[float, ...] = (-50.0, -30.0, -15.0, -6.0),
    lengths: tuple[float, ...] = (1.0, 3.0, 10.0),
    rounds: int = 1,
) -> Iterator[Sound]:
    """All kinds at all levels and lengths, and as many mixtures of two."""
    names = [*KINDS, *["mixture"] * len(KINDS)]
    for number, name in enumerate(names * rounds):
        for length in lengths:
            generator = np.random.default_rng([seed, number, round(1000 * length)])
            if name == "mixture":
                pair = generator.choice(sorted(KINDS), 2, replace=False)
                waveform = sum(normalised(KINDS[kind](generator, length)) for kind in pair)
            else:
                waveform = KINDS[name](generator, length)
            for level in levels:
                scaled = np.clip(normalised(waveform) * 10 ** (level / 20), -1, 1)
                yield Sound(name, level, scaled.astype(np.float32))


def one_of_each(seed: int, level: float, seconds: float) -> list[Sound]:
    """One sound of every kind, without mixtures."""
    made = sounds(seed, levels=(level,), lengths=(seconds,))
    return [sound for sound in made if sound.name != "mixture"]


KINDS: dict[str, Maker] = {
    "white noise": lambda g, s: coloured(g, s, 0.0),
    "pink noise": lambda g, s: coloured(g, s, 1.0),
    "brown noise": lambda g, s: coloured(g, s, 2.0),
    "narrow noise": lambda g, s: band(g, s, 500, g.uniform(700, 1_500)),
    "modulated noise": modulated,
    "hum": hum,
    "tone": tone,
    "chirp": chirp,
    "beeps": beeps,
    "square": square,
    "clicks": clicks,
    "drums": drums,
    "flute": notes(FLUTE, 0.08, 0.2),
    "violin": notes(VIOLIN, 0.12, 0.1),
    "organ": notes(ORGAN, 0.02, 0.0, voices=2),
    "clarinet": notes(CLARINET, 0.05, 0.3),
    "brass": notes(BRASS, 0.05, 0.5),
    "piano": notes(PIANO, 0.005, 4.0),
    "strings": notes(VIOLIN, 0.15, 0.0, voices=3),
    "bells": notes((1.0, 0.0, 0.6, 0.0, 0.4, 0.3), 0.002, 3.0),
    "chords": notes(PIANO, 0.005, 1.5, voices=4),
    "theremin": theremin,
    "siren": siren,
    "alarm": alarm,
    "whistle": whistle,
    "bark": bark,
    "bird": bird,
    "applause": bursts(300, 0.02, 600, 5_000),
    "rain": bursts(900, 0.006, 1_000, 7_000),
    "keys": bursts(8, 0.02, 800, 6_000),
    "knocks": bursts(3, 0.08, 80, 900),
    "engine": engine,
    "fan": fan,
    "wind": wind,
    "dial": dial,
    "squeak": squeak,
}
