"""What is drawn of a video: the match, the film, the preview, the cross-attention, every state."""

from __future__ import annotations

import base64
import io
import re
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mer_core.demo.panels.match import APART, CONTRAST, TITLES, TOGETHER, match_meter, relation
from mer_core.demo.panels.result import render_verdict, render_video_details
from mer_core.demo.panels.summary import summary
from mer_core.demo.panels.video_timeline import (
    MOMENTS,
    NOTHING,
    PREVIEW_SIDE,
    clip_length,
    data_uri,
    moments,
    preview,
    video_timeline_figure,
)
from mer_core.types import CrossAttention, FaceTrack, Prediction
from tests.demo.conftest import chances
from tests.demo.markup_page import Page

NASTY = "</span><script>alert('x')</script>\"&<img src=x onerror=y>"


def whole(prediction: Prediction) -> Page:
    return Page(render_verdict(prediction) + render_video_details(prediction))


def pictures(page: Page) -> list[dict[str, str | None]]:
    return [attrs for tag, attrs in page.tags if tag == "img"]


def decoded(source: str | None) -> Image.Image:
    head, body = str(source).split(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(body, validate=True)))


def test_a_video_shows_voice_face_and_both(watched: Prediction) -> None:
    page = whole(watched)
    for expected in ("Happy", "81% confidence", "Voice alone", "Face alone", "Both together"):
        assert expected in page.text
    assert [a["data-modality"] for a in page.having(class_="at-modality")] == [
        "audio", "video", "both",
    ]  # fmt: skip
    assert "Voice, face and both" in page.text
    assert "Category the model assigns" in page.text


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (0.0, "apart"), (APART, "apart"), (APART + 0.01, "unsure"), (0.5, "unsure"),
        (TOGETHER - 0.01, "unsure"), (TOGETHER, "together"), (1.0, "together"),
    ],
)  # fmt: skip
def test_the_meter_says_the_match_in_words(
    watched: Prediction, match: float, expected: str
) -> None:
    assert relation(match) == expected
    page = Page(match_meter(replace(watched, match=match)))
    assert TITLES[expected] in page.text
    (meter,) = page.having(role="meter")
    assert (meter["aria-valuemin"], meter["aria-valuemax"]) == ("0", "100")
    assert meter["aria-valuenow"] == str(round(100 * match))
    assert str(meter["aria-valuetext"]).endswith(TITLES[expected])
    assert meter["aria-label"]
    assert len(page.having(class_="at-here")) == 1  # marked by more than colour
    for name in ("apart", "hard to say", "the same way"):
        assert name in page.text


@pytest.mark.parametrize("match", [None, float("nan")])
def test_without_a_match_there_is_no_meter(watched: Prediction, match: float | None) -> None:
    assert match_meter(replace(watched, match=match)) == ""


def test_a_match_against_the_categories_is_explained(watched: Prediction) -> None:
    assert CONTRAST not in match_meter(watched)
    assert CONTRAST in match_meter(replace(watched, match=0.1))
    assert CONTRAST not in match_meter(replace(watched, match=0.5))
    angry = {**watched.by_modality, "audio": chances("angry", 0.6)}
    assert CONTRAST in match_meter(replace(watched, by_modality=angry))
    assert CONTRAST not in match_meter(replace(watched, by_modality=angry, match=0.1))


def test_only_the_meter_speaks_of_agreement(watched: Prediction) -> None:
    assert summary(watched) == (
        "Voice and face each lead to happy: the model assigns happy with 81% confidence."
    )
    angry = {**watched.by_modality, "audio": chances("angry", 0.6)}
    assert summary(replace(watched, by_modality=angry)) == (
        "The voice alone leads to angry (60%), the face alone to happy (76%). Together, the model "
        "assigns happy with 81% confidence."
    )


def test_the_film_is_bounded_and_aligned(face: FaceTrack) -> None:
    for duration in (0.3, 1.0, 3.9, 4.0, 60.0):
        found = moments(face, duration)
        assert 1 <= len(found) <= MOMENTS
        assert (found[0].start, found[-1].end) == (0.0, pytest.approx(duration))
        for left, right in pairwise(found):
            assert left.end == right.start
        for moment in found:
            if moment.frame is not None:
                assert moment.start <= face.times[moment.frame] <= moment.end
                assert face.found[moment.frame]


def test_a_slow_camera_leaves_no_false_gaps(face: FaceTrack) -> None:
    slow = replace(face, times=np.arange(20, dtype=np.float32) * 2, found=np.ones(20, dtype=bool))
    assert all(moment.frame is not None for moment in moments(slow, 39.0))


