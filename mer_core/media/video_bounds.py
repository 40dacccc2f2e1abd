"""How large, long and many a video's frames may be, and the sentences that refuse more."""

from __future__ import annotations

from typing import Any

from mer_core.media.audio import SLACK_SECONDS
from mer_core.media.errors import MediaError, MediaErrorKind

MAX_SECONDS = 60.0
MAX_BYTES = 100 * 2**20
MAX_DECODED_FRAMES = 7_500  # 60 s at 120 a second, and some slack
MAX_SIDE = 4_096  # pixels
MAX_PIXELS = 4_096 * 2_304  # of a frame; 4K and the rows that codecs add to it
MAX_DECODED_PIXELS = 65 * 60 * 1920 * 1080  # of all frames: 60 s of full HD at 60 a second


def check_size(width: int, height: int) -> None:
    """Refuse pictures over 4K."""
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise MediaError(
            MediaErrorKind.TOO_BIG_PICTURE,
            f"The picture has {width} × {height} pixels; at most 4K (3840 × 2160) is read.",
        )


def check_amount(frames: int, seconds: float, stream: Any) -> None:
    """Refuse so many frames, or so long a clip; `stream` tells how large its frames are."""
    check_duration(seconds)
    if frames > MAX_DECODED_FRAMES:
        raise too_many(frames)
    width, height = stream.codec_context.width, stream.codec_context.height
    if frames * width * height > MAX_DECODED_PIXELS:
        raise MediaError(
            MediaErrorKind.TOO_MANY_FRAMES,
            f"The video has too many frames of {width} × {height} pixels to be read; "
            "a minute at 1920 × 1080 and 60 frames a second is the most.",
        )


def too_many(frames: int) -> MediaError:
    """The refusal of so many frames."""
    return MediaError(
        MediaErrorKind.TOO_MANY_FRAMES,
        f"The video has {frames} frames or more; at most {MAX_DECODED_FRAMES} are read.",
    )


def check_duration(seconds: float) -> None:
    """Refuse longer clips."""
    if seconds > MAX_SECONDS + SLACK_SECONDS:
        length = f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
        raise MediaError(
            MediaErrorKind.TOO_LONG,
            f"The video lasts {length}; at most {MAX_SECONDS:.0f} seconds are analysed.",
        )
