"""Limits on a video's length and on the size and number of its frames."""

from __future__ import annotations

from typing import Any

from mer_core.media.audio import SLACK_SECONDS
from mer_core.media.errors import MediaError, MediaErrorKind

MAX_SECONDS = 60.0
MAX_BYTES = 100 * 2**20
MAX_DECODED_FRAMES = 7_500  # 60 s at 120 per second, and some slack
MAX_SIDE = 4_096  # pixels
MAX_PIXELS = 4_096 * 2_304  # of a frame: 4K and the rows that codecs add
MAX_DECODED_PIXELS = 65 * 60 * 1920 * 1080  # of all frames: 60 s of full HD at 60 per second


def check_size(width: int, height: int) -> None:
    """Refuse frames larger than 4K."""
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise MediaError(
            MediaErrorKind.TOO_BIG_PICTURE,
            f"The video has {width} × {height} pixels; at most 4K (3840 × 2160) is accepted.",
        )


def check_amount(frames: int, seconds: float, stream: Any) -> None:
    """Refuse a video that is too long or has too many frames for their size in `stream`."""
    check_duration(seconds)
    if frames > MAX_DECODED_FRAMES:
        raise too_many(frames)
    width, height = stream.codec_context.width, stream.codec_context.height
    if frames * width * height > MAX_DECODED_PIXELS:
        raise MediaError(
            MediaErrorKind.TOO_MANY_FRAMES,
            f"The video has too many frames of {width} × {height} pixels; at most one minute of "
            "1920 × 1080 at 60 frames per second is accepted.",
        )


def too_many(frames: int) -> MediaError:
    """The error for a video with that many frames."""
    return MediaError(
        MediaErrorKind.TOO_MANY_FRAMES,
        f"The video has {frames} frames or more; at most {MAX_DECODED_FRAMES} are accepted.",
    )


def check_duration(seconds: float) -> None:
    """Refuse a video longer than `MAX_SECONDS`."""
    if seconds > MAX_SECONDS + SLACK_SECONDS:
        length = f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
        raise MediaError(
            MediaErrorKind.TOO_LONG,
            f"The video lasts {length}; at most {MAX_SECONDS:.0f} seconds are analysed.",
        )
