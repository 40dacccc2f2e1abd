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
from av.video.reformatter import VideoReformatter

from mer_core.media.audio import SLACK_SECONDS, open_source
from mer_core.media.boxes import MAX_SAMPLES, ImplausibleBoxesError, samples_of
from mer_core.media.errors import MediaError
from mer_core.types import ByteArray, FloatArray

MAX_SECONDS = 60.0
MAX_BYTES = 100 * 2**20
FRAME_RATE = 5.0  # frames kept a second
MAX_FRAMES = 150  # frames kept; clips over 30 s are read more sparsely
MAX_DECODED_FRAMES = 7_500  # 60 s at 120 a second, and some slack
MAX_SIDE = 4_096  # pixels
MAX_PIXELS = 4_096 * 2_304  # of a frame; 4K and the rows that codecs add to it
MAX_DECODED_PIXELS = 65 * 60 * 1920 * 1080  # of all frames: 60 s of full HD at 60 a second
STORED_SIDE = 640  # pixels, the longer side of what is kept
MAX_STRETCH = 4.0  # width of a pixel over its height, or the other way round
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
        "not_video", f"The file could not be read as video: no video, or damaged. {ACCEPTED}"
    )


def _open_checked(source: VideoSource) -> str | io.BytesIO:
    """Something PyAV opens, whose boxes claim no more than a recording holds."""
    if not isinstance(source, bytes | bytearray | str | os.PathLike):
        raise MediaError("bad_type", f"Video must be a path or bytes, not {type(source).__name__}.")
    opened = open_source(source, MAX_BYTES, ACCEPTED)
    try:
        samples = samples_of(opened)
    except (ImplausibleBoxesError, OSError):
        raise _unreadable() from None
    if samples > MAX_SAMPLES:
        raise _too_many(samples)
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
            raise MediaError("no_picture", f"The file holds {sound}. {ACCEPTED}")
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
            _check_amount(count, last - first, stream)
        if not count:
            raise MediaError("empty", f"The file holds no picture at all. {ACCEPTED}")
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
        _check_duration(end - start)
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
        raise MediaError("not_video", f"The picture is in a form nobody knows. {ACCEPTED}")
    _check_size(stream.codec_context.width, stream.codec_context.height)
    # A stream's own duration is exact; a container's covers its longest stream.
    if stream.duration is not None:
        _check_duration(float(stream.duration * stream.time_base))
    elif container.duration is not None:
        _check_duration(container.duration / av.time_base)
    _check_amount(stream.frames, 0.0, stream)


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise MediaError(
            "too_big_picture",
            f"The picture has {width} × {height} pixels; at most 4K (3840 × 2160) is read.",
        )


def _check_amount(frames: int, seconds: float, stream: Any) -> None:
    _check_duration(seconds)
    if frames > MAX_DECODED_FRAMES:
        raise _too_many(frames)
    width, height = stream.codec_context.width, stream.codec_context.height
    if frames * width * height > MAX_DECODED_PIXELS:
        raise MediaError(
            "too_many_frames",
            f"The video has too many frames of {width} × {height} pixels to be read; "
            "a minute at 1920 × 1080 and 60 frames a second is the most.",
        )


def _too_many(frames: int) -> MediaError:
    return MediaError(
        "too_many_frames",
        f"The video has {frames} frames or more; at most {MAX_DECODED_FRAMES} are read.",
    )


def _check_duration(seconds: float) -> None:
    if seconds > MAX_SECONDS + SLACK_SECONDS:
        length = f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
        raise MediaError(
            "too_long",
            f"The video lasts {length}; at most {MAX_SECONDS:.0f} seconds are analysed.",
        )


def _read(opened: str | io.BytesIO, clip: _Clip) -> Video:
    """The frames that are kept, in one array that grows no copy."""
    with _picture_of(opened) as (container, stream):
        context = stream.codec_context
        context.thread_type, context.thread_count = "AUTO", THREADS
        context.options = {**context.options, **DECODER_BOUNDS}
        shape = _Shape(_stretch(stream))
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


def _stretch(stream: Any) -> float:
    """Width of a pixel over its height; 1 where the file says nothing sensible."""
    ratio = float(stream.sample_aspect_ratio or 1)
    return ratio if 1 / MAX_STRETCH <= ratio <= MAX_STRETCH else 1.0


class _Shape:
    """Turns frames upright and brings all to the size of the first, whatever size they have.

    Attributes:
        width: Of the first frame as displayed, before shrinking.
        height: Of the first frame as displayed, before shrinking.
    """

    def __init__(self, stretch: float) -> None:
        self.width = self.height = 0
        self._stretch = stretch
        self._canvas: tuple[int, int] | None = None  # height, width
        self._reformatter = VideoReformatter()  # keeps its tables from frame to frame

    def upright(self, frame: Any) -> ByteArray:
        """(H, W, 3) RGB; frames of another shape than the first lie on black."""
        _check_size(frame.width, frame.height)
        turns = round(frame.rotation / 90) % 4
        wide, high = max(1, round(frame.width * self._stretch)), frame.height
        shown = (high, wide) if turns % 2 else (wide, high)
        if self._canvas is None:
            self.width, self.height = shown
            scale = min(1.0, STORED_SIDE / max(shown))
        else:
            scale = min(self._canvas[1] / shown[0], self._canvas[0] / shown[1])
        shrunk = self._reformatter.reformat(
            frame,
            width=max(1, round(wide * scale)),
            height=max(1, round(high * scale)),
            format="rgb24",
            interpolation="AREA",
        )
        pixels: ByteArray = np.asarray(shrunk.to_ndarray(), np.uint8)
        picture = np.rot90(pixels, turns)  # counterclockwise, as FFmpeg counts
        if self._canvas is None:
            self._canvas = picture.shape[:2]
        return _centred(picture, self._canvas)


def _centred(picture: ByteArray, canvas: tuple[int, int]) -> ByteArray:
    """`picture` in the middle of black of shape (height, width, 3)."""
    height, width = canvas
    if picture.shape[:2] == canvas:
        return picture
    whole = np.zeros((height, width, 3), np.uint8)
    part = picture[:height, :width]
    top, left = (height - part.shape[0]) // 2, (width - part.shape[1]) // 2
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return whole
