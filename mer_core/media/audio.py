"""Files, bytes and arrays → one mono 16 kHz waveform; limits are checked before decoding.

PyAV reads wav, flac, mp3, ogg, opus, m4a, webm and the sound of video files without a system
ffmpeg; torchaudio resamples.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray

from mer_core.media.errors import MediaError, MediaErrorKind
from mer_core.media.mp4_tables import MAX_SAMPLES, ImplausibleBoxesError, declared_samples
from mer_core.media.source import open_source
from mer_core.torchaudio_compat import torchaudio
from mer_core.types import SAMPLE_RATE, FloatArray

MAX_SECONDS = 300.0  # longer recordings are refused from their header
MIN_SECONDS = 0.3  # shorter than any word
MAX_BYTES = 256 * 2**20  # 5 minutes of stereo 32-bit WAV at 96 kHz fit
MIN_RATE, MAX_RATE = 4_000, 384_000  # Hz
SLACK_SECONDS = 1.0  # tolerated beyond a limit: containers round their duration up
DECODED_RATE = 48_000  # Hz; higher rates are resampled while decoding, to bound memory
MAX_AMPLITUDE = 8.0  # larger floats are integers that were not scaled
ACCEPTED = "Accepted: wav, flac, mp3, ogg, opus, m4a, webm or mp4 with sound, up to 5 minutes."
# No playlists (m3u8, ffconcat): they name other files, which a visitor must not open.
DEMUXERS = "wav,w64,aiff,flac,mp3,ogg,aac,caf,amr,mov,mp4,m4a,3gp,matroska,webm,avi,mpegts"

AudioSource = str | os.PathLike[str] | bytes | tuple[Any, int]


def load_audio(source: AudioSource) -> FloatArray:
    """Decode, downmix and resample one recording.

    Args:
        source: A path, the bytes of a file, or (waveform, sample rate in Hz) with a waveform of
            shape (S,), (S, channels) or (channels, S), integers or floats in [-1, 1].

    Returns:
        (S,) float32 in [-1, 1] at `SAMPLE_RATE`.

    Raises:
        MediaError: The source is missing, empty, not audio, damaged, not finite, shorter than
            `MIN_SECONDS` or longer than `MAX_SECONDS`.
    """
    if isinstance(source, tuple):
        channels, rate = _from_array(source)
    else:
        channels, rate = _decode(_open_source(source))
    _check_rate(rate)
    _check_duration(channels.shape[1] / rate)
    _check_samples(channels, rate)
    return np.clip(_resample(_downmix(channels), rate), -1.0, 1.0)


def _check_samples(channels: NDArray[np.float32], rate: int) -> None:
    """Refuse (channels, S) that are too short, not finite or out of range."""
    if channels.shape[1] < MIN_SECONDS * rate:
        raise MediaError(
            MediaErrorKind.TOO_SHORT,
            f"The recording has {channels.shape[1] / rate:.2g} s of sound; "
            f"at least {MIN_SECONDS} s is needed.",
        )
    if not np.isfinite(channels).all():
        raise MediaError(
            MediaErrorKind.NOT_FINITE,
            "The recording contains values that are not numbers (NaN or infinite); "
            "samples must be in [-1, 1].",
        )
    if np.abs(channels).max() > MAX_AMPLITUDE:
        raise MediaError(
            MediaErrorKind.OUT_OF_RANGE,
            f"The waveform reaches {np.abs(channels).max():.0f}; floats must be in [-1, 1].",
        )


def _open_source(source: str | os.PathLike[str] | bytes) -> str | io.BytesIO:
    if not isinstance(source, bytes | bytearray | str | os.PathLike):
        raise MediaError(
            MediaErrorKind.BAD_TYPE,
            f"Audio must be a path, bytes or (waveform, sample rate in Hz), "
            f"not {type(source).__name__}.",
        )
    opened = open_source(source, MAX_BYTES, ACCEPTED)
    try:
        plausible = declared_samples(opened) <= MAX_SAMPLES
    except (ImplausibleBoxesError, OSError):
        plausible = False
    if not plausible:
        raise MediaError(
            MediaErrorKind.NOT_AUDIO,
            "The file could not be read as sound: its header declares more than it can contain. "
            + ACCEPTED,
        )
    return opened


def _decode(opened: str | io.BytesIO) -> tuple[NDArray[np.float32], int]:
    """(channels, S) at up to `DECODED_RATE`; stops at the limit even without a header."""
    try:
        options = {"format_whitelist": DEMUXERS}
        with av.open(opened, metadata_errors="ignore", container_options=options) as container:
            if not container.streams.audio:
                kind = "video without sound" if container.streams.video else "file without sound"
                raise MediaError(MediaErrorKind.NO_SOUND, f"This is a {kind}. {ACCEPTED}")
            return _decode_stream(container, container.streams.audio[0])
    except av.FFmpegError:
        raise MediaError(
            MediaErrorKind.NOT_AUDIO,
            f"The file could not be read as sound: not audio, or damaged. {ACCEPTED}",
        ) from None


def _decode_stream(container: Any, stream: Any) -> tuple[NDArray[np.float32], int]:
    if stream.codec_context is None:
        raise MediaError(
            MediaErrorKind.NOT_AUDIO, f"The file's sound has an unknown format. {ACCEPTED}"
        )
    rate = int(stream.rate or 0)
    _check_rate(rate)
    # A stream's duration is exact; a container's covers its longest stream.
    if stream.duration is not None:
        _check_duration(float(stream.duration * stream.time_base))
    elif container.duration is not None:
        _check_duration(container.duration / av.time_base)
    rate = min(rate, DECODED_RATE)
    layout = "mono" if stream.channels == 1 else "stereo"
    chunks: list[NDArray[np.float32]] = []
    decoded = 0
    limit = (MAX_SECONDS + SLACK_SECONDS) * rate
    try:
        for chunk in _converted(container.decode(stream), layout, rate):
            chunks.append(chunk)
            decoded += chunk.shape[1]
            if decoded > limit:
                _check_duration(decoded / rate)
    except av.FFmpegError:
        if decoded < MIN_SECONDS * rate:  # keep what came before the damage, if it is long enough
            raise
    if not chunks:
        raise MediaError(MediaErrorKind.EMPTY, f"The file contains no sound. {ACCEPTED}")
    return np.concatenate(chunks, axis=1), rate


def _converted(frames: Iterable[Any], layout: str, rate: int) -> Iterator[NDArray[np.float32]]:
    """(channels, S) float32 chunks of one layout and rate, even if the frames differ."""
    resampler: Any = None
    input_format = None
    for frame in frames:
        # Damaged and spliced files change in mid-stream, but PyAV's resampler accepts one format.
        if input_format != (frame.format.name, frame.layout.name, frame.sample_rate):
            input_format = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
        for converted in resampler.resample(frame):
            yield np.asarray(converted.to_ndarray(), np.float32)
    for converted in resampler.resample(None) if resampler else ():
        yield np.asarray(converted.to_ndarray(), np.float32)


def _from_array(source: tuple[Any, ...]) -> tuple[NDArray[np.float32], int]:
    """(channels, S) float32 from any array-like."""
    try:
        waveform, rate_value = source
        array, rate = np.asarray(waveform), int(rate_value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # torch raises RuntimeError
        raise MediaError(
            MediaErrorKind.BAD_TYPE, "Audio must be (waveform, sample rate in Hz)."
        ) from None
    if array.dtype.kind not in "iuf" or array.ndim not in (1, 2):
        raise MediaError(
            MediaErrorKind.BAD_TYPE,
            f"The waveform must be numbers of shape (S,) or (S, channels), "
            f"not {array.dtype} of shape {array.shape}.",
        )
    if array.size == 0:
        raise MediaError(
            MediaErrorKind.EMPTY,
            f"The waveform has no samples; at least {MIN_SECONDS} s is needed.",
        )
    _check_rate(rate)
    _check_duration(max(array.shape) / rate)  # before any copy is made
    if array.dtype.kind == "u":
        middle = (np.iinfo(array.dtype).max + 1) // 2
        floats = (array.astype(np.float64) - middle) / middle
    elif array.dtype.kind == "i":
        floats = array.astype(np.float64) / -float(np.iinfo(array.dtype).min)
    else:
        floats = array
    # (1, S), (S, channels) or (channels, S)
    with np.errstate(over="ignore"):  # overflow becomes infinite, which is refused
        channels = np.atleast_2d(floats).astype(np.float32)
    return (channels.T if channels.shape[0] > channels.shape[1] else channels), rate


def _check_rate(rate: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise MediaError(
            MediaErrorKind.BAD_RATE,
            f"The sample rate is {rate} Hz; {MIN_RATE} to {MAX_RATE} Hz is accepted.",
        )


def _check_duration(seconds: float) -> None:
    if seconds > MAX_SECONDS + SLACK_SECONDS:
        minutes = f"{seconds / 60:.0f}" if seconds > 600 else f"{seconds / 60:.1f}"
        raise MediaError(
            MediaErrorKind.TOO_LONG,
            f"The recording lasts {minutes} minutes; at most 5 minutes are analysed.",
        )


def _downmix(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(S,) mean of the channels, or the loudest one where opposite phases would cancel out."""
    mean = channels.mean(axis=0)
    power = (channels.astype(np.float64) ** 2).mean(axis=1)
    if (mean.astype(np.float64) ** 2).mean() < 0.05 * power.max():
        return np.ascontiguousarray(channels[int(power.argmax())])
    return mean


def _resample(waveform: NDArray[np.float32], rate: int) -> FloatArray:
    # torchaudio's kernel has as many rows as the numerator of the reduced ratio: 16 000 at
    # 44 099 Hz. The nearest ratio of small integers differs by less than one part in a million.
    ratio = Fraction(SAMPLE_RATE, rate).limit_denominator(1_000)
    resampled = torchaudio.functional.resample(
        torch.from_numpy(np.ascontiguousarray(waveform)), ratio.denominator, ratio.numerator
    )
    return np.asarray(resampled.numpy(), dtype=np.float32)
