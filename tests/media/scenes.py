"""Clips with two portraits in the public domain on a plain background."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib.cbook
import numpy as np
import pytest

from mer_core.media.video import Video
from mer_core.types import ByteArray

BACKGROUND = (90, 110, 130)
# (x, y) of the tip of the nose and the width of the head, as shares of the picture's height.
ASTRONAUT, HOPPER = (0.435, 0.235, 0.21), (0.43, 0.375, 0.35)


@functools.cache
def hopper() -> ByteArray:
    """(600, 512, 3) Grace Hopper, frontal; ships with matplotlib."""
    path = Path(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    return np.asarray(cv2.imread(str(path))[:, :, ::-1])


@functools.cache
def astronaut() -> ByteArray:
    """(512, 512, 3) Eileen Collins; ships with scikit-image."""
    return np.asarray(pytest.importorskip("skimage.data").astronaut())


def scene(
    *portraits: tuple[ByteArray, int, int, int], size: tuple[int, int] = (640, 480)
) -> ByteArray:
    """(H, W, 3) frame with portraits (picture, left, top, height), cropped at its edges."""
    width, height = size
    frame = np.full((height, width, 3), BACKGROUND, np.uint8)
    for picture, left, top, high in portraits:
        wide = round(picture.shape[1] * high / picture.shape[0])
        small = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA)
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(width, left + wide), min(height, top + high)
        if x1 > x0 and y1 > y0:
            frame[y0:y1, x0:x1] = small[y0 - top : y1 - top, x0 - left : x1 - left]
    return frame


def clip(frames: Sequence[ByteArray], rate: float = 5.0) -> Video:
    """Frames as `load_video` returns them."""
    stack = np.stack(frames)
    times = (np.arange(len(stack)) / rate).astype(np.float32)
    height, width = stack.shape[1:3]
    return Video(stack, times, len(stack) / rate, width, height, has_sound=False)
