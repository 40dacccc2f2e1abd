"""Files and bytes → a few upright RGB frames; limits are checked before decoding.

A file is read twice. The first pass reads the header and the packets' timestamps without decoding,
so that the limits also hold for browser recordings, whose headers give neither length nor number of
frames. The second pass decodes and keeps one frame per 1/`FRAME_RATE` s.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from mer_core.media.audio import SLACK_SECONDS
from mer_core.media.display import DisplayConverter, pixel_aspect
from mer_core.media.errors import MediaError, MediaErrorKind
from mer_core.media.mp4_tables import MAX_SAMPLES, ImplausibleBoxesError, declared_samples
from mer_core.media.source import open_source
from mer_core.media.video_bounds import (
    MAX_BYTES,
    MAX_DECODED_FRAMES,
    MAX_PIXELS,
    MAX_SECONDS,
    check_amount,
    check_duration,
    check_size,
    too_many,
)
from mer_core.types import ByteArray, FloatArray

FRAME_RATE = 5.0  # frames kept per second
MAX_FRAMES = 150  # frames kept; clips over 30 s are sampled more sparsely
THREADS = 2  # every thread holds frames in memory
ACCEPTED = "Accepted: webm, mp4, mov or mkv, up to 60 seconds and 100 MB."
# No playlists (m3u8, ffconcat): they name other files, which a visitor must not open.
DEMUXERS = "mov,mp4,m4a,3gp,matroska,webm"
# FFmpeg decodes frames when it opens a file with an incomplete header, so the limit on their size
# is set there too. It opens 1 000 streams at most.
DECODER_BOUNDS = {"max_pixels": str(MAX_PIXELS)}
STREAM_BOUNDS: Any = [DECODER_BOUNDS] * 1_000

VideoSource = str | os.PathLike[str] | bytes


@dataclass(frozen=True)
class Video:
    """The frames of one clip that are kept.

    Attributes:
        frames: (F, H, W, 3) uint8 RGB, upright, square pixels, longer side <= `STORED_SIDE`.
        times: (F,) float32 seconds from the start of the clip, increasing.
        duration: Seconds, up to the end of the last picture.
        width: As displayed, in pixels of the file, before shrinking.
        height: As displayed, in pixels of the file, before shrinking.
        has_sound: Whether the file also has sound.
    """

    frames: ByteArray
    times: FloatArray
    duration: float
    width: int
    height: int
    has_sound: bool


def load_video(source: VideoSource) -> Video:
    """Decode one recording and keep a few upright, shrunken frames.

    Args:
        source: A path or the bytes of a file.

    Raises:
        MediaError: The source is missing, empty, not a video, damaged from the start, without a
            moving picture, or beyond one of the limits.
    """
    opened = _open_checked(source)
    try:
        return _read(opened, _scan(opened))
    except av.FFmpegError:
        raise _unreadable() from None


def has_picture(source: VideoSource) -> bool:
    """Whether the file is readable and has a moving picture; cover art does not count."""
    try:
        with _picture_of(_open_checked(source)):
            return True
    except (MediaError, av.FFmpegError):
        return False


def _unreadable() -> MediaError:
    return MediaError(
        MediaErrorKind.NOT_VIDEO,
        f"The file could not be read as video: not a video, or damaged. {ACCEPTED}",
    )


def _open_checked(source: VideoSource) -> str | io.BytesIO:
    """What PyAV opens, after the checks that need no decoding."""
    if not isinstance(source, bytes | bytearray | str | os.PathLike):
        raise MediaError(
            MediaErrorKind.BAD_TYPE, f"Video must be a path or bytes, not {type(source).__name__}."
        )
    opened = open_source(source, MAX_BYTES, ACCEPTED)
    try:
        samples = declared_samples(opened)
    except (ImplausibleBoxesError, OSError):
        raise _unreadable() from None
    if samples > MAX_SAMPLES:
        raise too_many(samples)
    return opened


@contextmanager
def _picture_of(opened: str | io.BytesIO) -> Iterator[tuple[Any, Any]]:
    """The open container and its first video stream that is not cover art."""
    file: Any = opened
    if isinstance(opened, io.BytesIO):
        opened.seek(0)
    try:
        container: Any = av.open(
            file,
            metadata_errors="ignore",
            container_options={"format_whitelist": DEMUXERS},
            stream_options=STREAM_BOUNDS,
        )
    except ValueError:  # invalid data, or a header without any stream
        raise _unreadable() from None
    with container:
        cover = av.stream.Disposition.attached_pic
        streams = [s for s in container.streams.video if not s.disposition & cover]
        if not streams:
            content = "sound but no moving picture" if container.streams.audio else "no picture"
            raise MediaError(MediaErrorKind.NO_PICTURE, f"The file contains {content}. {ACCEPTED}")
        yield container, streams[0]


@dataclass(frozen=True)
class _Timing:
    """What the first pass measures.

    Attributes:
        start: Seconds on the file's clock.
        duration: Seconds.
        interval: Mean seconds between two frames.
        has_sound: Whether the file also has sound.
    """

    start: float
    duration: float
    interval: float
    has_sound: bool

    @property
    def rate(self) -> float:
        """Frames to keep per second."""
        return min(FRAME_RATE, MAX_FRAMES / self.duration)


def _scan(opened: str | io.BytesIO) -> _Timing:
    """Timing from the header and the packets, without decoding.

    Raises:
        MediaError: The video is empty or beyond a limit.
    """
    with _picture_of(opened) as (container, stream):
        _check_header(container, stream)
        first, last, end, count = math.inf, -math.inf, -math.inf, 0
        for packet in _packets(container, stream):
            count += bool(packet.size)
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is not None and not packet.is_discard:
                seconds = float(stamp * stream.time_base)
                length = float((packet.duration or 0) * stream.time_base)
                first, last = min(first, seconds), max(last, seconds)
                end = max(end, seconds + min(length, MAX_SECONDS))
            check_amount(count, last - first, stream)
        if not count:
            message = f"The file contains no video frames. {ACCEPTED}"
            raise MediaError(MediaErrorKind.EMPTY, message)
        interval = 1 / min(max(float(stream.guessed_rate or 25), 1.0), 1_000.0)
        if first == math.inf:  # no timestamp anywhere
            first, last, end = 0.0, (count - 1) * interval, 0.0
        elif count > 1 and last > first:
            interval = (last - first) / (count - 1)
        if end <= last:
            end = last + interval
        start = _start_of(container, first)
        check_duration(end - start)
        return _Timing(start, end - start, interval, bool(container.streams.audio))


def _start_of(container: Any, first: float) -> float:
    """Seconds at which the clip starts: its sound may begin a little before the `first` frame."""
    if container.start_time is None:
        return first
    begin = float(container.start_time / av.time_base)
    return begin if first - SLACK_SECONDS <= begin <= first else first


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's packets up to the end of the file, or up to damage.

    The last one is empty: it flushes the decoder.
    """
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return


