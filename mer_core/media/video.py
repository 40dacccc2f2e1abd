"""Files and bytes into a few upright RGB frames, bounded before anything is decoded.

A file is read twice. The first pass reads the header and the time stamps of the packets and
decodes nothing, so that browsers' recordings, which state neither length nor number of frames, are
bounded like any other file. The second decodes, and keeps a frame for each 1/`FRAME_RATE` s.
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

from mer_core.media.audio import SLACK_SECONDS, open_source
from mer_core.media.boxes import MAX_SAMPLES, ImplausibleBoxesError, samples_of
from mer_core.media.errors import MediaError, MediaErrorKind
from mer_core.media.upright import Upright, stretch_of
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

FRAME_RATE = 5.0  # frames kept a second
MAX_FRAMES = 150  # frames kept; clips over 30 s are read more sparsely
THREADS = 2  # each holds frames of its own
ACCEPTED = "Accepted: webm, mp4, mov or mkv, up to 60 seconds and 100 MB."
# Playlists (m3u8, ffconcat) are left out: they name other files, which a visitor must not open.
DEMUXERS = "mov,mp4,m4a,3gp,matroska,webm"
# FFmpeg decodes frames when it opens a file whose header leaves something out: the bound on their
# size holds there too. 1 000 streams are the most that it opens.
DECODER_BOUNDS = {"max_pixels": str(MAX_PIXELS)}
STREAM_BOUNDS: Any = [DECODER_BOUNDS] * 1_000

VideoSource = str | os.PathLike[str] | bytes


@dataclass(frozen=True)
class Video:
    """The frames of one clip that are looked at.

    Attributes:
        frames: (F, H, W, 3) uint8 RGB, upright, square pixels, longer side <= `STORED_SIDE`.
        times: (F,) float32 seconds from the start of the clip, increasing.
        duration: Seconds, up to the end of the last picture.
        width: As displayed, in pixels of the file, before shrinking.
        height: As displayed, in pixels of the file, before shrinking.
        has_sound: True if the file has sound too.
    """

    frames: ByteArray
    times: FloatArray
    duration: float
    width: int
    height: int
    has_sound: bool


def load_video(source: VideoSource) -> Video:
    """Decode, turn upright, shrink and thin out one recording.

    Args:
        source: A path or the bytes of a file.

    Raises:
        MediaError: The source is missing, empty, no video, damaged from the start, without a
            moving picture, or beyond one of the bounds above.
    """
    opened = _open_checked(source)
    try:
        clip = _scan(opened)
        return _read(opened, clip)
    except av.FFmpegError:
        raise _unreadable() from None


def has_picture(source: VideoSource) -> bool:
    """True if the file has a moving picture; cover art is none, nor is anything unreadable."""
    try:
        with _picture_of(_open_checked(source)):
            return True
    except (MediaError, av.FFmpegError):
        return False


def _unreadable() -> MediaError:
    return MediaError(
        MediaErrorKind.NOT_VIDEO,
        f"The file could not be read as video: no video, or damaged. {ACCEPTED}",
    )


def _open_checked(source: VideoSource) -> str | io.BytesIO:
    """Something PyAV opens, whose boxes claim no more than a recording holds."""
    if not isinstance(source, bytes | bytearray | str | os.PathLike):
        raise MediaError(
            MediaErrorKind.BAD_TYPE, f"Video must be a path or bytes, not {type(source).__name__}."
        )
    opened = open_source(source, MAX_BYTES, ACCEPTED)
    try:
        samples = samples_of(opened)
    except (ImplausibleBoxesError, OSError):
        raise _unreadable() from None
    if samples > MAX_SAMPLES:
        raise too_many(samples)
    return opened


@contextmanager
def _picture_of(opened: str | io.BytesIO) -> Iterator[tuple[Any, Any]]:
    """The open container and its first stream of moving pictures."""
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
    except ValueError:  # invalid data, and PyAV's words for a header without any stream
        raise _unreadable() from None
    with container:
        cover = av.stream.Disposition.attached_pic
        streams = [s for s in container.streams.video if not s.disposition & cover]
        if not streams:
            sound = "sound but no moving picture" if container.streams.audio else "no picture"
            raise MediaError(MediaErrorKind.NO_PICTURE, f"The file holds {sound}. {ACCEPTED}")
        yield container, streams[0]


@dataclass(frozen=True)
class _Clip:
    """What the first pass found.

    Attributes:
        start: Seconds on the file's clock.
        duration: Seconds.
        interval: Seconds between two frames, on average.
        has_sound: True if the file has sound too.
    """

    start: float
    duration: float
    interval: float
    has_sound: bool

    @property
    def rate(self) -> float:
        """Frames to keep a second."""
        return min(FRAME_RATE, MAX_FRAMES / self.duration)


def _scan(opened: str | io.BytesIO) -> _Clip:
    """The clip's bounds from its header and its packets; nothing is decoded."""
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
            raise MediaError(MediaErrorKind.EMPTY, f"The file holds no picture at all. {ACCEPTED}")
        interval = 1 / min(max(float(stream.guessed_rate or 25), 1.0), 1_000.0)
        if first == math.inf:  # no time stamp anywhere
            first, last, end = 0.0, (count - 1) * interval, 0.0
        elif count > 1 and last > first:
            interval = (last - first) / (count - 1)
        if end <= last:
            end = last + interval
        start = first
        if container.start_time is not None:  # sound may begin a little before the picture
            begin = container.start_time / av.time_base
            start = begin if first - SLACK_SECONDS <= begin <= first else first
        check_duration(end - start)
        return _Clip(start, end - start, interval, bool(container.streams.audio))


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's packets, up to the end of the file or to where it is damaged.

    The last one is empty: it makes the decoder give out what it holds.
    """
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return


def _check_header(container: Any, stream: Any) -> None:
    if stream.codec_context is None:
        raise MediaError(
            MediaErrorKind.NOT_VIDEO, f"The picture is in a form nobody knows. {ACCEPTED}"
        )
    check_size(stream.codec_context.width, stream.codec_context.height)
    # A stream's own duration is exact; a container's covers its longest stream.
    if stream.duration is not None:
        check_duration(float(stream.duration * stream.time_base))
    elif container.duration is not None:
        check_duration(container.duration / av.time_base)
    check_amount(stream.frames, 0.0, stream)


def _read(opened: str | io.BytesIO, clip: _Clip) -> Video:
    """The frames that are kept, in one array that grows no copy."""
    with _picture_of(opened) as (container, stream):
        context = stream.codec_context
        context.thread_type, context.thread_count = "AUTO", THREADS
        context.options = {**context.options, **DECODER_BOUNDS}
        shape = Upright(stretch_of(stream))
        frames: ByteArray | None = None
        times: list[float] = []
        for seconds, frame in _chosen(container, stream, clip):
            picture = shape.upright(frame)
            if frames is None:
                frames = np.empty((MAX_FRAMES, *picture.shape), np.uint8)
            frames[len(times)] = picture
            times.append(seconds)
        if frames is None:
            raise _unreadable()
        return Video(
            frames=frames[: len(times)],
            times=np.asarray(times, np.float32),
            duration=clip.duration,
            width=shape.width,
            height=shape.height,
            has_sound=clip.has_sound,
        )


def _chosen(container: Any, stream: Any, clip: _Clip) -> Iterator[tuple[float, Any]]:
    """(seconds, frame) of the first frame in each 1 / `clip.rate` s; at most `MAX_FRAMES`."""
    kept, latest = 0, -1
    for index, frame in enumerate(_decoded(container, stream)):
        if kept == MAX_FRAMES or index == MAX_DECODED_FRAMES:
            return
        stamp = frame.time
        seconds = index * clip.interval if stamp is None else max(0.0, stamp - clip.start)
        tick = math.floor(seconds * clip.rate + 1e-6)
        if tick > latest and seconds <= clip.duration:
            kept, latest = kept + 1, tick
            yield seconds, frame


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Every frame that can be decoded; what is damaged is passed over."""
    for packet in _packets(container, stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        yield from frames
