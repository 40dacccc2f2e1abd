"""Windows cover a recording, skip what holds no speech, and their attention is put together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mer_core.encoders.text_tokens import TokenizedText
from mer_core.media.speech_activity import STEP, SpeechActivity
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.windows import HOP_SECONDS, LONG_SECONDS, WINDOW_SECONDS, cut, is_long, spans
from mer_core.serving.word_attention import by_word, word_attention
from mer_core.types import SAMPLE_RATE, State

WORDS = TokenizedText([2, 5, 6, 7, 3], ("can't", "you"), [None, 0, 0, 1, None], 0.0)


def reading(seconds: float, speech=(), text: str | None = None) -> SpeechTextInputs:
    """A recording with speech in the given (start, end) stretches."""
    steps = int(seconds * SAMPLE_RATE) // STEP
    probability = np.zeros(steps, np.float32)
    for start, end in speech:
        probability[int(start * SAMPLE_RATE / STEP) : int(end * SAMPLE_RATE / STEP)] = 1.0
    waveform = np.ones(int(seconds * SAMPLE_RATE), np.float32)
    activity = SpeechActivity(probability, silent=False)
    tokens = WORDS if text else None
    return SpeechTextInputs(waveform, activity, waveform[::320], seconds, text, tokens)


@pytest.mark.parametrize("seconds", [8.01, 9.0, 12.0, 12.3, 61.7, 300.0])
def test_spans_cover_everything_and_overlap(seconds):
    actual = spans(seconds)
    assert actual[0][0] == 0.0
    assert actual[-1][1] == pytest.approx(seconds)
    for (start, end), (following, _) in pairwise(actual):
        assert end - start == pytest.approx(WINDOW_SECONDS)
        assert 0 < following - start <= HOP_SECONDS + 1e-9


def test_short_clips_are_judged_whole():
    whole = reading(LONG_SECONDS, speech=[(0, 8)])
    assert not is_long(whole)
    (piece,) = cut(0, whole)
    assert (piece.span.start, piece.span.end) == (0.0, LONG_SECONDS)


def test_windows_are_weighted_by_their_speech():
    pieces = cut(3, reading(30.0, speech=[(0, 4), (24, 30)]))
    assert [p.span.start for p in pieces] == [0.0, 3.0, 21.0, 24.0]
    assert all(p.item == 3 for p in pieces)
    assert pieces[0].span.weight == pytest.approx(4.0, abs=0.1)
    assert pieces[1].span.weight == pytest.approx(1.0, abs=0.1)
    assert pieces[3].span.weight == pytest.approx(6.0, abs=0.1)
    assert len(pieces[0].utterance.waveform) == WINDOW_SECONDS * SAMPLE_RATE


def test_thinly_spread_speech_is_judged_whole():
    (piece,) = cut(0, reading(30.0, speech=[(1, 1.13), (15, 15.13)]))
    assert (piece.span.start, piece.span.end) == (0.0, 30.0)


def test_a_clip_judged_whole_has_empty_windows(predictor):
    thin = reading(30.0, speech=[(1, 1.13), (15, 15.13)])
    (prediction,) = predictor.scorers["mgcma"].score([thin])
    assert prediction.emotion is not None
    assert len(prediction.timeline) == len(spans(30.0))
    assert all(window.emotion is None for window in prediction.timeline)


def test_text_alone_is_one_piece():
    only = SpeechTextInputs(None, None, None, None, "you", WORDS)
    (piece,) = cut(0, only)
    assert piece.utterance.text == "you"
    assert piece.utterance.waveform is None
    assert cut(0, SpeechTextInputs(reasons=(State.SILENCE,))) == []


def test_tokens_of_a_word_are_averaged_and_special_ones_left_out():
    weights = np.array([[9.0, 9], [1, 0], [0, 1], [0.2, 0.8], [9, 9]], np.float32)
    rows = by_word(weights, WORDS.word_of_token, 2)
    np.testing.assert_allclose(rows, [[0.5, 0.5], [0.2, 0.8]])


def test_attention_of_windows_is_placed_at_their_times():
    item = reading(30.0, speech=[(0, 4), (24, 30)], text="can't you")
    pieces = cut(0, item)
    steps = 12  # two a second
    peaked = np.zeros((5, steps), np.float32)
    peaked[:, 0] = 1.0  # every token looks at the first half second of its window
    actual = word_attention(item, [(p.span, peaked) for p in pieces])
    assert actual is not None
    assert actual.words == ("can't", "you")
    assert actual.weights.shape == (2, 60)
    np.testing.assert_allclose(actual.weights.sum(axis=1), 1.0, atol=1e-6)
    for row in actual.weights:
        assert [actual.times[i] for i in np.flatnonzero(row)] == pytest.approx(
            [p.span.start for p in pieces]
        )


def test_no_attention_without_words_or_without_speech():
    item = reading(5.0, speech=[(0, 5)])
    assert word_attention(item, [(cut(0, item)[0].span, np.ones((5, 3), np.float32))]) is None
    spoken = reading(5.0, speech=[(0, 5)], text="can't you")
    assert word_attention(spoken, [(cut(0, spoken)[0].span, None)]) is None