def _check_header(container: Any, stream: Any) -> None:
    if stream.codec_context is None:
        raise MediaError(MediaErrorKind.NOT_VIDEO, f"The video has an unknown format. {ACCEPTED}")
    check_size(stream.codec_context.width, stream.codec_context.height)
    # A stream's duration is exact; a container's covers its longest stream.
    if stream.duration is not None:
        check_duration(float(stream.duration * stream.time_base))
    elif container.duration is not None:
        check_duration(container.duration / av.time_base)
    check_amount(stream.frames, 0.0, stream)


def _read(opened: str | io.BytesIO, timing: _Timing) -> Video:
    """The second pass: the sampled frames, written into one array without copies."""
    with _picture_of(opened) as (container, stream):
        context = stream.codec_context
        context.thread_type, context.thread_count = "AUTO", THREADS
        context.options = {**context.options, **DECODER_BOUNDS}
        converter = DisplayConverter(pixel_aspect(stream))
        frames: ByteArray | None = None
        times: list[float] = []
        for seconds, frame in _sampled(container, stream, timing):
            picture = converter.convert(frame)
            if frames is None:
                frames = np.empty((MAX_FRAMES, *picture.shape), np.uint8)
            frames[len(times)] = picture
            times.append(seconds)
        if frames is None:
            raise _unreadable()
        return Video(
            frames=frames[: len(times)],
            times=np.asarray(times, np.float32),
            duration=timing.duration,
            width=converter.width,
            height=converter.height,
            has_sound=timing.has_sound,
        )


def _sampled(container: Any, stream: Any, timing: _Timing) -> Iterator[tuple[float, Any]]:
    """(seconds, frame) of the first frame in each 1 / `timing.rate` s; at most `MAX_FRAMES`."""
    kept, last_tick = 0, -1
    for index, frame in enumerate(decoded(container, stream)):
        if kept == MAX_FRAMES or index == MAX_DECODED_FRAMES:
            return
        stamp = frame.time
        seconds = index * timing.interval if stamp is None else max(0.0, stamp - timing.start)
        tick = math.floor(seconds * timing.rate + 1e-6)
        if tick > last_tick and seconds <= timing.duration:
            kept, last_tick = kept + 1, tick
            yield seconds, frame


def decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Every frame that can be decoded; damaged packets are skipped."""
    for packet in _packets(container, stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        yield from frames
