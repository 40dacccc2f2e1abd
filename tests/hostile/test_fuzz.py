"""Arbitrary input gives a waveform or a `MediaError`, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mer_core.media import MAX_CHARACTERS, MediaError, load_audio, load_text
from tests.hostile.clips import encoded, speechlike, wav

RELAXED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SEEDS = {
    "wav": wav(speechlike(0.5)),
    "flac": encoded(speechlike(0.5), "flac", "flac"),
    "mp3": encoded(speechlike(0.5), "mp3", "libmp3lame"),
    "opus": encoded(speechlike(0.5, 48_000), "ogg", "libopus", 48_000),
    "webm": encoded(speechlike(0.5, 48_000), "webm", "libopus", 48_000),
    "m4a": encoded(speechlike(0.5), "ipod", "aac"),
}
MAGICS = st.sampled_from(
    [b"", b"RIFF\xff\xff\xff\xffWAVEfmt ", b"fLaC", b"OggS\0\2", b"ID3\4", b"\xff\xfb\x90",
     b"\x1aE\xdf\xa3", b"\0\0\0\x20ftypM4A ", b"FORM\0\0\0\0AIFF", b"#EXTM3U\n", b"caff\0\1"]
)  # fmt: skip


def check(source: Any) -> None:
    try:
        waveform = load_audio(source)
    except MediaError as error:
        assert error.kind
        assert error.message.endswith(".")
    else:
        assert waveform.ndim == 1
        assert waveform.dtype == np.float32
        assert np.abs(waveform).max() <= 1.0  # False for NaN too


@RELAXED
@given(magic=MAGICS, body=st.binary(max_size=4_096))
def test_arbitrary_bytes(magic: bytes, body: bytes) -> None:
    check(magic + body)


@pytest.mark.parametrize("kind", SEEDS)
@RELAXED
@given(data=st.data())
def test_damaged_files(kind: str, data: st.DataObject) -> None:
    """Bytes overwritten, mostly in the header, and the end perhaps cut off."""
    damaged = bytearray(SEEDS[kind])
    position = st.one_of(st.integers(0, 200), st.integers(0, len(damaged) - 1))
    changes = data.draw(st.dictionaries(position, st.integers(0, 255), max_size=8))
    for index, value in changes.items():
        damaged[index] = value
    check(bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))


@RELAXED
@given(
    waveform=arrays.arrays(
        dtype=st.one_of(arrays.scalar_dtypes(), arrays.floating_dtypes(), arrays.integer_dtypes()),
        shape=arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40),
    ),
    rate=st.one_of(st.integers(), st.sampled_from([4_000, 8_000]), st.floats(), st.none()),
    repeats=st.sampled_from([1, 100]),
)
def test_arbitrary_arrays(waveform: Any, rate: Any, repeats: int) -> None:
    check((np.repeat(waveform, repeats, axis=0) if waveform.ndim else waveform, rate))


@RELAXED
@given(source=st.one_of(st.text(), st.none(), st.integers(), st.lists(st.floats()), st.tuples()))
def test_arbitrary_sources(source: Any) -> None:
    check(source)


@RELAXED
@given(text=st.text(st.characters(), max_size=300))
def test_arbitrary_text(text: str) -> None:
    kept = load_text(text)
    assert kept is None or (kept == kept.strip() and kept)
    if kept is not None:
        kept.encode("utf-8")  # no lone surrogates
        assert load_text(kept) == kept
        assert len(kept) <= MAX_CHARACTERS
