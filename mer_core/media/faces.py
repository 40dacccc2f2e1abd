"""One face followed through a clip, cropped as the pictures that the face encoder learned from.

A detector says where faces are in each frame on its own. Detections of neighbouring frames that
lie close together and are alike in size make a track; the largest face that is seen often enough
is the one that is followed. It is never swapped for another person or for a false alarm elsewhere
in the picture: a face is looked for where it was last seen.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mer_core.media.video import Video
from mer_core.types import ByteArray, FaceTrack, FloatArray

# Side of a FER2013 picture over the side of the Haar box in it: median over 1 000 pictures of 1.04
# (quartiles 0.98 and 1.12), enlarged four times, with a replicated border of half a picture, at a
# scale factor of 1.05 to 1.2. The centres differ by less than one per cent of the side.
CROP_RATIO = 1.04
THUMBNAIL_SIDE = 96  # pixels
LONGEST_GAP = 1.0  # seconds over which a face that is not seen is taken to move evenly
REACH = 0.75  # how far a face moves from one sight to the next, in sides of its box
GROWTH = 1.6  # how much it grows or shrinks meanwhile
# A face counts when it is seen in a fifth of the frames or in ten (two seconds' worth): a false
# alarm in one frame of 25 is none.
LEAST_SHARE, LEAST_FRAMES = 0.2, 10
SMOOTHED_FRAMES = 5  # width of the median and of the mean that steady the crop

Square = tuple[float, float, float]  # centre x, centre y, side; pixels


class FaceDetector(Protocol):
    """Finds the faces in one frame."""

    def detect(self, frame: ByteArray) -> FloatArray:
        """Boxes of the faces in an (H, W, 3) uint8 RGB frame.

        Returns:
            (N, 4) float32 left, top, width, height in pixels, N >= 0.
        """


class HaarDetector:
    """Viola and Jones' cascade for frontal faces, which ships with OpenCV.

    Measured on two portraits at four sizes and five tilts, and on 23 textures, animals and objects
    and 60 frames of noise, at 640 × 480: a scale factor of 1.2 with three neighbours found 60 % of
    the faces and took one frame of noise for one; 1.1 with four found 65 % and took none, at 1.7
    times the cost. Missed were faces under an eighth of the height or tilted by 16 degrees.
    Profiles are not found.
    """

    longest_side = 640  # pixels; larger frames are shrunk
    scale_factor = 1.2
    neighbours = 3
    smallest_face = 1 / 8  # of the frame's shorter side
    smallest_side = 40  # pixels

    def __init__(self) -> None:
        path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml"
        self._cascade = cv2.CascadeClassifier(str(path))

    def detect(self, frame: ByteArray) -> FloatArray:
        """See `FaceDetector.detect`."""
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        scale = min(1.0, self.longest_side / max(grey.shape))
        if scale < 1:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        side = max(self.smallest_side, int(min(grey.shape) * self.smallest_face))
        boxes = self._cascade.detectMultiScale(
            cv2.equalizeHist(grey), self.scale_factor, self.neighbours, minSize=(side, side)
        )
        return np.asarray(boxes, np.float32).reshape(-1, 4) / np.float32(scale)


class YuNetDetector:
    """YuNet through OpenCV, for those who have its model file; finds tilted and turned faces too.

    Args:
        model: Path of an `.onnx` file, or a Hub id such as `opencv/face_detection_yunet`.
        filename: The file in the Hub's repository; unused with a path.
        threshold: The least score of a face, 0 to 1.

    Raises:
        ValueError: There is no such file, it cannot be fetched, or OpenCV cannot read it.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        filename: str = "face_detection_yunet_2023mar.onnx",
        threshold: float = 0.8,
    ) -> None:
        path = _model_file(model, filename)
        try:
            self._network: Any = cv2.FaceDetectorYN.create(str(path), "", (320, 320), threshold)
        except cv2.error as error:
            raise ValueError(f"OpenCV cannot read {path.name} as a face detector.") from error

    def detect(self, frame: ByteArray) -> FloatArray:
        """See `FaceDetector.detect`."""
        self._network.setInputSize((frame.shape[1], frame.shape[0]))
        # (N, 15): left, top, width, height, five landmarks, score; None where there is no face
        _, faces = self._network.detect(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        if faces is None:
            return np.zeros((0, 4), np.float32)
        return np.asarray(faces, np.float32).reshape(-1, 15)[:, :4]


def _model_file(model: str | os.PathLike[str], filename: str) -> Path:
    path = Path(model)
    if path.is_file():
        return path
    parts = str(model).split("/")
    if len(parts) != 2 or not all(parts) or str(model).startswith(".") or path.suffix == ".onnx":
        raise ValueError(f"{str(model)!r} is neither a file nor a Hub id such as owner/repository.")
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(str(model), filename))
    except Exception as error:
        # The Hub client raises many kinds; the caller needs one sentence and the cause.
        raise ValueError(
            f"{filename} could not be fetched from {model} on the Hub ({type(error).__name__})."
        ) from error


def track_face(video: Video, detector: FaceDetector | None = None) -> FaceTrack:
    """Follow the largest face of a clip.

    Args:
        video: The clip.
        detector: Finds the faces of one frame; `HaarDetector` by default.

    Returns:
        Where the face is. `boxes` are the steadied squares that `crop_faces` cuts out, framed as
        FER2013 is; close to the edge of the picture they reach beyond 0 and 1. `found` is all
        False if no face is seen in enough frames.
    """
    path, found = _located(video, detector or HaarDetector())
    height, width = video.frames.shape[1:3]
    side = path[:, 2] * CROP_RATIO
    corners = np.stack([path[:, 0] - side / 2, path[:, 1] - side / 2, side, side], axis=1)
    boxes = corners / np.array([width, height, width, height]) * found[:, None]
    preview = _preview(path[:, 2], found)
    thumbnails = np.zeros((len(found), THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3), np.uint8)
    followed = FaceTrack(
        times=video.times,
        boxes=boxes.astype(np.float32),
        found=found,
        thumbnails=thumbnails,
        preview=video.frames[preview].copy(),
        preview_index=preview,
    )
    thumbnails[found] = crop_faces(video, followed, THUMBNAIL_SIDE)
    return followed


