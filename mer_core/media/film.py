"""A stretch of a video file, however long the file: frames at even intervals, cut by timestamps.

Visitors' recordings are bounded as a whole (`mer_core.media.video`). A corpus' film may hold a
whole scene of which an utterance is a few seconds, so here the file is not bounded, but the stretch
and the size and number of its frames are. The decoder starts at the last keyframe before the
stretch; which frames are kept depends on their own times, not on the keyframe.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np

from mer_core.media.display import DisplayConverter, pixel_aspect
from mer_core.media.errors import MediaError, MediaErrorKind
from mer_core.media.video import (
    DECODER_BOUNDS,
    FRAME_RATE,
    MAX_FRAMES,
    THREADS,
    Video,
    decoded,
)
from mer_core.media.video_bounds import MAX_SECONDS, check_size
from mer_core.types import ByteArray

# Those of visitors' videos, and IEMOCAP's AVI and CREMA-D's Flash. No playlists.
DEMUXERS = "mov,mp4,m4a,3gp,matroska,webm,avi,flv,mpeg,mpegts"
EARLY = 1e-3  # seconds; timestamps are rounded


def load_stretch(
    path: str | os.PathLike[str],
    start: float = 0.0,
    end: float | None = None,
    rate: float = FRAME_RATE,
    least: int = 1,
) -> Video:
    """Frames of a part of a video file.

    Args:
        path: Of the file.
        start: Seconds from the first frame.
        end: Seconds from the first frame; None: to the end of the file.
        rate: Frames to keep per second; fewer where a stretch would have over `MAX_FRAMES`.
        least: Frames to keep at least, at a higher rate where the stretch is short.

    Returns:
        The frames with their times from `start`; `duration` is that of the stretch.

    Raises:
        MediaError: The file is missing or no video, the stretch is over `MAX_SECONDS` long or
            beyond the end, or a frame is too large.
    """
    with _opened(path) as container:
        return _read(container, Path(path).name, (start, end), rate, least)


def film_seconds(path: str | os.PathLike[str]) -> float | None:
    """Length of a video file as its header has it; None if it does not say.

    Raises:
        MediaError: The file is missing or no video.
    """
    with _opened(path) as container:
        return _seconds(container, _picture(container, Path(path).name))


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """The container of a file; errors of FFmpeg as a `MediaError`."""
    name = Path(path).name
    if not Path(path).is_file():
        raise MediaError(MediaErrorKind.NOT_FOUND, f"There is no file named {name!r}.")
    try:
        with av.open(
            f"file:{path}",  # not a protocol, whatever the name is
            metadata_errors="ignore",
            container_options={"format_whitelist": DEMUXERS},
        ) as container:
            yield container
    except av.FFmpegError:
        raise MediaError(
            MediaErrorKind.NOT_VIDEO,
            f"{name!r} cannot be read as video: another format, or damaged.",
        ) from None


def _picture(container: Any, name: str) -> Any:
    """The first video stream."""
    if not container.streams.video:
        raise MediaError(MediaErrorKind.NO_PICTURE, f"{name!r} contains no picture.")
    return container.streams.video[0]


def _read(
    container: Any, name: str, part: tuple[float, float | None], rate: float, least: int
) -> Video:
    stream = _picture(container, name)
    check_size(stream.codec_context.width, stream.codec_context.height)
    stream.codec_context.thread_type, stream.codec_context.thread_count = "AUTO", THREADS
    stream.codec_context.options = {**stream.codec_context.options, **DECODER_BOUNDS}
    start, last = _checked(part, _seconds(container, stream), name)
    duration = max(last - start, 1 / FRAME_RATE)
    rate = min(max(rate, least / duration), MAX_FRAMES / duration)
    converter = DisplayConverter(pixel_aspect(stream))
    frames: list[ByteArray] = []
    times: list[float] = []
    for seconds, frame in _frames(container, stream, start):
        if seconds >= last - EARLY or len(frames) == MAX_FRAMES:
            break
        # The first frame in each 1/rate s.
        if seconds - start + EARLY >= len(frames) / rate:
            frames.append(converter.convert(frame))
            times.append(max(0.0, seconds - start))
    if not frames:
        raise MediaError(
            MediaErrorKind.EMPTY, f"{name!r} has no frame from {start:g} s to {last:g} s."
        )
    return Video(
        frames=np.stack(frames),
        times=np.asarray(times, np.float32),
        duration=last - start,
        width=converter.width,
        height=converter.height,
        has_sound=bool(container.streams.audio),
    )


def _checked(
    part: tuple[float, float | None], length: float | None, name: str
) -> tuple[float, float]:
    """Start and end of a stretch in seconds, unless it is too long."""
    start, end = part
    if end is None:
        end = start + MAX_SECONDS if length is None else length
    if not start <= end <= start + MAX_SECONDS:
        raise MediaError(
            MediaErrorKind.TOO_LONG,
            f"{name!r} from {start:g} s to {end:g} s: must be 0 to {MAX_SECONDS:.0f} s long.",
        )
    return start, end


def _seconds(container: Any, stream: Any) -> float | None:
    """Length of the film; None if the file does not say."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else float(container.duration / av.time_base)


def _frames(container: Any, stream: Any, start: float) -> Iterator[tuple[float, Any]]:
    """(seconds, frame) from `start` on; seconds from the first frame of the file."""
    origin = float((stream.start_time or 0) * stream.time_base)
    interval = 1 / float(stream.guessed_rate or 25)
    # Some files lead to a keyframe after the one asked for; those are read from the beginning.
    for seek in (start, 0.0):
        container.seek(round((origin + seek) / stream.time_base), stream=stream)
        for index, frame in enumerate(decoded(container, stream)):
            if frame.time is None and seek:
                break
            seconds = index * interval if frame.time is None else frame.time - origin
            if index == 0 and seek and seconds > start + interval:
                break
            if seconds >= start - EARLY:
                yield seconds, frame
        else:
            return
