"""Recordings that are too long, short or large are refused from the header, without decoding."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from mer_core.media import MAX_SECONDS, MIN_SECONDS, audio, load_audio
from tests.hostile.clips import (
    RATE,
    coloured,
    declaring_flac,
    encoded,
    speechlike,
    wav,
    write_declaring_wav,
)
from tests.hostile.errors import forbid_decoding, media_error_of


@pytest.mark.parametrize(("seconds", "length"), [(360, "6.0 minutes"), (8 * 3600, "480 minutes")])
@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_a_long_recording_is_refused_from_its_header(
    seconds: int, length: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"long.{kind}"
    if kind == "wav":
        write_declaring_wav(path, seconds)
    else:
        path.write_bytes(declaring_flac(seconds))
    forbid_decoding(monkeypatch)
    tracemalloc.start()
    error = media_error_of(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.kind == "too_long"
    assert length in error.message
    assert "at most 5 minutes" in error.message
    assert peak < 2**20


def test_a_huge_file_is_refused_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_decoding(monkeypatch)
    write_declaring_wav(tmp_path / "huge.wav", 24 * 3600)
    error = media_error_of(tmp_path / "huge.wav")
    assert error.kind == "too_large"
    assert "at most 256 MB" in error.message


def test_a_long_array_is_refused_before_it_is_copied() -> None:
    hours = np.broadcast_to(np.int16(0), (8 * 3600 * RATE,))  # takes no memory
    tracemalloc.start()
    error = media_error_of((hours, RATE))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.kind == "too_long"
    assert peak < 2**20


def test_the_limit_holds_without_a_length_in_the_header(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stream without a length is decoded up to the limit only."""
    monkeypatch.setattr(audio, "MAX_SECONDS", 2.0)
    data = bytearray(encoded(speechlike(8.0), "flac", "flac"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)  # STREAMINFO: total samples unknown
    assert media_error_of(bytes(data)).kind == "too_long"


def test_high_rates_are_resampled_while_decoding() -> None:
    """5 minutes of silence at 384 kHz are a few kilobytes of FLAC and 900 MB of samples."""
    data = encoded(np.zeros(384_000, np.float32), "flac", "flac", 384_000, "stereo")
    channels, rate = audio._decode(audio._open_source(data))
    assert rate == audio.DECODED_RATE
    assert abs(channels.shape[1] - rate) < 100


@pytest.mark.parametrize(
    ("seconds", "accepted"),
    [
        (MIN_SECONDS - 0.01, False),
        (MIN_SECONDS, True),
        (MAX_SECONDS, True),
        (MAX_SECONDS + 0.5, True),  # containers round up
        (MAX_SECONDS + 2.0, False),
    ],
)
def test_the_limits_are_the_documented_ones(seconds: float, accepted: bool) -> None:
    rate = 4_000
    data = wav(coloured(0.0, 1.0)[:1].repeat(int(seconds * rate)), rate)
    if accepted:
        assert abs(len(load_audio(data)) / RATE - seconds) < 0.01
    else:
        assert media_error_of(data).kind in ("too_short", "too_long")
