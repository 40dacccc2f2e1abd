"""Token attention in the visitor's terms: words × seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.windows import Piece
from mer_core.types import SAMPLE_RATE, FloatArray, TokenAttention


def word_attention(
    reading: SpeechTextInputs, judged: Sequence[tuple[Piece, FloatArray | None]]
) -> TokenAttention | None:
    """Words × time over the whole clip; where windows overlap, their weights are averaged."""
    if reading.tokens is None or judged[0][1] is None:
        return None
    assert reading.waveform is not None
    seconds = len(reading.waveform) / SAMPLE_RATE
    width = max(1, max(w.shape[1] for _, w in judged if w is not None))
    longest = max(piece.end - piece.start for piece, _ in judged)
    steps = max(1, round(seconds * width / longest))
    total = np.zeros((len(reading.tokens.words), steps))
    seen = np.zeros(steps)
    for piece, weights in judged:
        assert weights is not None
        rows = by_word(weights, reading.tokens.word_of_token, len(total))
        first = min(round(piece.start / seconds * steps), max(0, steps - rows.shape[1]))
        part = rows[:, : steps - first]
        total[:, first : first + part.shape[1]] += part
        seen[first : first + part.shape[1]] += 1
    total /= np.maximum(seen, 1)
    total /= np.maximum(total.sum(axis=1, keepdims=True), 1e-12)
    edges = np.linspace(0.0, seconds, steps + 1, dtype=np.float32)
    return TokenAttention(reading.tokens.words, edges, total.astype(np.float32))


def by_word(
    weights: FloatArray, word_of_token: Sequence[int | None], words: int
) -> NDArray[np.float64]:
    """Mean over the tokens of each word: (T_text, T_speech) → (W, T_speech)."""
    rows = np.zeros((words, weights.shape[1]))
    for word in range(words):
        mine = [i for i, w in enumerate(word_of_token) if w == word and i < len(weights)]
        if mine:
            rows[word] = weights[mine].mean(axis=0)
    return rows
