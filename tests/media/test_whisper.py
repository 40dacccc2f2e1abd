"""Windows of a clip: only as long as needed, and each encoded once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from faster_whisper import WhisperModel
from tokenizers import Tokenizer, models, pre_tokenizers

from mer_core.media.whisper import (
    PADDING_FRAMES,
    WINDOW_FRAMES,
    ClipWhisper,
    with_every_merge,
    with_padding,
)


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
    kept = with_padding(window, PADDING_FRAMES)
    assert kept.shape == (80, expected)
    assert np.array_equal(kept, window[:, :expected])


@pytest.mark.parametrize(
    ("answers", "expected", "sizes"),
    [
        ([("en", 0.9)], ("en", 0.9), [1_300]),
        ([("cy", 0.3), ("pl", 0.8)], ("pl", 0.8), [1_300, 3_000]),
        ([("pl", 0.4), ("en", 0.5)], ("en", 0.5), [1_300, 3_000]),
    ],
)
def test_what_does_not_sound_english_gets_a_whole_window(
    monkeypatch: pytest.MonkeyPatch,
    answers: list[tuple[str, float]],
    expected: tuple[str, float],
    sizes: list[int],
) -> None:
    seen: list[int] = []
    left = iter(answers)
    monkeypatch.setattr(WhisperModel, "encode", lambda self, window: seen.append(window.shape[1]))

    def detect(self: Any, features: Any) -> tuple[str, float, None]:
        self.encode(features)
        return *next(left), None

    monkeypatch.setattr(WhisperModel, "detect_language", detect)
    loaded = WhisperModel.__new__(WhisperModel)
    loaded.model = SimpleNamespace(is_multilingual=True)
    loaded.feature_extractor = lambda waveform: np.pad(padded(300), ((0, 0), (0, 1)))
    assert ClipWhisper(loaded).language_of(np.zeros(48_000, np.float32)) == expected
    assert seen == sizes


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


@pytest.mark.parametrize("merges", [[("Ġt", "he")], [("Ġ", "t"), ("Ġt", "he")]])
def test_a_lost_merge_is_put_back(merges: list[tuple[str, str]]) -> None:
    tokens = ["Ġ", "t", "h", "e", "he", "Ġt", "Ġthe"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("h", "e"), *merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found = with_every_merge(tokenizer)
    assert found.encode(" the").tokens == ["Ġthe"]
    assert (found is tokenizer) == (len(merges) == 2)
