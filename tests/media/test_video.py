"""Which frames of a video are read, when and how oriented, against known colours."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mer_core.media import MediaError, load_audio
from mer_core.media.display import STORED_SIDE
from mer_core.media.video import FRAME_RATE, MAX_FRAMES, has_picture, load_video
from mer_core.types import ByteArray
from tests.hostile.videos import encoded, flat, quarters, sound_only

# Far apart, so that no codec confuses them.
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 30),
    "blue": (30, 30, 220),
    "white": (230, 230, 230),
    "black": (20, 20, 20),
}


def nearest(frame: ByteArray) -> str:
    """Name of the colour in the middle of a frame."""
    height, width = frame.shape[:2]
    pixel = frame[height // 3 : -height // 3, width // 3 : -width // 3].mean(axis=(0, 1))
    return min(COLOURS, key=lambda name: float(np.abs(pixel - COLOURS[name]).sum()))


def corners(frame: ByteArray) -> list[str]:
    """Colours of the four quarters: top left, top right, bottom left, bottom right."""
    names = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255,) * 3}
    height, width = frame.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    return [
        min(names, key=lambda name: float(np.abs(frame[y, x].astype(float) - names[name]).sum()))
        for y in rows
        for x in columns
    ]


def one_colour_per_second(rate: float, seconds: int = 5) -> tuple[list[ByteArray], list[float]]:
    times = [index / rate for index in range(int(seconds * rate))]
    return [flat(list(COLOURS.values())[int(time)]) for time in times], times


def need(codec: str) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"This PyAV has no {codec} encoder.")


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("mp4", "mpeg4"),
        ("mp4", "libx264"),
        ("mov", "libx264"),
        ("webm", "libvpx"),
        ("webm", "libvpx-vp9"),
        ("matroska", "libx264"),
    ],
)
@pytest.mark.parametrize("rate", [4, 24, 30])
def test_frames_match_their_times(tmp_path: Path, container: str, codec: str, rate: int) -> None:
    need(codec)
    pictures, times = one_colour_per_second(rate)
    path = tmp_path / "clip"
    path.write_bytes(encoded(pictures, times, container, codec))
    video = load_video(path)
    assert video.duration == pytest.approx(5.0, abs=0.3)
    assert (video.width, video.height, video.has_sound) == (64, 48, False)
    assert video.frames.dtype == np.uint8
    assert video.times.dtype == np.float32
    assert len(video.times) == len(video.frames) == 5 * min(rate, FRAME_RATE)
    assert (np.diff(video.times) > 0).all()
    np.testing.assert_allclose(np.diff(video.times), 1 / min(rate, FRAME_RATE), atol=1.01 / rate)
    shown = [nearest(frame) for frame in video.frames]
    assert shown == [list(COLOURS)[int(time + 0.002)] for time in video.times]


def test_bytes_strings_and_paths_give_the_same(tmp_path: Path) -> None:
    data = encoded([quarters()] * 10)
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    whole = load_video(data)
    for source in (path, str(path), bytearray(data)):
        again = load_video(source)  # type: ignore[arg-type]
        np.testing.assert_array_equal(again.frames, whole.frames)
        np.testing.assert_array_equal(again.times, whole.times)


@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_irregular_time_stamps(container: str) -> None:
    """A frame is kept for each fifth of a second in which one begins."""
    need("libvpx")
    times = [0.0, 0.03, 0.05, 0.5, 0.52, 1.9, 2.05, 2.1, 3.999, 4.0]
    pictures = [flat(list(COLOURS.values())[int(time)]) for time in times]
    video = load_video(
        encoded(pictures, times, container, "libvpx" if container == "webm" else "mpeg4")
    )
    np.testing.assert_allclose(video.times, [0.0, 0.5, 1.9, 2.05, 3.999, 4.0], atol=0.003)
    assert [nearest(frame) for frame in video.frames] == [
        list(COLOURS)[index] for index in (0, 0, 1, 2, 3, 4)
    ]


def test_timestamps_may_start_anywhere() -> None:
    need("libvpx")
    times = [7.3 + index / 10 for index in range(20)]
    video = load_video(encoded([flat()] * 20, times, "webm", "libvpx"))
    assert video.times[0] == 0.0
    assert video.times[-1] == pytest.approx(1.8, abs=0.01)
    assert video.duration == pytest.approx(1.95, abs=0.06)


def test_a_browser_recording() -> None:
    """Its header has neither duration nor index, because it was written as a stream."""
    need("libvpx")
    times = [0.11 + index * 0.033 + 0.004 * (index % 3) for index in range(90)]
    data = encoded([quarters()] * 90, times, "webm", "libvpx", options={"live": "1"})
    with av.open(io.BytesIO(data)) as container:
        assert container.duration is None
    video = load_video(data)
    assert len(video.frames) == 15
    assert video.duration == pytest.approx(90 * 0.033, abs=0.1)


def test_longer_clips_are_sampled_more_sparsely() -> None:
    video = load_video(encoded([flat(width=16, height=16)] * 300, [i / 5 for i in range(300)]))
    assert len(video.frames) == MAX_FRAMES
    np.testing.assert_allclose(np.diff(video.times), 0.4, atol=1e-3)


def test_sound_is_detected() -> None:
    data = encoded([quarters()] * 10, sound=True)
    assert load_video(data).has_sound
    assert len(load_audio(data)) > 15_000


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska"])
@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_every_quarter_turn_is_undone(container: str, rotation: int) -> None:
    """A rotated camera writes rotated pictures and the rotation that corrects them."""
    held = np.rot90(quarters(), -rotation // 90)
    video = load_video(encoded([held] * 5, container=container, rotation=rotation))
    assert (video.width, video.height) == (64, 48)
    assert video.frames.shape == (3, 48, 64, 3)
    assert corners(video.frames[0]) == ["red", "green", "blue", "white"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="compares with ffmpeg")
@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_rotation_agrees_with_ffmpeg(tmp_path: Path, rotation: int) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(encoded([quarters()] * 5, rotation=rotation))
    raw = subprocess.run(
        f"ffmpeg -v error -i {path} -frames:v 1 -f rawvideo -pix_fmt rgb24 -".split(),
        capture_output=True,
        check=True,
    ).stdout
    video = load_video(path)
    shown = np.frombuffer(raw, np.uint8).reshape(video.frames.shape[1:])
    assert np.abs(video.frames[0].astype(int) - shown).mean() < 4


def test_pixels_are_made_square() -> None:
    data = encoded([quarters()] * 5, stretch=Fraction(3, 2), container="matroska")
    video = load_video(data)
    assert (video.width, video.height) == (96, 48)
    assert video.frames.shape[1:] == (48, 96, 3)
    assert corners(video.frames[0]) == ["red", "green", "blue", "white"]


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [
        (1280, 720, (360, 640)),
        (480, 1280, (640, 240)),
        (640, 360, (360, 640)),
        (2000, 16, (5, 640)),
    ],
)
def test_large_frames_are_shrunk(width: int, height: int, shape: tuple[int, int]) -> None:
    video = load_video(encoded([quarters(width, height)] * 2))
    assert (video.width, video.height) == (width, height)
    assert video.frames.shape[1:3] == shape
    assert max(shape) == STORED_SIDE
    if height > 16:
        assert corners(video.frames[0]) == ["red", "green", "blue", "white"]


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [
        ("ffv1", "yuv420p10le"),
        ("ffv1", "yuva420p"),
        ("ffv1", "bgra"),
        ("ffv1", "yuv444p16le"),
        ("libx264", "yuvj420p"),
        ("libx264", "yuv422p10le"),
        ("qtrle", "argb"),
        ("mjpeg", "yuvj444p"),
    ],
)
def test_pixel_formats(codec: str, pix_fmt: str) -> None:
    need(codec)
    container = "mov" if codec == "qtrle" else "matroska"
    video = load_video(encoded([quarters()] * 3, None, container, codec, pix_fmt))
    assert corners(video.frames[0]) == ["red", "green", "blue", "white"]
    assert video.frames[0, 12, 16, 0] > 230


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le"])
def test_grey_pictures(pix_fmt: str) -> None:
    video = load_video(encoded([flat((90, 90, 90))] * 3, None, "matroska", "ffv1", pix_fmt))
    assert np.abs(video.frames.astype(int) - 90).max() < 5


def spliced(*parts: bytes) -> bytes:
    """MPEG-4 streams one after the other in one Matroska file, each with its own header."""
    buffer = io.BytesIO()
    clock = Fraction(1, 1_000)
    with av.open(buffer, "w", format="matroska") as output:
        stream: Any = None
        offset = 0
        for part in parts:
            with av.open(io.BytesIO(part)) as container:
                source = container.streams.video[0]
                stream = stream or output.add_stream_from_template(source)
                for packet in container.demux(source):
                    if packet.size:
                        packet.pts = packet.dts = offset
                        packet.time_base, packet.stream = clock, stream
                        offset += 200
                        output.mux(packet)
    return buffer.getvalue()


def test_a_size_that_changes_in_mid_stream() -> None:
    need("libvpx")
    wide = encoded([quarters(64, 48)] * 4, None, "webm", "libvpx")
    high = encoded([quarters(48, 96)] * 4, None, "webm", "libvpx")
    video = load_video(spliced(wide, high))
    assert video.frames.shape == (8, 48, 64, 3)
    assert corners(video.frames[0]) == ["red", "green", "blue", "white"]
    assert (video.frames[6][:, :18] < 30).all()  # centred on black
    assert corners(video.frames[6][:, 20:44]) == ["red", "green", "blue", "white"]


def test_one_frame_is_a_video() -> None:
    video = load_video(encoded([quarters()]))
    assert video.frames.shape == (1, 48, 64, 3)
    assert video.times.tolist() == [0.0]
    assert 0 < video.duration <= 1


def test_the_same_file_gives_the_same_bits() -> None:
    data = encoded([quarters(320, 240)] * 30)
    np.testing.assert_array_equal(load_video(data).frames, load_video(data).frames)


def test_has_picture(tmp_path: Path) -> None:
    assert has_picture(encoded([flat()] * 3))
    assert has_picture(encoded([flat()] * 3, sound=True))
    for container, codec in (("mp4", "aac"), ("webm", "libopus"), ("mp3", "libmp3lame")):
        need(codec)
        assert not has_picture(sound_only(container, codec))
    assert not has_picture(tmp_path / "gone.mp4")
    assert not has_picture(b"")
    assert not has_picture(b"no video at all" * 100)


def test_a_cut_off_recording_gives_what_came_before() -> None:
    need("libvpx")
    pictures, times = one_colour_per_second(10)
    data = encoded(pictures, times, "webm", "libvpx")
    half = load_video(data[: len(data) // 2])
    assert nearest(half.frames[0]) == "red"
    assert 0 < half.duration < 4.9
    assert len(half.frames) < 25


def test_damage_in_the_middle_is_skipped() -> None:
    pictures, times = one_colour_per_second(10)
    data = bytearray(encoded(pictures, times, "mp4", "libx264"))
    start, end = data.index(b"mdat") + 4, data.index(b"moov")
    middle = (start + end) // 2
    data[middle : middle + 40] = bytes(40)
    video = load_video(bytes(data))
    assert len(video.frames) >= 12
    assert nearest(video.frames[0]) == "red"


def test_reading_video_does_not_load_opencv() -> None:
    code = "import sys, mer_core, mer_core.media.video; print('cv2' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.strip() == "False"


def test_a_source_of_the_wrong_type_is_refused() -> None:
    for source in (None, 3, [1], (b"", 3)):
        with pytest.raises(MediaError) as caught:
            load_video(source)  # type: ignore[arg-type]
        assert caught.value.kind == "bad_type"
