"""Bad sound files and waveforms, generated."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 16_000
Wave = NDArray[np.float32]


def wav(waveform: NDArray[np.floating], rate: int = RATE) -> bytes:
    """16-bit PCM of a waveform of shape (S,) or (S, channels)."""
    frames = np.atleast_2d(waveform.T).T  # (S, channels)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((frames.shape[1], 2, rate, 0, "NONE", ""))
        file.writeframes((np.clip(frames, -1, 1) * 32_767).astype("<i2").tobytes())
    return buffer.getvalue()


def float_wav(waveform: NDArray[np.floating], rate: int = RATE) -> bytes:
    """32-bit float WAV, which can hold NaN and values beyond 1."""
    body = waveform.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, rate, rate * 4, 4, 32)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def encoded(
    waveform: Wave, container: str, codec: str, rate: int = RATE, layout: str = "mono"
) -> bytes:
    """The waveform in any container and codec that PyAV writes."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(waveform[None], format="flt", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            format=stream.format, layout=layout, rate=rate, frame_size=stream.frame_size or 1024
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def silent_video() -> bytes:
    """Half a second of grey pictures and no sound."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            picture = np.full((32, 32, 3), 128, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def write_declaring_wav(path: Path, seconds: float, rate: int = 4_000) -> None:
    """An 8-bit WAV of `seconds`, nearly all of it a hole that takes no space on the disk."""
    samples = int(seconds * rate)
    form = struct.pack("<HHIIHH", 1, 1, rate, rate, 1, 8)
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + samples) + b"WAVEfmt " + struct.pack("<I", 16))
        file.write(form + b"data" + struct.pack("<I", samples))
        file.truncate(44 + samples)


def declaring_flac(seconds: float) -> bytes:
    """One second of FLAC whose STREAMINFO declares `seconds`."""
    data = bytearray(encoded(speechlike(1.0), "flac", "flac"))
    samples = int(seconds * RATE)
    position = 8 + 13  # magic, block header, then the byte that holds the total's four highest bits
    data[position] = (data[position] & 0xF0) | (samples >> 32)
    data[position + 1 : position + 5] = struct.pack(">I", samples & 0xFFFFFFFF)
    return bytes(data)


def seconds_of(seconds: float, rate: int = RATE) -> NDArray[np.float64]:
    return np.arange(int(seconds * rate)) / rate


def speechlike(seconds: float, rate: int = RATE) -> Wave:
    """A loud buzz with syllables: decodable, but without words."""
    t = seconds_of(seconds, rate)
    buzz = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 12))
    return (0.2 * buzz * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * t))).astype(np.float32)


def coloured(exponent: float, seconds: float = 3.0, level: float = 0.1) -> Wave:
    """Noise with a power spectrum of f^-exponent: 0 white, 1 pink, 2 brown."""
    samples = int(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(7).standard_normal(samples))
    spectrum *= np.maximum(1, np.arange(len(spectrum))) ** (-exponent / 2)
    noise = np.fft.irfft(spectrum, n=samples)
    return (level * noise / noise.std()).astype(np.float32)


def hum() -> Wave:
    t = seconds_of(3.0)
    return (0.1 * sum(np.sin(2 * np.pi * 50 * k * t) / k for k in (1, 2, 3, 5))).astype(np.float32)


def tone(frequency: float) -> Wave:
    return (0.3 * np.sin(2 * np.pi * frequency * seconds_of(3.0))).astype(np.float32)


def clicks() -> Wave:
    waveform = np.zeros(3 * RATE, np.float32)
    waveform[::4_000] = 0.9
    return waveform


WITHOUT_SPEECH: dict[str, Callable[[], Wave]] = {
    "silence": lambda: np.zeros(3 * RATE, np.float32),
    "dither": lambda: coloured(0.0, level=1e-5),
    "constant": lambda: np.full(3 * RATE, 0.5, np.float32),
    "white": lambda: coloured(0.0),
    "loud white": lambda: coloured(0.0, level=0.6),
    "pink": lambda: coloured(1.0),
    "brown": lambda: coloured(2.0),
    "hum": hum,
    "tone 440": lambda: tone(440.0),
    "tone 3000": lambda: tone(3000.0),
    "chirp": lambda: (
        0.3 * np.sin(2 * np.pi * (100 * seconds_of(3.0) + 500 * seconds_of(3.0) ** 2))
    ).astype(np.float32),
    "clicks": clicks,
}
