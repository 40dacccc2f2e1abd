"""Tracks one face through a clip.

A detector detects the faces in every frame separately. Detections in neighbouring frames that are
close together and similar in size form a track. The track with the most face in it, of those with
enough detections, is the one that is followed, so it never jumps to another person or to a false
alarm elsewhere in the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mer_core.media.face_crops import crop_faces
from mer_core.media.face_detectors import FaceDetector, default_detector
from mer_core.media.video import Video
from mer_core.types import FaceTrack, FloatArray

# Side of a FER2013 picture over the side of the Haar box in it: median over 1 000 pictures of 1.04
# (quartiles 0.98 and 1.12), enlarged four times, with a replicated border of half a picture, at a
# scale factor of 1.05 to 1.2. The centres differ by less than one per cent of the side.
# A YuNet box is as high as a Haar box.
CROP_RATIO = 1.04
THUMBNAIL_SIDE = 96  # pixels
LONGEST_GAP = 1.0  # seconds without a detection over which positions are interpolated
REACH = 0.75  # largest movement between two detections, in sides of the box
GROWTH = 1.6  # largest ratio of the sizes of two successive detections
# A face counts if it is detected in a fifth of the frames or in ten (two seconds' worth), so a
# false alarm in one frame of 25 does not.
LEAST_SHARE, LEAST_FRAMES = 0.2, 10
SMOOTHED_FRAMES = 5  # width of the median and the mean that smooth the crop

Square = tuple[float, float, float]  # centre x, centre y, side; pixels


def track_face(video: Video, detector: FaceDetector | None = None) -> FaceTrack:
    """Track the largest face of a clip.

    Args:
        video: The clip.
        detector: Detects the faces in one frame; see `default_detector`.

    Returns:
        The track. `boxes` are the smoothed squares that `crop_faces` cuts out, framed as in
        FER2013; close to the edge of the picture they reach beyond 0 and 1. `found` is all False if
        no face is detected in enough frames.
    """
    path, found = _face_path(video, detector or default_detector())
    height, width = video.frames.shape[1:3]
    side = path[:, 2] * CROP_RATIO
    corners = np.stack([path[:, 0] - side / 2, path[:, 1] - side / 2, side, side], axis=1)
    boxes = corners / np.array([width, height, width, height]) * found[:, None]
    preview = _preview_index(path[:, 2], found)
    thumbnails = np.zeros((len(found), THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3), np.uint8)
    track = FaceTrack(
        times=video.times,
        boxes=boxes.astype(np.float32),
        found=found,
        thumbnails=thumbnails,
        preview=video.frames[preview].copy(),
        preview_index=preview,
    )
    thumbnails[found] = crop_faces(video, track, THUMBNAIL_SIDE)
    return track


def _face_path(
    video: Video, detector: FaceDetector
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(F, 3) centre x, centre y and side of the face, in pixels, and (F,) whether it is known."""
    times = video.times.astype(np.float64)
    path, found = np.zeros((len(times), 3)), np.zeros(len(times), bool)
    tracks = _link([_squares(detector.detect(frame)) for frame in video.frames])
    track = _main_track(tracks, len(times))
    if track is None:
        return path, found
    detected, squares = times[track.frames], np.array(track.squares)  # (N,), (N, 3)
    for run in _runs(track, times):
        interpolated = [np.interp(times[run], detected, column) for column in squares.T]
        path[run], found[run] = _smooth(np.stack(interpolated, axis=1)), True
    return path, found


def _squares(boxes: FloatArray) -> list[Square]:
    """Boxes as squares around the same centre, as wide as their longer side."""
    return [
        (left + width / 2, top + height / 2, max(width, height))
        for left, top, width, height in np.asarray(boxes, np.float64).reshape(-1, 4).tolist()
        if width > 0 and height > 0
    ]


@dataclass
class _Track:
    """Detections of one face: `squares[i]` in frame `frames[i]`."""

    frames: list[int] = field(default_factory=list)
    squares: list[Square] = field(default_factory=list)

    def add(self, frame: int, square: Square) -> None:
        self.frames.append(frame)
        self.squares.append(square)

    def distance(self, square: Square) -> float:
        """From the last detection, in sides; infinite if `square` cannot be the same face."""
        x, y, side = self.squares[-1]
        small, large = sorted((side, square[2]))
        distance = math.hypot(x - square[0], y - square[1]) / large
        return distance if distance <= REACH and large <= GROWTH * small else math.inf


def _link(squares: list[list[Square]]) -> list[_Track]:
    """Tracks of all faces; in every frame the nearest pairs of track and square match first."""
    tracks: list[_Track] = []
    for frame, detected in enumerate(squares):
        pairs = sorted(
            (track.distance(square), old, new)
            for old, track in enumerate(tracks)
            for new, square in enumerate(detected)
        )
        matched: set[int] = set()  # squares
        continued: set[int] = set()  # tracks
        for distance, old, new in pairs:
            if distance < math.inf and old not in continued and new not in matched:
                continued.add(old)
                matched.add(new)
                tracks[old].add(frame, detected[new])
        for new, square in enumerate(detected):
            if new not in matched:
                tracks.append(_Track())
                tracks[-1].add(frame, square)
    return tracks


def _main_track(tracks: list[_Track], frames: int) -> _Track | None:
    """Of the tracks with enough detections, the one with the largest area × detections."""
    needed = min(LEAST_FRAMES, math.ceil(LEAST_SHARE * frames))
    candidates = [track for track in tracks if len(track.frames) >= needed]

    def amount(track: _Track) -> float:
        return float(np.median([side**2 for _, _, side in track.squares])) * len(track.frames)

    return max(candidates, key=amount, default=None)


def _runs(track: _Track, times: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Frames from detection to detection, split at gaps of over `LONGEST_GAP`."""
    detected = np.array(track.frames)
    cuts = np.flatnonzero(np.diff(times[detected]) > LONGEST_GAP) + 1
    return [np.arange(part[0], part[-1] + 1) for part in np.split(detected, cuts)]


def _smooth(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, 3) without outliers and jitter, by a centred median and then a centred mean.

    Close to either end the window shrinks on both sides alike, so that a uniform movement is left
    unchanged from the first frame to the last.
    """
    for average in (np.median, np.mean):
        last = len(path) - 1
        halves = [min(SMOOTHED_FRAMES // 2, index, last - index) for index in range(len(path))]
        path = np.stack(
            [average(path[i - half : i + half + 1], axis=0) for i, half in enumerate(halves)]
        )
    return path


def _preview_index(sides: NDArray[np.float64], found: NDArray[np.bool_]) -> int:
    """The frame nearest to the middle whose face is not smaller than the clip's median."""
    middle = len(sides) // 2
    if not found.any():
        return middle
    large = np.flatnonzero(found & (sides >= np.median(sides[found])))
    return int(large[np.abs(large - middle).argmin()])
