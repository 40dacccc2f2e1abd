"""Square pictures for the encoders, cut out of a clip's frames."""

from __future__ import annotations

import cv2
import numpy as np

from mer_core.media.video import Video
from mer_core.types import ByteArray, FaceTrack


def crop_faces(video: Video, track: FaceTrack, size: int) -> ByteArray:
    """(N, size, size, 3) crops of the N frames with a face, in order.

    Where a box reaches beyond the frame, the pixels at the frame's edge are repeated.
    """
    height, width = video.frames.shape[1:3]
    crops = np.zeros((int(track.found.sum()), size, size, 3), np.uint8)
    for crop, index in zip(crops, np.flatnonzero(track.found), strict=True):
        left, top, wide, high = track.boxes[index] * [width, height, width, height]
        columns = round(left) + np.arange(max(1, round(wide)))
        rows = round(top) + np.arange(max(1, round(high)))
        picture = video.frames[index]
        picture = picture[np.clip(rows, 0, height - 1)][:, np.clip(columns, 0, width - 1)]
        crop[:] = _resized(picture, size, size)
    return crops


def whole_frames(video: Video, size: int) -> ByteArray:
    """(F, size, size, 3), as CLIP expects: the shorter side resized to `size`, then the middle."""
    height, width = video.frames.shape[1:3]
    scale = size / min(height, width)
    high, wide = max(size, round(height * scale)), max(size, round(width * scale))
    top, left = (high - size) // 2, (wide - size) // 2
    frames = np.zeros((len(video.frames), size, size, 3), np.uint8)
    for frame, picture in zip(frames, video.frames, strict=True):
        frame[:] = _resized(picture, high, wide)[top : top + size, left : left + size]
    return frames


def _resized(picture: ByteArray, height: int, width: int) -> ByteArray:
    """(height, width, 3); area averaging to shrink, cubic interpolation to enlarge."""
    smaller = height * width < picture.shape[0] * picture.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)
