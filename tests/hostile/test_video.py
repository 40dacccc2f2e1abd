"""Every bad video raises a `MediaError` at little cost, whatever its header declares."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mer_core.media import MediaError, video_bounds
from mer_core.media.video import has_picture, load_video
from mer_core.media.video_bounds import MAX_BYTES, MAX_DECODED_FRAMES
from tests.hostile.clips import speechlike, wav
from tests.hostile.errors import media_error_of
from tests.hostile.videos import (
    declaring_duration,
    declaring_fragment,
    declaring_samples,
    declaring_size,
    encoded,
    flat,
    huge_picture,
    many_frames,
    quarters,
    sound_only,
)

LIVE = {"live": "1"}  # neither duration nor index
ROOT = Path(__file__).resolve().parents[2]


def video_error_of(source: Any) -> MediaError:
    error = media_error_of(source, load_video)
    assert len(error.message) < 300
    return error


def truncated() -> bytes:
    """An MP4 without its index, which comes last."""
    whole = encoded([quarters()] * 10)
    return whole[: whole.index(b"moov") - 4]


BAD_FILES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", "empty", "0 bytes"),
    "random": (lambda: np.random.default_rng(3).bytes(50_000), "not_video", "could not be read"),
    "zeros": (lambda: bytes(50_000), "not_video", "could not be read"),
    "text": (lambda: b"I am fine, thank you. " * 200, "not_video", "could not be read"),
    "playlist": (
        lambda: b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ngood.mp4\n#EXT-X-ENDLIST\n",
        "not_video",
        "could not be read",
    ),
    "concat script": (
        lambda: b"ffconcat version 1.0\nfile good.mp4\n",
        "not_video",
        "could not be read",
    ),
    "wav": (lambda: wav(speechlike(1.0)), "not_video", "Accepted: webm"),
    "mp3": (lambda: sound_only("mp3", "libmp3lame", cover=True), "not_video", "Accepted: webm"),
    "sound in mp4": (lambda: sound_only("mp4", "aac"), "no_picture", "sound but no moving"),
    "sound in webm": (lambda: sound_only("webm", "libopus"), "no_picture", "sound but no moving"),
    "cover": (lambda: sound_only("mp4", "aac", cover=True), "no_picture", "sound but no moving"),
    "truncated": (truncated, "not_video", "damaged"),
    "header alone": (lambda: encoded([flat()])[:40], "not_video", "damaged"),
    "no frames": (
        lambda: encoded([], container="matroska", sound=True),
        "empty",
        "contains no video frames",
    ),
    "two minutes": (
        lambda: encoded([flat()] * 25, [5.0 * index for index in range(25)]),
        "too_long",
        "at most 60 seconds",
    ),
    "declares an hour": (
        lambda: declaring_duration(encoded([flat()] * 5, container="matroska"), 3_600),
        "too_long",
        "60 minutes",
    ),
    "declares samples": (lambda: declaring_samples(2**31), "too_many_frames", "2147483648"),
    "declares a fragment": (lambda: declaring_fragment(2**31), "too_many_frames", "2147483648"),
}


@pytest.mark.parametrize("as_file", [True, False], ids=["file", "bytes"])
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused(name: str, as_file: bool, tmp_path: Path) -> None:
    make, kind, part = BAD_FILES[name]
    source: Any = make()
    (tmp_path / "good.mp4").write_bytes(encoded([flat()] * 3))
    if as_file:
        path = tmp_path / "clip.mp4"
        path.write_bytes(source)
        source = path
    error = video_error_of(source)
    assert error.kind == kind, error.message
    assert part in error.message
    assert has_picture(source) == (kind == "too_long" or name == "no frames")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("nowhere.mp4", "not_found"),
        ("", "not_a_file"),
        ("a" * 5_000 + ".mp4", "not_found"),
        ("nul\0.mp4", "not_found"),
        ("http://example.org/a.mp4", "not_found"),
        ("concat:a.mp4|b.mp4", "not_found"),
        ("/dev/zero", "not_found"),
    ],
)
def test_a_path_to_no_file_is_refused(path: str, kind: str) -> None:
    error = video_error_of(path)
    assert error.kind == kind
    assert "Accepted: webm" in error.message
    assert not has_picture(path)


def test_a_file_named_like_a_protocol_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("subfile,,start,0,end,0,,:x.mp4").write_bytes(encoded([quarters()] * 3))
    assert len(load_video("subfile,,start,0,end,0,,:x.mp4").frames) == 2


def test_a_message_contains_no_path(tmp_path: Path) -> None:
    assert str(tmp_path) not in video_error_of(tmp_path / "gone.mp4").message
    assert "folder" in video_error_of(tmp_path).message


def test_large_files_are_refused_without_reading(tmp_path: Path) -> None:
    with (tmp_path / "huge.mp4").open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # a hole: takes no space on the disk
    error = video_error_of(tmp_path / "huge.mp4")
    assert error.kind == "too_large"
    assert "100 MB" in error.message


def test_the_file_extension_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "clip.txt"
    path.write_bytes(encoded([quarters()] * 10, container="matroska"))
    assert len(load_video(path).frames) == 5


# Small files that are large when decoded; memory is measured in a separate process.

MEASURE = """
import resource, sys
from mer_core.media import MediaError
from mer_core.media.video import has_picture, load_video
harmless, *bombs = sys.argv[1:]
load_video(harmless)  # the memory of normal decoding
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for bomb in bombs:
    has_picture(bomb)
    try:
        load_video(bomb)
        print("read")
    except MediaError as error:
        print(error.kind)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts in other units elsewhere")
