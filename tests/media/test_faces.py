"""Faces are detected, tracked, smoothed and cropped, against known positions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from mer_core.media.face_crops import crop_faces, whole_frames
from mer_core.media.face_detectors import (
    YUNET,
    FaceDetector,
    HaarDetector,
    YuNetDetector,
    default_detector,
)
from mer_core.media.faces import CROP_RATIO, track_face
from mer_core.types import ByteArray, FaceTrack, FloatArray
from tests.media.scenes import astronaut, clip, hopper, scene

Box = tuple[float, float, float, float]


class ScriptedDetector:
    """Returns given boxes, frame by frame."""

    def __init__(self, *frames: list[Box]) -> None:
        self.frames = list(frames)

    def detect(self, frame: ByteArray) -> FloatArray:
        return np.array(self.frames.pop(0), np.float32).reshape(-1, 4)


def blank(frames: int, width: int = 200, height: int = 100) -> Any:
    return clip([np.zeros((height, width, 3), np.uint8)] * frames)


def tracked(*frames: list[Box]) -> FaceTrack:
    return track_face(blank(len(frames)), ScriptedDetector(*frames))


def middles(track: FaceTrack, width: int = 200, height: int = 100) -> FloatArray:
    """(N, 2) centres of the squares, in pixels."""
    boxes = track.boxes[track.found]
    return (boxes[:, :2] + boxes[:, 2:] / 2) * [width, height]


def a_face(x: float, y: float = 50.0, side: float = 40.0) -> Box:
    return (x - side / 2, y - side / 2, side, side)


# The tracker, with given detections


def test_a_still_face_keeps_its_square() -> None:
    track = tracked(*[[a_face(90.0)]] * 6)
    assert track.found.all()
    side = 40.0 * CROP_RATIO
    square = [(90 - side / 2) / 200, (50 - side / 2) / 100, side / 200, side / 100]
    np.testing.assert_allclose(track.boxes, [square] * 6, rtol=1e-5)
    assert track.boxes.dtype == np.float32
    assert track.thumbnails.shape == (6, 96, 96, 3)
    assert track.preview.shape == (100, 200, 3)


def test_a_uniform_movement_is_left_unchanged() -> None:
    track = tracked(*[[a_face(50.0 + 10 * step)] for step in range(10)])
    np.testing.assert_allclose(middles(track)[:, 0], 50.0 + 10 * np.arange(10), atol=1e-3)


def test_jitter_is_smoothed() -> None:
    noise = np.random.default_rng(0).normal(0, 3, (40, 3))
    track = tracked(*[[a_face(90 + dx, 50 + dy, 40 + ds)] for dx, dy, ds in noise])
    assert middles(track).std(axis=0).max() < 0.6 * noise[:, :2].std(axis=0).min()
    sides = track.boxes[:, 2] * 200 / CROP_RATIO
    assert sides.std() < 0.6 * noise[:, 2].std()


def test_one_outlier_has_no_effect() -> None:
    frames = [[a_face(90.0)] for _ in range(9)]
    frames[4] = [a_face(105.0, side=58.0)]
    np.testing.assert_allclose(middles(tracked(*frames))[:, 0], 90.0, atol=1e-3)


def test_the_larger_of_two_faces_is_tracked_throughout() -> None:
    small, large = a_face(30.0, side=24.0), a_face(130.0, side=50.0)
    frames = [[small, large], [large, small]] * 5
    frames[3] = [small]  # the large one is missed
    frames[6] = [small]
    track = tracked(*frames)
    assert track.found.all()
    np.testing.assert_allclose(middles(track)[:, 0], 130.0, atol=1e-3)


def test_two_faces_side_by_side_are_not_mixed_up() -> None:
    left, right = a_face(70.0, side=60.0), a_face(125.0, side=48.0)
    frames = [[left, right]] * 4 + [[right]] * 3 + [[right, left]] * 4
    np.testing.assert_allclose(middles(tracked(*frames))[:, 0], 70.0, atol=1e-3)


def test_a_brief_large_false_alarm_does_not_win() -> None:
    frames = [[a_face(60.0)] for _ in range(20)]
    frames[7] = [a_face(150.0, side=90.0), a_face(60.0)]
    frames[8] = [a_face(150.0, side=90.0)]
    np.testing.assert_allclose(middles(tracked(*frames))[:, 0], 60.0, atol=1e-3)


@pytest.mark.parametrize(
    ("detections", "frames", "counts"),
    [(1, 1, True), (1, 3, True), (1, 25, False), (4, 25, False), (5, 25, True), (10, 150, True)],
)
def test_a_face_must_be_detected_often_enough(detections: int, frames: int, counts: bool) -> None:
    track = tracked(*[[a_face(90.0)] if index < detections else [] for index in range(frames)])
    assert track.found.sum() == (detections if counts else 0)


def test_scattered_false_alarms_are_not_a_face() -> None:
    positions = np.random.default_rng(1).uniform((60, 60, 60), (580, 420, 120), (25, 3))
    detector = ScriptedDetector(*[[a_face(x, y, side)] for x, y, side in positions])
    assert not track_face(blank(25, 640, 480), detector).found.any()


def test_a_short_gap_is_bridged_and_a_long_one_is_not() -> None:
    frames = [[a_face(50.0 + 2 * step)] for step in range(20)]
    frames[5:8] = [[]] * 3  # 0.8 s between detections
    frames[12:18] = [[]] * 6  # 1.4 s
    track = tracked(*frames)
    assert np.flatnonzero(~track.found).tolist() == [12, 13, 14, 15, 16, 17]
    np.testing.assert_allclose(middles(track)[:12, 0], 50.0 + 2 * np.arange(12), atol=1e-3)
    assert not track.boxes[12:18].any()
    assert not track.thumbnails[12:18].any()


def test_a_video_without_a_face() -> None:
    video = clip([scene(size=(64, 48)) + np.uint8(index) for index in range(5)])
    track = track_face(video, ScriptedDetector(*[[]] * 5))
    assert not track.found.any()
    assert not track.boxes.any()
    assert not track.thumbnails.any()
    assert track.preview_index == 2
    np.testing.assert_array_equal(track.preview, video.frames[2])
    assert crop_faces(video, track, 48).shape == (0, 48, 48, 3)


def test_the_preview_is_near_the_middle_and_has_the_face() -> None:
    near = tracked(*[[a_face(90.0)] if index < 4 else [] for index in range(11)])
    assert near.preview_index == 3
    assert tracked(*[[a_face(90.0)]] * 7).preview_index == 3


def test_the_track_shares_no_memory_with_the_video() -> None:
    video = blank(3)
    track = track_face(video, ScriptedDetector(*[[a_face(90.0)]] * 3))
    video.frames[:] = 9
    assert not track.preview.any()


# Crops


def gradient(width: int = 200, height: int = 100) -> ByteArray:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([x, y, 0 * x], axis=-1).astype(np.uint8)


def test_a_crop_is_the_content_of_the_square() -> None:
    side = 48 / CROP_RATIO  # so that the crop has 48 pixels
    track = track_face(clip([gradient()]), ScriptedDetector([a_face(100.0, 50.0, side)]))
    crop = crop_faces(clip([gradient()]), track, 48)[0]
    np.testing.assert_array_equal(crop, gradient()[26:74, 76:124])


def test_beyond_the_frame_its_edge_is_repeated() -> None:
    side = 48 / CROP_RATIO
    track = track_face(clip([gradient()]), ScriptedDetector([a_face(10.0, 90.0, side)]))
    assert track.boxes[0, 0] < 0
    assert track.boxes[0, 1] + track.boxes[0, 3] > 1
    crop = crop_faces(clip([gradient()]), track, 48)[0]
    assert (crop[:, :14, 0] == 0).all()
    assert (crop[34:, :, 1] == 99).all()
    np.testing.assert_array_equal(crop[:34, 14:], gradient()[66:100, :34])


@pytest.mark.parametrize(("width", "height"), [(320, 240), (240, 320), (100, 50), (224, 224)])
def test_whole_frames_agree_with_pillow(width: int, height: int) -> None:
    frame = cv2.resize(hopper(), (width, height), interpolation=cv2.INTER_AREA)
    ours = whole_frames(clip([frame, frame]), 112)
    scale = 112 / min(width, height)
    high, wide = round(height * scale), round(width * scale)
    whole = np.asarray(Image.fromarray(frame).resize((wide, high), Image.Resampling.BICUBIC))
    top, left = (high - 112) // 2, (wide - 112) // 2
    theirs = whole[top : top + 112, left : left + 112].astype(float)
    assert ours.shape == (2, 112, 112, 3)
    assert np.abs(ours[1] - theirs).mean() < 4.0


# Real faces


def moving(height: int = 420) -> list[tuple[int, int]]:
    """(left, top) of a portrait that moves through nine frames."""
    return [(60 + 18 * step, 20 + 4 * step) for step in range(9)]


def test_a_moving_portrait_is_tracked() -> None:
    video = clip([scene((hopper(), left, top, 420)) for left, top in moving()])
    track = track_face(video)
    assert track.found.all()
    nose = np.array([(left + 0.43 * 420, top + 0.375 * 420) for left, top in moving()])
    assert np.abs(middles(track, 640, 480) - nose).max() < 25
    np.testing.assert_allclose(np.diff(middles(track, 640, 480)[:, 0]), 18, atol=6)
    sides = track.boxes[:, 2] * 640
    assert 0.28 * 420 < sides.min() <= sides.max() < 0.48 * 420
    np.testing.assert_allclose(track.boxes[:, 3] * 480, sides, rtol=1e-4)


def test_the_larger_portrait_is_tracked() -> None:
    frame = scene((hopper(), 10, 40, 420), (astronaut(), 330, 0, 480))
    assert len(HaarDetector().detect(frame)) == 2
    track = track_face(clip([frame] * 3))
    assert middles(track, 640, 480)[:, 0].max() < 320


def test_a_face_that_leaves_and_comes_back() -> None:
    here, gone = scene((hopper(), 100, 30, 420)), scene()
    track = track_face(clip([here] * 4 + [gone] * 8 + [here] * 4))
    assert track.found.tolist() == [True] * 4 + [False] * 8 + [True] * 4


@pytest.mark.parametrize("gain", [0.25, 0.6, 1.6])
def test_dark_and_bright_faces_are_found(gain: float) -> None:
    frame = np.clip(scene((hopper(), 100, 30, 420)) * gain, 0, 255).astype(np.uint8)
    assert track_face(clip([frame] * 2)).found.all()


@pytest.mark.parametrize("degrees", [-30, -8, 8, 30])
def test_a_tilted_face_is_found(degrees: int) -> None:
    frame = scene((hopper(), 100, 30, 420))
    turn = cv2.getRotationMatrix2D((280, 190), degrees, 1)
    tilted = cv2.warpAffine(frame, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    assert track_face(clip([tilted] * 2)).found.all()


def test_a_small_face_is_found() -> None:
    track = track_face(clip([scene((hopper(), 300, 200, 110))] * 2))  # a head of 38 pixels
    assert track.found.all()
    assert np.abs(middles(track, 640, 480)[0] - [347, 241]).max() < 10


def test_both_detectors_frame_a_face_alike() -> None:
    frame = scene((hopper(), 100, 30, 420))
    (haar,), (yunet,) = HaarDetector().detect(frame), YuNetDetector().detect(frame)
    assert yunet[3] / haar[3] == pytest.approx(1, abs=0.15)
    np.testing.assert_allclose(yunet[:2] + yunet[2:] / 2, haar[:2] + haar[2:] / 2, atol=25)


@pytest.mark.parametrize("kind", [HaarDetector, YuNetDetector])
def test_boxes_of_a_large_frame_are_in_its_pixels(kind: type[FaceDetector]) -> None:
    small = kind().detect(scene((hopper(), 100, 30, 420)))
    large = kind().detect(scene((hopper(), 200, 60, 840), size=(1280, 960)))
    assert len(small) == len(large) == 1
    np.testing.assert_allclose(large, 2 * small, atol=24)


def noise(step: int, seed: int) -> ByteArray:
    coarse = np.random.default_rng(seed).integers(0, 256, (480 // step, 640 // step, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC))


@pytest.mark.parametrize("step", [1, 4, 16])
def test_noise_has_no_face(step: int) -> None:
    assert not track_face(clip([noise(step, seed) for seed in range(7)])).found.any()


def bars() -> ByteArray:
    hues = [(255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0)]
    return np.repeat(np.array([hues], np.uint8), 107, axis=1).repeat(480, axis=0)[:, :640]


PATTERNS: dict[str, Callable[[], ByteArray]] = {
    "black": lambda: np.zeros((480, 640, 3), np.uint8),
    "bars": bars,
    "board": lambda: (
        np.kron(np.indices((12, 16)).sum(0) % 2, np.full((40, 40), 255)).astype("u1")[..., None]
        * np.ones(3, np.uint8)
    ),
    "tiny": lambda: np.zeros((2, 2, 3), np.uint8),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_test_patterns_have_no_face(name: str) -> None:
    assert not track_face(clip([PATTERNS[name]()] * 2)).found.any()


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "coins", "page", "brick", "moon"])
def test_pictures_of_things_have_no_face(name: str) -> None:
    picture = np.asarray(getattr(pytest.importorskip("skimage.data"), name)())
    if picture.ndim == 2:
        picture = np.stack([picture] * 3, axis=-1)
    scale = 640 / max(picture.shape)
    frame = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    assert not track_face(clip([frame, np.ascontiguousarray(frame[:, ::-1])] * 2)).found.any()


# YuNet


def test_the_model_is_the_one_that_its_card_names() -> None:
    card = (YUNET.parent / "README.md").read_text("utf-8")
    assert hashlib.sha256(YUNET.read_bytes()).hexdigest() in card
    assert (YUNET.parent / "LICENSE").is_file()


def test_the_cascade_replaces_a_network_that_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(default_detector(), YuNetDetector)
    monkeypatch.delattr(cv2, "FaceDetectorYN")
    assert isinstance(default_detector(), HaarDetector)


@pytest.mark.parametrize("model", ["gone.onnx", "folder/gone.onnx", "a/b/c", "/nowhere", ""])
def test_a_missing_model_is_refused(model: str) -> None:
    with pytest.raises(ValueError, match="neither a file nor a Hub id"):
        YuNetDetector(model)


def test_a_model_that_opencv_cannot_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"this is no network")
    with pytest.raises(ValueError, match=r"cannot read broken\.onnx") as caught:
        YuNetDetector(tmp_path / "broken.onnx")
    assert str(tmp_path) not in str(caught.value)


def test_a_model_that_cannot_be_downloaded_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def refuse(*_: Any) -> str:
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(ValueError, match=r"yunet\.onnx could not be downloaded from owner/faces"):
        YuNetDetector("owner/faces", "yunet.onnx")


class FakeNetwork:
    """Replaces OpenCV's detector, without weights."""

    faces: FloatArray | None = None

    def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802 (OpenCV's name)
        self.size = size

    def detect(self, picture: ByteArray) -> tuple[int, FloatArray | None]:
        assert self.size == (picture.shape[1], picture.shape[0])
        self.picture = picture
        return 1, self.faces


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    fake = FakeNetwork()

    class Maker:
        @staticmethod
        def create(*_: Any) -> FakeNetwork:
            return fake

    monkeypatch.setattr(cv2, "FaceDetectorYN", Maker)
    return fake


def test_yunet_returns_boxes(network: FakeNetwork, tmp_path: Path) -> None:
    (tmp_path / "yunet.onnx").touch()
    detector = YuNetDetector(tmp_path / "yunet.onnx")
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[..., 0] = 200  # red
    boxes = detector.detect(frame)
    assert boxes.shape == (0, 4)
    assert boxes.dtype == np.float32
    assert (network.picture[0, 0] == [0, 0, 200]).all()  # OpenCV expects blue first
    network.faces = np.arange(30, dtype=np.float32).reshape(2, 15)
    np.testing.assert_array_equal(detector.detect(frame), [[0, 1, 2, 3], [15, 16, 17, 18]])
    network.faces = np.array([[20, 10, 12, 20, *[0] * 10, 0.9]], np.float32)
    track = track_face(clip([frame] * 2), detector)
    np.testing.assert_allclose(track.boxes[0, 2:] * [64, 48], 20 * CROP_RATIO, rtol=1e-5)
