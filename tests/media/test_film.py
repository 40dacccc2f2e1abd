"""Stretches of films are cut by the frames' own times, whatever the keyframes are."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from mer_core.media import MediaError
from mer_core.media.errors import MediaErrorKind
from mer_core.media.film import load_stretch
from tests.films import RATE, number_of, numbered, write_film

LENGTH = 150  # frames: five seconds


@pytest.fixture(
    scope="module", params=[("scene.avi", "mpeg4"), ("clip.flv", "flv"), ("a.mp4", "mpeg4")]
)
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name, codec = request.param
    return write_film(tmp_path_factory.mktemp("films") / name, numbered(LENGTH), codec)


def lefts(frames: np.ndarray) -> list[float]:
    return [number_of(frame[:, : frame.shape[1] // 2]) for frame in frames]


def test_the_fixture_has_a_keyframe_a_second(film: Path) -> None:
    """Else the tests below would not show that frames between keyframes are found."""
    with av.open(str(film)) as container:
        keys = [i for i, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    assert keys == list(range(0, LENGTH, RATE))


@pytest.mark.parametrize(("start", "end"), [(1.6, 2.6), (0.0, 1.0), (3.34, 4.9)])
def test_every_frame_of_a_stretch_is_the_one_of_its_time(
    film: Path, start: float, end: float
) -> None:
    video = load_stretch(film, start, end, rate=RATE)
    expected = np.arange(np.ceil(start * RATE - 0.03), np.ceil(end * RATE - 0.03))
    np.testing.assert_allclose(lefts(video.frames), expected, atol=1.5)
    np.testing.assert_allclose(video.times, expected / RATE - start, atol=2e-3)
    assert video.duration == pytest.approx(end - start)


def test_a_low_rate_keeps_even_steps(film: Path) -> None:
    video = load_stretch(film, 0.5, 4.5, rate=2.0)
    np.testing.assert_allclose(lefts(video.frames), np.arange(15, 135, 15), atol=1.5)


def test_without_an_end_all_is_read(film: Path) -> None:
    video = load_stretch(film, rate=1.0)
    assert len(video.frames) == 5
    assert video.duration == pytest.approx(5.0, abs=0.05)
    assert not video.has_sound


def test_what_cannot_be_read_is_named(film: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.avi"
    text.write_text("no film at all")
    with pytest.raises(MediaError, match=r"'notes\.avi' cannot be read as video") as raised:
        load_stretch(text)
    assert raised.value.kind is MediaErrorKind.NOT_VIDEO
    with pytest.raises(MediaError, match="no file named"):
        load_stretch(tmp_path / "nowhere.avi")
    with pytest.raises(MediaError, match=r"no frame from 7 s to 8 s"):
        load_stretch(film, 7.0, 8.0)
    with pytest.raises(MediaError, match="must be 0 to 60 s long"):
        load_stretch(film, 0.0, 100.0)


def test_a_playlist_opens_nothing(film: Path, tmp_path: Path) -> None:
    playlist = tmp_path / "list.avi"
    playlist.write_text(f"ffconcat version 1.0\nfile '{film}'\n")
    with pytest.raises(MediaError):
        load_stretch(playlist)
