"""Pictures come out of zips and folders alike, and the clips made of them drift a little."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from mer_core.data import Example, load_corpus
from train.config import SourceConfig
from train.data.material import Material
from train.data.portraits import SIDE, Portraits, decode, drifted


@pytest.fixture(scope="module")
def faces(corpora: Path) -> list[Example]:
    return load_corpus("fer2013", corpora, split="test")


def material(faces: list[Example], frames: int, cache: Path | None = None) -> Material:
    return Material(faces, {"video": SourceConfig(corpora={"fer2013": 1.0}, frames=frames)}, cache)


def test_a_zip_and_a_folder_hold_the_same_pictures(
    faces: list[Example], corpora: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(corpora / "fer2013" / "images.zip") as archive:
        archive.extractall(tmp_path)
    inside = [e.image for e in faces if e.image]
    beside = [tmp_path / p.relative_to(corpora / "fer2013" / "images.zip") for p in inside]
    np.testing.assert_array_equal(decode(inside), decode(beside))


def test_pictures_are_decoded_once(faces: list[Example], tmp_path: Path) -> None:
    first = Portraits(faces, tmp_path)
    (stored,) = tmp_path.glob("portraits-*.npz")
    again = Portraits(faces, tmp_path)
    for face in faces:
        assert face.image is not None
        np.testing.assert_array_equal(first.picture(face.image), again.picture(face.image))
    assert stored.stat().st_size > len(faces) * SIDE * SIDE


def test_a_file_that_is_not_a_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("hello")
    with pytest.raises(ValueError, match=r"notes\.png is not a picture"):
        decode([tmp_path / "notes.png"])


def test_larger_pictures_are_resized(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((96, 96, 3), 77, np.uint8))
    assert (decode([tmp_path / "a.png"]) == 77).all()


def test_one_frame_is_the_picture_itself(faces: list[Example]) -> None:
    made = material(faces, frames=1)
    frames = made.utterance([faces[0]]).frames
    assert frames is not None
    assert faces[0].image is not None
    np.testing.assert_array_equal(frames[0, :, :, 0], made.portraits.picture(faces[0].image))


def test_a_clip_drifts_around_its_picture_and_depends_on_its_name_alone(
    faces: list[Example],
) -> None:
    made = material(faces, frames=6)
    clips = [made.utterance([face]).frames for face in faces]
    for clip, face in zip(clips, faces, strict=True):
        assert clip is not None
        assert face.image is not None
        assert clip.shape == (6, SIDE, SIDE, 1)
        assert len(np.unique(clip.reshape(6, -1), axis=0)) == 6  # no two frames alike
        # Whatever else it is evaluated with, and in whatever order: the same clip.
        np.testing.assert_array_equal(material([face], frames=6).utterance([face]).frames, clip)
    other = made.utterance([faces[0]], np.random.default_rng(1)).frames
    assert not np.array_equal(other, clips[0])


def test_no_step_is_no_drift(generator: np.random.Generator) -> None:
    picture = generator.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    np.testing.assert_array_equal(drifted(picture, np.zeros(4)), picture)
    right = drifted(picture, np.array([2.0, 0.0, 0.0, 0.0]))  # two stds of 1.5 pixels
    np.testing.assert_array_equal(right[:, 3:], picture[:, :-3])
