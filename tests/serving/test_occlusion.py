"""What single words and moments change, with a framework whose answers are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mer_core.emotions import FOUR
from mer_core.encoders.base import Encoder
from mer_core.encoders.text_tokens import TokenizedText
from mer_core.frameworks.base import Framework
from mer_core.media.speech_activity import STEP, SpeechActivity
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.occlusion import (
    MAX_MOMENTS,
    MAX_SECONDS,
    MAX_WORDS,
    MOMENT_SECONDS,
    edges_of_moments,
    explainable,
    explained,
    texts_without,
)
from mer_core.serving.speech_text import SpeechTextScorer
from mer_core.serving.windows import LONG_SECONDS
from mer_core.types import COMBINED, SAMPLE_RATE, Batch, Features, Occlusions, Output

VOCABULARY = ("the", "day", "is", "happy", "sad", "very")
HAPPY, SAD = FOUR.index("happy"), FOUR.index("sad")
TOKEN_SECONDS = 0.1
TEMPERATURES = {"speech": 0.5, "text": 2.0, COMBINED: 1.5}


class SpeechLevels(Encoder):
    """One token each 0.1 s: its mean sample."""

    modality, width = "speech", 1

    def forward(self, batch: Batch) -> Features:
        step = round(TOKEN_SECONDS * SAMPLE_RATE)
        assert batch.waveform is not None
        assert batch.waveform_mask is not None
        assert batch.speech_present is not None
        usable = max(1, batch.waveform.shape[1] // step)
        padded = torch.nn.functional.pad(batch.waveform, (0, step))[:, : usable * step]
        tokens = padded.reshape(len(padded), usable, step).mean(dim=2, keepdim=True)
        mask = batch.waveform_mask[:, ::step][:, :usable]
        return Features(tokens * mask[:, :, None], mask, batch.speech_present)

    def architecture(self) -> dict[str, Any]:
        return {}


class WordIds(Encoder):
    """One token a word: its id."""

    modality, width = "text", 1

    def __init__(self) -> None:
        super().__init__()
        words = {word: index for index, word in enumerate(VOCABULARY)}
        self.tokenizer: Any = lambda text: [words[word] for word in text.split()]

    def forward(self, batch: Batch) -> Features:
        assert batch.input_ids is not None
        assert batch.attention_mask is not None
        assert batch.text_present is not None
        tokens = batch.input_ids[:, :, None].float()
        return Features(tokens, batch.attention_mask, batch.text_present)

    def architecture(self) -> dict[str, Any]:
        return {}


class Adding(Framework):
    """Happy by the sum of the voice's tokens, plus 2 if the words name it; sad by its word."""

    def __init__(self) -> None:
        super().__init__()
        self.labels = FOUR
        self.speech_encoder, self.text_encoder = SpeechLevels(), WordIds()
        self.rows: list[int] = []

    def fuse(self, features: dict[str, Features]) -> Output:
        speech, text = features["speech"], features["text"]
        # What a mask hides must not count, whatever stands there.
        voice = torch.where(speech.mask, speech.tokens[:, :, 0], 0.0).sum(dim=1)
        logits = torch.zeros(len(voice), len(FOUR))
        logits[:, HAPPY] = voice * speech.present + 2.0 * self.names(text, "happy")
        logits[:, SAD] = 3.0 * self.names(text, "sad")
        self.rows.append(len(voice))
        named = {f"{name}_{kind}": logits for name in features for kind in ("pooled", "embedding")}
        return Output(logits, named)

    def names(self, text: Features, word: str) -> Tensor:
        found = (text.tokens[:, :, 0] == VOCABULARY.index(word)) & text.mask
        return found.any(dim=1) & text.present

    def architecture(self) -> dict[str, Any]:
        return {}

    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        return {}


@pytest.fixture
def scorer() -> SpeechTextScorer:
    return SpeechTextScorer(Adding(), "adding", TEMPERATURES, torch.device("cpu"))