def test_seconds_without_a_face_are_visibly_empty(watched: Prediction) -> None:
    page = whole(watched)
    blanks = page.having(class_="at-blank")
    assert len(blanks) == 2  # the third second, in halves; the film has eight cells
    assert "No face from 2.0 s to 2.5 s" in page.text
    thumbnails = [str(p["alt"]) for p in pictures(page) if str(p["alt"]).startswith("Face at")]
    assert len(thumbnails) == 6
    assert len(set(thumbnails)) == 6
    assert NOTHING in page.text
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
    assert "seen in <1% of the pictures" in Page(preview(lost)).text
    assert "seen in" not in page.text


def test_pictures_are_part_of_the_page_and_of_no_disk(
    watched: Prediction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("builtins.open", lambda *_, **__: pytest.fail("a file was opened"))
    markup = render_verdict(watched) + render_video_details(watched)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
    assert pictures(Page(markup))
    assert all(str(p["src"]).startswith("data:image/jpeg;") for p in pictures(Page(markup)))
    assert not re.findall(r"https?://|/tmp|file=|url\(", markup)


def test_a_picture_survives_any_shape() -> None:
    for shape in ((1, 1, 3), (3, 2000, 3), (2000, 3, 3)):
        source = data_uri(np.zeros(shape, dtype=np.uint8), 96)
        assert max(decoded(source).size) <= 96


def test_without_a_face_the_voice_is_shown(faceless: Prediction) -> None:
    page = whole(faceless)
    assert "No face was found; this is the voice alone. The model assigns sad" in page.text
    assert not pictures(page)
    assert not page.having(class_="at-film")
    assert not page.having(role="meter")
    assert not page.having(class_="at-fold")
    assert page.having(class_="at-columns")
    assert page.having(class_="at-wave")


def test_without_sound_the_face_is_shown(soundless: Prediction) -> None:
    page = whole(soundless)
    assert "no sound; this is the face alone. The model assigns happy" in page.text
    assert page.having(class_="at-film")
    assert not page.having(class_="at-wave")
    assert not page.having(role="meter")
    assert clip_length(soundless) == 4.0


@pytest.mark.parametrize(
    ("state", "title"),
    [
        ("no_face", "Neither face nor voice found"), ("no_sound", "Neither face nor voice found"),
        ("no_speech", "Neither face nor voice found"), ("silence", "Neither face nor voice found"),
        ("refused", "This could not be analysed"),
    ],
)  # fmt: skip
def test_with_both_halves_missing_there_is_no_label(
    watched: Prediction, state: str, title: str
) -> None:
    """Even if a face or windows were handed over."""
    missing: Any = {"audio": None, "video": None, "both": None}
    nothing = replace(
        watched, emotion=None, probabilities={}, by_modality=missing, state=state, message="Why."
    )
    page = whole(nothing)
    assert title in page.text
    assert "Why." in page.text
    for kind in ("at-emotion", "at-fill", "at-meter", "at-film", "at-columns", "at-fold"):
        assert not page.having(class_=kind)
    assert not pictures(page)


def test_everything_foreign_is_escaped(watched: Prediction) -> None:
    odd: Any = {NASTY: 0.9, "sad": 0.1}
    hostile = replace(
        watched,
        emotion=NASTY,
        probabilities=odd,
        by_modality={"audio": odd, "video": odd, NASTY: odd},
        message=NASTY,
        timeline=tuple(replace(w, emotion=NASTY, probabilities=odd) for w in watched.timeline),
    )
    page = whole(hostile)
    assert not [tag for tag, _ in page.tags if tag == "script"]
    assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on")]
    assert all(str(p["src"]).startswith("data:image/jpeg;") for p in pictures(page))
    styles = [attrs["style"] or "" for _, attrs in page.tags if "style" in attrs]
    assert not [style for style in styles if set(style) & set("<>\"'&")]


def test_the_longest_clip_stays_light(watched: Prediction) -> None:
    frames = 60 * 25
    rng = np.random.default_rng(0)
    times = np.arange(frames, dtype=np.float32) / 25
    face = FaceTrack(
        times,
        np.full((frames, 4), 0.25, dtype=np.float32),
        np.ones(frames, dtype=bool),
        rng.integers(0, 255, (frames, 96, 96, 3), dtype=np.uint8),
        rng.integers(0, 255, (1080, 1920, 3), dtype=np.uint8),
        700,
    )
    steps = 3000
    crossing = CrossAttention(
        np.linspace(0, 60, steps + 1, dtype=np.float32),
        times,
        rng.random((steps, frames), dtype=np.float32),
        rng.random((frames, steps), dtype=np.float32),
    )
    start = time.perf_counter()
    drawn = render_video_details(
        replace(
            watched, duration=60.0, face=face, cross_attention=crossing,
            timeline=tuple(replace(watched.timeline[0], start=i, end=i + 1) for i in range(60)),
            envelope=rng.random(3000, dtype=np.float32),
        )
    )  # fmt: skip
    assert time.perf_counter() - start < 2
    assert len(drawn) < 700_000
    assert len(pictures(Page(drawn))) == MOMENTS + 1
