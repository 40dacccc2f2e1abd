"""Restricting the categories is the softmax over the logits that are left."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from mer_core.serving.categories import restricted
from mer_core.types import Prediction, Window

NAMES = ("angry", "happy", "neutral", "sad")


def named(logits: np.ndarray, temperature: float) -> dict[str, float]:
    return dict(zip(NAMES, softmax(logits / temperature).tolist(), strict=True))


@pytest.fixture
def logits() -> np.ndarray:
    return np.random.default_rng(3).normal(scale=4, size=(3, 4))


@pytest.fixture
def prediction(logits: np.ndarray) -> Prediction:
    both, speech, window = (named(row, 1.7) for row in logits)
    by_modality = {"speech": speech, "text": None, "both": both}
    windows = (Window(0, 4, max(window, key=window.__getitem__), window), Window(2, 6, None, {}))
    return Prediction(max(both, key=both.__getitem__), both, by_modality, timeline=windows)


@pytest.mark.parametrize("left", [("angry", "sad"), ("happy", "neutral", "sad"), NAMES])
def test_it_is_the_softmax_of_the_chosen_logits(
    prediction: Prediction, logits: np.ndarray, left: tuple[str, ...]
) -> None:
    result = restricted(prediction, left)
    rows = [NAMES.index(name) for name in left]
    expected = [dict(zip(left, softmax(row[rows] / 1.7).tolist(), strict=True)) for row in logits]
    assert result.probabilities == pytest.approx(expected[0])
    assert result.by_modality["both"] == pytest.approx(expected[0])
    assert result.by_modality["speech"] == pytest.approx(expected[1])
    assert result.by_modality["text"] is None
    assert result.timeline[0].probabilities == pytest.approx(expected[2])
    assert result.timeline[1].emotion is None
    assert result.emotion == left[int(np.argmax(logits[0][rows]))]


def test_no_label_stays_no_label() -> None:
    nothing = Prediction(None, {}, {"speech": None})
    assert restricted(nothing, ("angry", "sad")) is nothing


@pytest.mark.parametrize("left", [(), ("sad",), ("sad", "bored")])
def test_fewer_than_two_are_refused(prediction: Prediction, left: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        restricted(prediction, left)


def test_what_underflowed_is_shared_evenly() -> None:
    sure = Prediction("happy", {"happy": 1.0, "sad": 0.0, "angry": 0.0}, {})
    assert restricted(sure, ("sad", "angry")).probabilities == {"sad": 0.5, "angry": 0.5}
