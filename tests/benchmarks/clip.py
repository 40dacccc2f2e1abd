"""A five-second clip of speech for the benchmarks: a shipped example, repeated to length."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from mer_core.media import load_audio
from mer_core.types import SAMPLE_RATE, FloatArray

EXAMPLES = Path(__file__).resolve().parents[2] / "assets" / "examples"


def five_seconds() -> FloatArray:
    """(5 s,) of synthetic speech."""
    clip = next(p for p in sorted(EXAMPLES.iterdir()) if p.suffix in {".wav", ".flac", ".opus"})
    return np.resize(load_audio(clip), 5 * SAMPLE_RATE)


def write_wav(path: Path, waveform: FloatArray) -> None:
    """16-bit mono WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((waveform * 32_767).astype(np.int16).tobytes())
