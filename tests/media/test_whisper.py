"""Windows of a clip: only as long as needed, and each encoded once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from faster_whisper import WhisperModel

from mer_core.media.whisper import PADDING_FRAMES, WINDOW_FRAMES, ClipWhisper, without_padding


def padded(frames: int) -> Any:
    """A window of so many frames of sound."""
    window = np.zeros((80, WINDOW_FRAMES), np.float32)
    window[:, :frames] = np.random.default_rng(frames).standard_normal((80, frames))
    return window


@pytest.mark.parametrize(
    ("frames", "expected"),
    [(0, PADDING_FRAMES), (345, 346 + PADDING_FRAMES), (2_900, 3_000), (3_000, 3_000)],
)
def test_a_window_is_as_long_as_the_sound_and_some_padding(frames: int, expected: int) -> None:
    window = padded(frames)
    kept = without_padding(window)
    assert kept.shape == (80, expected)
    assert np.array_equal(kept, window[:, :expected])


def test_a_window_is_encoded_once_a_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[Any] = []

    def encode(self: Any, features: Any) -> int:
        encoded.append(features)
        return len(encoded)

    monkeypatch.setattr(WhisperModel, "encode", encode)
    loaded = WhisperModel.__new__(WhisperModel)
    first, second = padded(300), padded(310)
    clip = ClipWhisper(loaded)
    assert [clip.encode(window) for window in (first, first.copy(), second, second)] == [1, 1, 2, 2]
    assert ClipWhisper(loaded).encode(second) == 3, "another clip starts afresh"
