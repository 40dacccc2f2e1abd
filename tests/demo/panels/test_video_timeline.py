"""The followed face over time: thumbnails, preview and windows."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from mer_core.demo.panels.video_timeline import (
    MAX_THUMBNAILS,
    PREVIEW_SIDE,
    data_uri,
    preview,
    slots,
    video_timeline_figure,
)
from mer_core.types import FaceTrack, Prediction
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import pictures


def decoded(source: str | None) -> Image.Image:
    head, body = str(source).split(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(body, validate=True)))


def test_thumbnails_are_bounded_and_aligned(face: FaceTrack) -> None:
    for duration in (0.3, 1.0, 3.9, 4.0, 60.0):
        parts = slots(face, duration)
        assert 1 <= len(parts) <= MAX_THUMBNAILS
        assert (parts[0].start, parts[-1].end) == (0.0, pytest.approx(duration))
        for left, right in pairwise(parts):
            assert left.end == right.start
        for slot in parts:
            if slot.frame is not None:
                assert slot.start <= face.times[slot.frame] <= slot.end
                assert face.found[slot.frame]


def test_a_slow_camera_leaves_no_false_gaps(face: FaceTrack) -> None:
    slow = replace(face, times=np.arange(20, dtype=np.float32) * 2, found=np.ones(20, dtype=bool))
    assert all(slot.frame is not None for slot in slots(slow, 39.0))


def test_seconds_without_a_face_are_visibly_empty(watched: Prediction) -> None:
    page = Page(video_timeline_figure(watched))
    blanks = page.having(class_="at-blank")
    assert len(blanks) == 2  # the third second, in halves; the row has eight slots
    assert "No face from 2.0 s to 2.5 s" in page.text
    thumbnails = [str(p["alt"]) for p in pictures(page) if str(p["alt"]).startswith("Face at")]
    assert len(thumbnails) == 6
    assert len(set(thumbnails)) == 6
    assert "no voice or face" in page.text
    rects = [attrs for tag, attrs in page.tags if tag == "rect"]
    assert {r["x"] for r in rects} == {"0.000", "1.000", "3.000"}
    assert {r["width"] for r in rects} == {"1.000"}


def test_thumbnails_show_the_right_frames(watched: Prediction) -> None:
    first = pictures(Page(video_timeline_figure(watched)))[1]
    assert first["alt"] == "Face at 0.2 s"
    assert decoded(first["src"]).getpixel((48, 48)) == pytest.approx((10, 10, 10), abs=3)


def test_the_preview_is_small_and_carries_the_box(watched: Prediction, face: FaceTrack) -> None:
    large = replace(face, preview=np.full((1080, 1920, 3), 120, dtype=np.uint8))
    page = Page(preview(large))
    (picture,) = pictures(page)
    assert max(decoded(picture["src"]).size) == PREVIEW_SIDE
    (box,) = page.having(class_="at-box")
    assert box["style"] == "left:25.00%;top:20.00%;width:50.00%;height:60.00%"
    assert "at 1.2 s" in page.text
    lost = replace(face, found=np.zeros(20, dtype=bool))
    assert not Page(preview(lost)).having(class_="at-box")
    assert "found in <1% of the frames" in Page(preview(lost)).text
    assert "found in" not in page.text


def test_a_picture_survives_any_shape() -> None:
    for shape in ((1, 1, 3), (3, 2000, 3), (2000, 3, 3)):
        source = data_uri(np.zeros(shape, dtype=np.uint8), 96)
        assert max(decoded(source).size) <= 96