def _located(video: Video, detector: FaceDetector) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(F, 3) centre x, centre y and side of the face, in pixels, and (F,) where it was found."""
    times = video.times.astype(np.float64)
    path, found = np.zeros((len(times), 3)), np.zeros(len(times), bool)
    tracks = _linked([_squares(detector.detect(frame)) for frame in video.frames])
    track = _main_track(tracks, len(times))
    if track is None:
        return path, found
    seen, squares = times[track.frames], np.array(track.squares)  # (N,), (N, 3)
    for run in _runs(track, times):
        bridged = [np.interp(times[run], seen, column) for column in squares.T]
        path[run], found[run] = _steadied(np.stack(bridged, axis=1)), True
    return path, found


def crop_faces(video: Video, track: FaceTrack, size: int) -> ByteArray:
    """(N, size, size, 3) crops of the N frames where a face was found, in order.

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
    """(F, size, size, 3) as CLIP wants them: shorter side to `size`, then the middle."""
    height, width = video.frames.shape[1:3]
    scale = size / min(height, width)
    high, wide = max(size, round(height * scale)), max(size, round(width * scale))
    top, left = (high - size) // 2, (wide - size) // 2
    frames = np.zeros((len(video.frames), size, size, 3), np.uint8)
    for frame, picture in zip(frames, video.frames, strict=True):
        frame[:] = _resized(picture, high, wide)[top : top + size, left : left + size]
    return frames


def _resized(picture: ByteArray, height: int, width: int) -> ByteArray:
    """(height, width, 3); averaged when it gets smaller, cubic when it gets larger."""
    smaller = height * width < picture.shape[0] * picture.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)


def _squares(boxes: FloatArray) -> list[Square]:
    """Boxes as squares around the same centre, as wide as their longer side."""
    return [
        (left + width / 2, top + height / 2, max(width, height))
        for left, top, width, height in np.asarray(boxes, np.float64).reshape(-1, 4).tolist()
        if width > 0 and height > 0
    ]


@dataclass
class _Track:
    """Sights of one face: `squares[i]` in frame `frames[i]`."""

    frames: list[int] = field(default_factory=list)
    squares: list[Square] = field(default_factory=list)

    def add(self, frame: int, square: Square) -> None:
        self.frames.append(frame)
        self.squares.append(square)

    def distance(self, square: Square) -> float:
        """From where the face was last seen, in sides; infinite if it cannot be the same face."""
        x, y, side = self.squares[-1]
        small, large = sorted((side, square[2]))
        distance = math.hypot(x - square[0], y - square[1]) / large
        return distance if distance <= REACH and large <= GROWTH * small else math.inf


def _linked(squares: list[list[Square]]) -> list[_Track]:
    """Tracks of all faces: in every frame the nearest pairs first, each face in one track."""
    tracks: list[_Track] = []
    for frame, here in enumerate(squares):
        pairs = sorted(
            (track.distance(square), old, new)
            for old, track in enumerate(tracks)
            for new, square in enumerate(here)
        )
        followed: set[int] = set()
        continued: set[int] = set()
        for distance, old, new in pairs:
            if distance < math.inf and old not in continued and new not in followed:
                continued.add(old)
                followed.add(new)
                tracks[old].add(frame, here[new])
        for new, square in enumerate(here):
            if new not in followed:
                tracks.append(_Track())
                tracks[-1].add(frame, square)
    return tracks


def _main_track(tracks: list[_Track], frames: int) -> _Track | None:
    """The track with the most face in it, area × frames, of those seen often enough."""
    needed = min(LEAST_FRAMES, math.ceil(LEAST_SHARE * frames))
    often = [track for track in tracks if len(track.frames) >= needed]

    def amount(track: _Track) -> float:
        return float(np.median([side**2 for _, _, side in track.squares])) * len(track.frames)

    return max(often, key=amount, default=None)


def _runs(track: _Track, times: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Frames from sight to sight, cut where the face is not seen for over `LONGEST_GAP`."""
    sights = np.array(track.frames)
    cuts = np.flatnonzero(np.diff(times[sights]) > LONGEST_GAP) + 1
    return [np.arange(part[0], part[-1] + 1) for part in np.split(sights, cuts)]


def _steadied(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, 3) without outliers and jitter, by a centred median and a centred mean of few frames.

    Close to either end the window shrinks on both sides alike, so that an even movement stays as
    it is from the first frame to the last.
    """
    for average in (np.median, np.mean):
        last = len(path) - 1
        halves = [min(SMOOTHED_FRAMES // 2, index, last - index) for index in range(len(path))]
        path = np.stack(
            [average(path[i - half : i + half + 1], axis=0) for i, half in enumerate(halves)]
        )
    return path


def _preview(sides: NDArray[np.float64], found: NDArray[np.bool_]) -> int:
    """The frame nearest to the middle whose face is no smaller than is usual in the clip."""
    middle = len(sides) // 2
    if not found.any():
        return middle
    usual = np.flatnonzero(found & (sides >= np.median(sides[found])))
    return int(usual[np.abs(usual - middle).argmin()])
