"""Token attention as a visitor reads it: words × seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.windows import Span
from mer_core.types import SAMPLE_RATE, FloatArray, TokenAttention


def word_attention(
    inputs: SpeechTextInputs, judged: Sequence[tuple[Span, FloatArray | None]]
) -> TokenAttention | None:
    """Words × time over the whole clip; where windows overlap, their weights are averaged.

    Args:
        inputs: Of the clip.
        judged: The clip's spans, at least one, with their attention from text to speech
            (T_text, T_speech); None unless both are present.
    """
    if inputs.tokens is None or judged[0][1] is None:
        return None
    assert inputs.waveform is not None
    seconds = len(inputs.waveform) / SAMPLE_RATE
    tokens = max(1, max(weights.shape[1] for _, weights in judged if weights is not None))
    longest = max(span.end - span.start for span, _ in judged)
    steps = max(1, round(seconds * tokens / longest))
    total = np.zeros((len(inputs.tokens.words), steps))
    counts = np.zeros(steps)
    for span, weights in judged:
        assert weights is not None
        rows = by_word(weights, inputs.tokens.word_of_token, len(total))
        first = min(round(span.start / seconds * steps), max(0, steps - rows.shape[1]))
        part = rows[:, : steps - first]
        total[:, first : first + part.shape[1]] += part
        counts[first : first + part.shape[1]] += 1
    total /= np.maximum(counts, 1)
    total /= np.maximum(total.sum(axis=1, keepdims=True), 1e-12)
    edges = np.linspace(0.0, seconds, steps + 1, dtype=np.float32)
    return TokenAttention(inputs.tokens.words, edges, total.astype(np.float32))


def by_word(
    weights: FloatArray, word_of_token: Sequence[int | None], words: int
) -> NDArray[np.float64]:
    """Mean over the tokens of each word: (T_text, T_speech) → (W, T_speech)."""
    rows = np.zeros((words, weights.shape[1]))
    for word in range(words):
        own = [i for i, w in enumerate(word_of_token) if w == word and i < len(weights)]
        if own:
            rows[word] = weights[own].mean(axis=0)
    return rows
