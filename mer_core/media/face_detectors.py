"""Face detectors: YuNet, whose small model is in `yunet/`, and OpenCV's Haar cascade."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from mer_core.types import ByteArray, FloatArray

YUNET = Path(__file__).with_name("yunet") / "face_detection_yunet_2023mar.onnx"


class FaceDetector(Protocol):
    """Finds the faces in one frame."""

    def detect(self, frame: ByteArray) -> FloatArray:
        """Boxes of the faces in an (H, W, 3) uint8 RGB frame.

        Returns:
            (N, 4) float32 left, top, width, height in pixels, N >= 0.
        """


class HaarDetector:
    """Viola and Jones' cascade for frontal faces, shipped with OpenCV.

    Measured at 640 × 480 on two portraits at four sizes and five tilts, 23 pictures of textures,
    animals and objects, and 60 frames of noise: a scale factor of 1.2 with three neighbours found
    60 % of the faces, with one false alarm in noise; 1.1 with four neighbours found 65 % without
    a false alarm, at 1.7 times the cost. Missed were faces under an eighth of the height or tilted
    by 16 degrees. Profiles are not detected.
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
    """YuNet through OpenCV; it also detects tilted, turned and small faces.

    The height of its boxes is that of Haar's: on 431 pictures of FER2013 in which both found the
    face, the median of their ratio was 0.98 (quartiles 0.91 and 1.05), with the same centre. So
    crops keep the frame that the face encoder was trained on.

    Args:
        model: Path of an `.onnx` file, by default the one that ships, or a Hub id such as
            `opencv/face_detection_yunet`.
        filename: The file in the Hub repository; unused with a path.
        threshold: The lowest score of a face, 0 to 1.

    Raises:
        ValueError: The file does not exist, cannot be downloaded, or OpenCV cannot read it.
    """

    longest_side = 640  # pixels; larger frames are shrunk: it was trained on faces of 10 to 300

    def __init__(
        self,
        model: str | os.PathLike[str] = YUNET,
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
        picture = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
        scale = min(1.0, self.longest_side / max(frame.shape))
        if scale < 1:
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        self._network.setInputSize((picture.shape[1], picture.shape[0]))
        # (N, 15): left, top, width, height, five landmarks, score; None where there is no face
        _, faces = self._network.detect(picture)
        if faces is None:
            return np.zeros((0, 4), np.float32)
        return np.asarray(faces, np.float32).reshape(-1, 15)[:, :4] / np.float32(scale)


def default_detector() -> FaceDetector:
    """YuNet, or the Haar cascade where this OpenCV cannot run it."""
    try:
        return YuNetDetector()
    except (ValueError, AttributeError):  # its file is missing or unreadable; no `FaceDetectorYN`
        return HaarDetector()


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
        # The Hub client raises many types; callers need one sentence and the cause.
        raise ValueError(
            f"{filename} could not be downloaded from {model} on the Hub ({type(error).__name__})."
        ) from error
