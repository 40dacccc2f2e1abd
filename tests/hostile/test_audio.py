"""Every bad recording raises a `MediaError`, and every unusual but good one is read."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mer_core.media import MediaError, load_audio
from tests.hostile.clips import (
    RATE,
    encoded,
    float_wav,
    silent_video,
    speechlike,
    wav,
)
from tests.hostile.errors import media_error_of
from tests.hostile.videos import declaring_fragment, declaring_samples


def zipped(tmp_path: Path) -> bytes:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("speech.wav", wav(speechlike(1.0)))
    return path.read_bytes()


def png(tmp_path: Path) -> bytes:
    from matplotlib import image

    path = tmp_path / "picture.png"
    image.imsave(path, np.zeros((8, 8)))
    return path.read_bytes()


# name → (bytes, kind of the error, parts of its message)
BAD_FILES: dict[str, tuple[Callable[[Path], bytes], str, tuple[str, ...]]] = {
    "empty": (lambda _: b"", "empty", ("0 bytes", "Accepted: wav")),
    "random": (
        lambda _: np.random.default_rng(3).bytes(50_000),
        "not_audio",
        ("could not be read", "Accepted: wav"),
    ),
    "zeros": (lambda _: bytes(50_000), "not_audio", ("could not be read", "Accepted: wav")),
    "text": (
        lambda _: b"I am fine, thank you. " * 200,
        "not_audio",
        ("could not be read", "Accepted: wav"),
    ),
    "html": (lambda _: b"<!doctype html><p>404", "not_audio", ("could not be read",)),
    "png": (png, "not_audio", ("could not be read", "Accepted: wav")),
    "zip": (zipped, "not_audio", ("could not be read", "Accepted: wav")),
    "cut in the header": (
        lambda _: wav(speechlike(1.0))[:30],
        "not_audio",
        ("could not be read", "Accepted: wav"),
    ),
    "header alone": (lambda _: wav(np.zeros(0)), "empty", ("contains no sound", "Accepted: wav")),
    "one sample": (lambda _: wav(np.zeros(1)), "too_short", ("0.3 s is needed",)),
    "a tenth of a second": (
        lambda _: wav(speechlike(0.1)),
        "too_short",
        ("0.1 s", "0.3 s is needed"),
    ),
    "NaN": (
        lambda _: float_wav(np.full(RATE, np.nan)),
        "not_finite",
        ("not numbers", "[-1, 1]"),
    ),
    "one infinite sample": (
        lambda _: float_wav(np.r_[speechlike(1.0), np.inf]),
        "not_finite",
        ("not numbers", "[-1, 1]"),
    ),
    "integers as floats": (
        lambda _: float_wav(speechlike(1.0) * 20_000),
        "out_of_range",
        ("reaches", "[-1, 1]"),
    ),
    "video without sound": (
        lambda _: silent_video(),
        "no_sound",
        ("video without sound", "Accepted: wav"),
    ),
    "rate too low": (
        lambda _: wav(speechlike(3.0), rate=1_000),
        "bad_rate",
        ("1000 Hz", "4000 to 384000 Hz"),
    ),
    "playlist": (
        lambda _: b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/x.mp3\n",
        "not_audio",
        ("could not be read",),
    ),
    "concat script": (
        lambda _: b"ffconcat version 1.0\nfile good.wav\n",
        "not_audio",
        ("could not be read",),
    ),
}


@pytest.mark.parametrize("as_file", [True, False], ids=["file", "bytes"])
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused(name: str, as_file: bool, tmp_path: Path) -> None:
    make, kind, parts = BAD_FILES[name]
    (tmp_path / "good.wav").write_bytes(wav(speechlike(1.0)))
    source: Any = make(tmp_path)
    if as_file:
        path = tmp_path / "clip.wav"
        path.write_bytes(source)
        source = path
    error = media_error_of(source)
    assert error.kind == kind, error.message
    for part in parts:
        assert part in error.message


@pytest.mark.parametrize(
    ("waveform", "rate", "kind", "part"),
    [
        (np.zeros(0), RATE, "empty", "0.3 s is needed"),
        (np.zeros((0, 2)), RATE, "empty", "0.3 s is needed"),
        (np.zeros(1), RATE, "too_short", "0.3 s is needed"),
        (np.full(RATE, np.nan), RATE, "not_finite", "[-1, 1]"),
        (np.full(RATE, -np.inf), RATE, "not_finite", "[-1, 1]"),
        (np.full(RATE, 1e300), RATE, "not_finite", "[-1, 1]"),
        (np.full(RATE, 1000.0), RATE, "out_of_range", "[-1, 1]"),
        (np.zeros(RATE), 0, "bad_rate", "4000 to 384000 Hz"),
        (np.zeros(RATE), -16_000, "bad_rate", "4000 to 384000 Hz"),
        (np.zeros(RATE), 10**12, "bad_rate", "4000 to 384000 Hz"),
        (np.zeros(RATE), float("nan"), "bad_type", "sample rate in Hz"),
        (np.zeros(RATE), float("inf"), "bad_type", "sample rate in Hz"),
        (np.zeros(RATE), None, "bad_type", "sample rate in Hz"),
        (np.zeros((2, 2, RATE)), RATE, "bad_type", "(S, channels)"),
        (np.float32(0.5), RATE, "bad_type", "(S, channels)"),
        (np.zeros(RATE, bool), RATE, "bad_type", "must be numbers"),
        (np.zeros(RATE, complex), RATE, "bad_type", "must be numbers"),
        (np.array(["a"] * RATE), RATE, "bad_type", "must be numbers"),
        ([[0.0] * 5, [0.0] * 4], RATE, "bad_type", "sample rate in Hz"),
        (None, RATE, "bad_type", "must be numbers"),
        (torch.zeros(RATE, requires_grad=True), RATE, "bad_type", "sample rate in Hz"),
    ],
)
def test_a_bad_array_is_refused(waveform: Any, rate: Any, kind: str, part: str) -> None:
    error = media_error_of((waveform, rate))
    assert error.kind == kind, error.message
    assert part in error.message


@pytest.mark.parametrize("source", [None, 3, 1.5, [0.0] * RATE, {"audio": 1}, (1,), (1, 2, 3)])
def test_other_types_are_refused(source: Any) -> None:
    error = media_error_of(source)
    assert error.kind == "bad_type"
    assert "(waveform, sample rate in Hz)" in error.message


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("nowhere.wav", "not_found"),
        ("", "not_a_file"),
        ("a" * 5_000 + ".wav", "not_found"),
        ("nul\0.wav", "not_found"),
        ("http://example.org/a.wav", "not_found"),
        ("concat:a.wav|b.wav", "not_found"),
        ("/dev/zero", "not_found"),
    ],
)
def test_a_path_to_no_file_is_refused(path: str, kind: str) -> None:
    error = media_error_of(path)
    assert error.kind == kind
    assert "Accepted: wav" in error.message
    assert len(error.message) < 300


def test_a_folder_is_refused(tmp_path: Path) -> None:
    error = media_error_of(tmp_path)
    assert error.kind == "not_a_file"
    assert repr(tmp_path.name) in error.message
    assert "folder" in error.message


def test_a_message_contains_no_path(tmp_path: Path) -> None:
    assert str(tmp_path) not in media_error_of(tmp_path / "gone.wav").message


@pytest.mark.parametrize(
    ("container", "codec", "rate", "name"),
    [
        ("mp3", "libmp3lame", 44_100, "speech.wav"),
        ("flac", "flac", 16_000, "speech.mp3"),
        ("ogg", "libopus", 48_000, "speech.txt"),
        ("webm", "libopus", 48_000, "speech"),
        ("mp4", "aac", 22_050, "speech.wav"),
        ("ipod", "aac", 44_100, "speech.wav"),
    ],
)
def test_the_file_extension_is_ignored(
    container: str, codec: str, rate: int, name: str, tmp_path: Path
) -> None:
    data = encoded(speechlike(1.0, rate), container, codec, rate)
    (tmp_path / name).write_bytes(data)
    waveform = load_audio(tmp_path / name)
    assert waveform.dtype == np.float32
    assert abs(len(waveform) / RATE - 1.0) < 0.1
    assert 0.05 < np.abs(waveform).max() <= 1.0


@pytest.mark.parametrize(
    "rate", [4_000, 8_000, 11_025, 22_050, 37_123, 44_099, 44_100, 48_000, 96_000, 192_000]
)
def test_odd_rates_are_resampled(rate: int) -> None:
    waveform = load_audio((speechlike(1.0, rate), rate))
    assert abs(len(waveform) - RATE) <= 2
    np.testing.assert_allclose(
        np.sqrt(np.mean(waveform**2)), np.sqrt(np.mean(speechlike(1.0) ** 2)), rtol=0.03
    )


@pytest.mark.parametrize("rate", [44_099, 96_000, 192_000])
def test_odd_rates_in_files_are_resampled(rate: int) -> None:
    from_file = load_audio(wav(speechlike(1.0, rate), rate))
    assert abs(len(from_file) - RATE) <= 16
    shared = min(len(from_file), RATE)
    assert np.corrcoef(from_file[:shared], speechlike(1.0)[:shared])[0, 1] > 0.99


def test_stereo_is_mixed_in_both_layouts() -> None:
    left, right = speechlike(1.0), 0.5 * speechlike(1.0)
    across, along = np.stack([left, right]), np.stack([left, right], axis=1)
    np.testing.assert_allclose(load_audio((across, RATE)), (left + right) / 2, atol=1e-6)
    np.testing.assert_allclose(load_audio((along, RATE)), (left + right) / 2, atol=1e-6)
    np.testing.assert_allclose(load_audio(wav(along)), (left + right) / 2, atol=1e-3)


def test_opposite_channels_do_not_cancel_out() -> None:
    speech = speechlike(1.0)
    waveform = load_audio((np.stack([speech, -speech]), RATE))
    assert np.abs(waveform).max() > 0.1


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float16, np.float64])
def test_number_types_give_the_same(dtype: Any) -> None:
    speech = speechlike(1.0)
    if np.issubdtype(dtype, np.floating):
        given = speech.astype(dtype)
    else:
        middle = 128 if dtype is np.uint8 else 0
        scale = 127 if dtype is np.uint8 else np.iinfo(dtype).max
        given = (speech.astype(np.float64) * scale + middle).astype(dtype)
    np.testing.assert_allclose(load_audio((given, RATE)), speech, atol=0.02)


def test_a_truncated_file_is_read_up_to_the_damage() -> None:
    whole = encoded(speechlike(4.0), "flac", "flac")
    waveform = load_audio(whole[: len(whole) // 2])
    assert 0.5 < len(waveform) / RATE < 4.0


def test_damage_in_the_middle_is_read_or_refused() -> None:
    data = bytearray(encoded(speechlike(4.0, 48_000), "ogg", "libopus", 48_000))
    data[len(data) // 2 : len(data) // 2 + 300] = np.random.default_rng(5).bytes(300)
    try:
        assert np.isfinite(load_audio(bytes(data))).all()
    except MediaError as error:
        assert error.kind == "not_audio"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.wav"
    path.write_bytes(wav(speechlike(1.0)))
    path.chmod(0)
    assert media_error_of(path).kind == "not_found"


@pytest.mark.parametrize("bomb", [declaring_samples, declaring_fragment])
def test_tables_that_declare_more_than_a_file_can_contain_are_never_built(
    bomb: Callable[[int], bytes], tmp_path: Path
) -> None:
    data = bomb(2**31)
    path = tmp_path / "bomb.mp4"
    path.write_bytes(data)
    for source in (data, path):
        assert media_error_of(source).kind == "not_audio"
