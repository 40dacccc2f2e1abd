"""Films for tests, frame by frame: what is in which frame is known exactly."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

from mer_core.types import ByteArray

RATE = 30  # frames per second
LEVELS = 200  # grey levels that frames are numbered with


def write_film(
    path: Path, frames: Iterable[ByteArray], codec: str = "mpeg4", rate: int = RATE
) -> Path:
    """(H, W, 3) frames as a film in good quality, one keyframe a second; no sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.pix_fmt, stream.bit_rate = "yuv420p", 8_000_000
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = rate, 0
        # Keyframes at regular places only, and not wherever the picture changes.
        stream.codec_context.options = {"sc_threshold": "1000000000"}
        for index, frame in enumerate(frames):
            if index == 0:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())
    return path


def numbered(count: int, height: int = 48, width: int = 96) -> list[ByteArray]:
    """A split screen: frame i is i levels bright on the left, and 250 − i on the right."""
    assert count <= LEVELS
    frames = np.zeros((count, height, width, 3), np.uint8)
    for i, frame in enumerate(frames):
        frame[:, : width // 2], frame[:, width // 2 :] = i, 250 - i
    return list(frames)


def number_of(left: ByteArray) -> float:
    """Which frame of `numbered` a left half is; right halves have 250 minus that."""
    inner = left[4:-4, 4:-4]  # the border between the halves is blurred by the codec
    return float(inner.mean())