def clip(levels: Sequence[float] = (), text: str = "") -> SpeechTextInputs:
    """A voice of so many moments, each with a level; and its words."""
    words = tuple(text.split())
    tokens = TokenizedText([], words, [], 0.0) if words else None
    if not levels:
        return SpeechTextInputs(text=text or None, tokens=tokens)
    waveform = np.repeat(np.array(levels, np.float32), round(MOMENT_SECONDS * SAMPLE_RATE))
    activity = SpeechActivity(np.ones(len(waveform) // STEP, np.float32), silent=False)
    seconds = len(waveform) / SAMPLE_RATE
    return SpeechTextInputs(waveform, activity, None, seconds, text or None, tokens)


def explain(scorer: SpeechTextScorer, inputs: SpeechTextInputs) -> Occlusions | None:
    return explained(scorer, scorer.encode([inputs]))


def chance(happy: float, condition: str, sad: float = 0.0) -> float:
    """Of happy, from its logit and that of sad; the two others are 0."""
    scale = TEMPERATURES[condition]
    values = [math.exp(value / scale) for value in (happy, sad, 0.0, 0.0)]
    return values[0] / sum(values)


def test_the_only_word_that_counts_takes_its_share_with_it(scorer: SpeechTextScorer) -> None:
    found = explain(scorer, clip(text="the day is happy"))
    assert found is not None
    assert (found.emotion, found.words) == ("happy", ("the", "day", "is", "happy"))
    whole, without = chance(2.0, "text"), chance(0.0, "text")
    assert found.whole == {"text": pytest.approx(whole)}
    np.testing.assert_allclose(found.without_word["text"], [whole] * 3 + [without], rtol=1e-6)
    assert found.times.size == 0
    assert found.without_moment == {}


def test_a_word_that_speaks_against_the_category_makes_it_more_probable(
    scorer: SpeechTextScorer,
) -> None:
    """A loud voice against a sad word: without the word, happy alone is left."""
    found = explain(scorer, clip([0.0, 1.0], "very sad"))
    assert found is not None
    assert found.emotion == "happy"
    assert found.whole[COMBINED] == pytest.approx(chance(5.0, COMBINED, sad=3.0))
    expected = [chance(5.0, COMBINED, sad=3.0), chance(5.0, COMBINED)]
    np.testing.assert_allclose(found.without_word[COMBINED], expected, rtol=1e-6)


def test_the_only_moment_that_counts_takes_its_share_with_it(scorer: SpeechTextScorer) -> None:
    """Five tokens of 0.1 s, each with the level, are hidden with a moment."""
    found = explain(scorer, clip([0.0, 0.0, 0.4, 0.0], "the day"))
    assert found is not None
    np.testing.assert_allclose(found.times, np.arange(5) * MOMENT_SECONDS, rtol=1e-6)
    for condition in (COMBINED, "speech"):
        whole, without = chance(2.0, condition), chance(0.0, condition)
        assert found.whole[condition] == pytest.approx(whole, rel=1e-5)
        expected = [whole, whole, without, whole]
        np.testing.assert_allclose(found.without_moment[condition], expected, rtol=1e-5)
    assert set(found.without_word) == {COMBINED, "text"}
    assert set(found.without_moment) == {COMBINED, "speech"}


def test_nothing_left_out_is_the_prediction(scorer: SpeechTextScorer) -> None:
    for inputs in (
        clip([0.1, 0.3, 0.2], "the day is happy"),
        clip([0.1, 0.3, 0.2]),
        clip(text="very sad"),
        clip([0.1 * (i % 4) for i in range(round((LONG_SECONDS + 4) / MOMENT_SECONDS))], "the day"),
    ):
        (prediction,) = scorer.score([inputs])
        found = explain(scorer, inputs)
        assert found is not None
        assert found.emotion == prediction.emotion
        for condition, value in found.whole.items():
            named = prediction.by_modality[condition]
            assert named is not None
            assert value == pytest.approx(named[found.emotion], abs=1e-5)


def test_a_moment_of_a_long_recording_is_hidden_in_every_window(scorer: SpeechTextScorer) -> None:
    """12 s in three windows of 6 s; moments of 0.5 s, of which the one at 4 s is in two."""
    levels = [0.0] * 24
    levels[8] = 0.4
    found = explain(scorer, clip(levels))
    assert found is not None
    without = found.without_moment["speech"]
    assert without[8] == pytest.approx(chance(0.0, "speech"), rel=1e-4)
    np.testing.assert_allclose(np.delete(without, 8), found.whole["speech"], rtol=1e-4)
    assert found.whole["speech"] == pytest.approx(chance(2.0 * 2 / 3, "speech"), rel=1e-2)


def test_one_word_is_left_out_only_beside_a_voice(scorer: SpeechTextScorer) -> None:
    assert explain(scorer, clip(text="happy")) is None
    assert explain(scorer, SpeechTextInputs()) is None
    found = explain(scorer, clip([0.1, 0.1], "happy"))
    assert found is not None
    expected = chance(1.0, COMBINED)
    np.testing.assert_allclose(found.without_word[COMBINED], [expected], rtol=1e-5)


def test_what_is_too_long_or_too_short_is_not_explained() -> None:
    long = clip([0.1] * round((MAX_SECONDS + 1) / MOMENT_SECONDS), "the day")
    assert not explainable(long)
    assert not explainable(clip([0.1]))
    assert explainable(clip([0.1], "happy"))
    assert explainable(clip([0.1, 0.1]))


def test_moments_grow_with_the_recording() -> None:
    assert edges_of_moments(0.6).size == 0
    assert edges_of_moments(2.1) == pytest.approx([0.0, 0.525, 1.05, 1.575, 2.1])
    assert len(edges_of_moments(30.0)) == MAX_MOMENTS + 1


def test_of_a_long_text_the_first_words_are_left_out(scorer: SpeechTextScorer) -> None:
    inputs = clip(text=" ".join(["very"] * (MAX_WORDS + 5) + ["happy"]))
    found = explain(scorer, inputs)
    assert found is not None
    assert found.words == ("very",) * MAX_WORDS
    assert found.whole["text"] == pytest.approx(chance(2.0, "text"))
    read = dataclasses.replace(clip(text="a b c"), text="a  b c d cut off")
    assert texts_without(read, ("a", "b")) == ["a b c", "b c", "a c"]


def test_all_variants_of_a_clip_share_batches(scorer: SpeechTextScorer) -> None:
    """One batch for both, one for the voice and one for the words."""
    explain(scorer, clip([0.1] * 10, "the day is very happy"))
    framework: Any = scorer.framework
    assert sorted(framework.rows) == [1 + 5, 1 + 10, 1 + 5 + 10]


def test_a_framework_without_words_explains_its_moments() -> None:
    class Voice(Adding):
        def __init__(self) -> None:
            super().__init__()
            del self.text_encoder

        def fuse(self, features: dict[str, Features]) -> Output:
            no = torch.zeros(1, 1, dtype=torch.bool)
            return super().fuse({**features, "text": Features(torch.zeros(1, 1, 1), no, no[0])})

    scorer = SpeechTextScorer(Voice(), "voice", TEMPERATURES, torch.device("cpu"))
    found = explain(scorer, clip([0.0, 0.4]))
    assert found is not None
    expected = [chance(2.0, "speech"), chance(0.0, "speech")]
    np.testing.assert_allclose(found.without_moment["speech"], expected, rtol=1e-5)
