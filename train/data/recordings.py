"""Decoded speech in memory, and the augmentation of waveforms."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from mer_core.data import Example
from mer_core.media import load_audio
from mer_core.torchaudio_compat import torchaudio
from mer_core.types import SAMPLE_RATE, FloatArray
from train.config import SourceConfig
from train.files import cached

INT16 = 32_767.0

Waves = list[NDArray[np.int16]]


class Recordings:
    """The waveforms of some examples, as int16; decoded once and stored in `cache` if given."""

    def __init__(self, examples: Sequence[Example], cache: Path | None = None) -> None:
        paths = sorted({e.path for e in examples if e.path is not None})
        listing = "\n".join(f"{path} {path.stat().st_size}" for path in paths)
        key = hashlib.sha256(listing.encode()).hexdigest()[:16]
        stored = cache / f"waveforms-{key}.npz" if cache else None
        waves = cached(stored, lambda: decode(paths), read=_read, write=_write) if paths else []
        self._waves: dict[Path, NDArray[np.int16]] = dict(zip(paths, waves, strict=True))

    def waveform(self, path: Path) -> FloatArray:
        """(S,) float32 of one clip."""
        return self._waves[path].astype(np.float32) / np.float32(INT16)


def decode(paths: Sequence[Path]) -> Waves:
    """(S,) of every clip."""
    return [
        (load_audio(path) * INT16).astype(np.int16)
        for path in tqdm(paths, desc="decode", unit="clip")
    ]


def _read(path: Path) -> Waves:
    with np.load(path) as archive:
        return np.split(archive["flat"], archive["ends"][:-1])


def _write(waves: Waves, path: Path) -> None:
    with path.open("wb") as file:  # NumPy would append `.npz` to a name
        np.savez(file, flat=np.concatenate(waves), ends=np.cumsum([len(wave) for wave in waves]))


def augment_waveform(
    waveform: FloatArray, source: SourceConfig, generator: np.random.Generator
) -> FloatArray:
    """A random crop at another speed and level, perhaps with noise. Pure except for `generator`."""
    speed = float(generator.choice(source.speeds))
    if source.crop_seconds:
        waveform = random_crop(waveform, int(source.crop_seconds * SAMPLE_RATE * speed), generator)
    if speed != 1.0:
        played = torchaudio.functional.resample(
            torch.from_numpy(np.ascontiguousarray(waveform)), round(20 * speed), 20
        )
        waveform = played.numpy()
    gain = 10 ** (generator.uniform(-source.gain_db, source.gain_db) / 20)
    waveform = waveform * np.float32(gain)
    if generator.random() < source.noise_probability:
        waveform = waveform + coloured_noise(waveform, generator)
    return np.clip(waveform, -1.0, 1.0).astype(np.float32)


def random_crop(waveform: FloatArray, samples: int, generator: np.random.Generator) -> FloatArray:
    """A segment of `samples` samples; a shorter clip is not cut."""
    start = int(generator.integers(0, max(0, len(waveform) - samples) + 1))
    return waveform[start : start + samples]


def coloured_noise(waveform: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Noise with a spectrum of f^0 to f^-2 (white to brown), 5 to 40 dB below the speech."""
    spectrum = np.fft.rfft(generator.standard_normal(len(waveform)).astype(np.float32))
    slope = generator.uniform(0.0, 1.0)  # of the amplitude
    spectrum *= np.maximum(1, np.arange(len(spectrum))) ** -slope
    noise = np.fft.irfft(spectrum, n=len(waveform))
    power = float(np.mean(np.square(waveform, dtype=np.float64)))
    decibels = generator.uniform(5.0, 40.0)
    scale = np.sqrt(power / 10 ** (decibels / 10) / (np.mean(noise**2) + 1e-12))
    return (noise * scale).astype(np.float32)