@pytest.mark.slow
def test_bombs_take_little_memory(tmp_path: Path) -> None:
    contents = {
        "harmless": encoded([quarters(640, 480)] * 10, container="matroska"),
        "huge picture": huge_picture("libx264"),
        "huge picture without a size": huge_picture("mjpeg"),  # FFmpeg ignores the header
        "many frames": many_frames(600_000, 60.0),
        "samples": declaring_samples(2**27),
        "fragment": declaring_fragment(2**27),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *(str(tmp_path / name) for name in contents)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    *kinds, megabytes = done.stdout.split()
    assert kinds == ["too_big_picture", "not_video", *["too_many_frames"] * 3]
    assert int(megabytes) <= 200


# Headers without length or size


def test_frames_are_counted_without_a_header() -> None:
    frames = MAX_DECODED_FRAMES + 10
    assert video_error_of(many_frames(frames, 40.0, "matroska")).kind == "too_many_frames"


def test_time_is_measured_without_a_header() -> None:
    data = encoded([flat()] * 30, [3.0 * i for i in range(30)], "webm", "libvpx", options=LIVE)
    assert video_error_of(data).kind == "too_long"


def test_the_total_number_of_pixels_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded([quarters()] * 10)
    monkeypatch.setattr(video_bounds, "MAX_DECODED_PIXELS", 9 * 64 * 48)
    error = video_error_of(data)
    assert error.kind == "too_many_frames"
    assert "64 × 48" in error.message


def test_a_picture_larger_than_its_header_declares() -> None:
    """The container declares 64 × 48, the codec's header 4112 × 16, which is too large."""
    data = declaring_size(encoded([flat(width=4_112, height=16)] * 5), 64, 48)
    assert video_error_of(data).kind in ("too_big_picture", "not_video")


def test_the_codecs_header_decides() -> None:
    """The container declares 60 000 × 16."""
    assert load_video(declaring_size(encoded([flat()] * 5), 60_000, 16)).width == 64


def test_a_header_that_declares_too_long_a_duration() -> None:
    data = declaring_duration(encoded([quarters()] * 10, container="matroska"), 30.0)
    loaded = load_video(data)
    assert loaded.duration < 2
    assert len(loaded.frames) == 5


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "mpeg4"), ("mp4", "libx264"), ("webm", "libvpx"), ("matroska", "ffv1")],
)
def test_damage_raises_no_other_error(
    generator: np.random.Generator, container: str, codec: str
) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"This PyAV has no {codec} encoder.")
    content = encoded([quarters()] * 8, None, container, codec, sound=container == "mp4")
    for _ in range(30):
        damaged = bytearray(content)
        for position in generator.integers(0, len(content), 10):
            damaged[position] = generator.integers(0, 256)
        if generator.random() < 0.3:
            damaged = damaged[: generator.integers(1, len(content))]
        try:
            loaded = load_video(bytes(damaged))
            assert len(loaded.frames) == len(loaded.times) > 0
            assert (np.diff(loaded.times) > 0).all()
            assert np.isfinite(loaded.duration)
        except MediaError as error:
            assert error.kind
