"""Decoded frames as a player displays them: upright, square pixels, one size, RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.video.reformatter import VideoReformatter

from mer_core.media.video_bounds import check_size
from mer_core.types import ByteArray

STORED_SIDE = 640  # pixels, the longer side of the frames that are kept
MAX_PIXEL_ASPECT = 4.0  # width of a pixel over its height, or the reverse


def pixel_aspect(stream: Any) -> float:
    """Width of a pixel over its height; 1 where the file gives none or an implausible one."""
    ratio = float(stream.sample_aspect_ratio or 1)
    return ratio if 1 / MAX_PIXEL_ASPECT <= ratio <= MAX_PIXEL_ASPECT else 1.0


class DisplayConverter:
    """Rotates and scales frames as displayed, all to the size of the first one.

    Attributes:
        width: Of the first frame as displayed, before shrinking.
        height: Of the first frame as displayed, before shrinking.
    """

    def __init__(self, pixel_aspect: float) -> None:
        self.width = self.height = 0
        self._pixel_aspect = pixel_aspect
        self._canvas: tuple[int, int] | None = None  # height, width
        self._reformatter = VideoReformatter()  # keeps its tables from frame to frame

    def convert(self, frame: Any) -> ByteArray:
        """(H, W, 3) RGB; a frame of another shape than the first is centred on black."""
        check_size(frame.width, frame.height)
        turns = round(frame.rotation / 90) % 4
        wide, high = max(1, round(frame.width * self._pixel_aspect)), frame.height
        displayed = (high, wide) if turns % 2 else (wide, high)
        if self._canvas is None:
            self.width, self.height = displayed
            scale = min(1.0, STORED_SIDE / max(displayed))
        else:
            scale = min(self._canvas[1] / displayed[0], self._canvas[0] / displayed[1])
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
    """`picture` in the middle of a black picture of `canvas` = (height, width)."""
    height, width = canvas
    if picture.shape[:2] == canvas:
        return picture
    whole = np.zeros((height, width, 3), np.uint8)
    part = picture[:height, :width]
    top, left = (height - part.shape[0]) // 2, (width - part.shape[1]) // 2
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return whole
