"""Evaluation answers as `Predictor` does: windows, refused clips, unreadable texts."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from mer_core.checkpoints.checkpoint import save_checkpoint
from mer_core.data import Example
from mer_core.emotions import FOUR
from mer_core.serving.predictor import Predictor
from mer_core.types import COMBINED, SAMPLE_RATE, FloatArray
from tests.train.conftest import hears_any_sound
from train.config import Experiment
from train.data.material import Material
from train.data.pairs import Pair
from train.evaluate import reading
from train.evaluate.branches import evaluator_of
from train.evaluate.encoders import restricted_temperature
from train.evaluate.frameworks import answers
from train.evaluate.reading import VisitorReader
from train.stages import start

CLIPS = {"short": 1.5, "long": 9.5, "silent": 1.0}  # seconds


def write(path: Path, samples: FloatArray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32_767).astype(np.int16).tobytes())
    return path


@pytest.fixture
def clips(tmp_path: Path, voice: Callable[..., FloatArray]) -> dict[str, Example]:
    examples = {}
    for i, (name, seconds) in enumerate(CLIPS.items()):
        samples = voice(seconds, i) * np.linspace(0.2, 1.0, round(seconds * SAMPLE_RATE))
        samples = np.zeros_like(samples) if name == "silent" else samples
        path = write(tmp_path / f"{name}.wav", samples.astype(np.float32))
        examples[name] = Example("ravdess", "test", FOUR[i], f"speaker {i}", path)
    return examples


TEXTS = {
    "read": Example("meld", "test", "happy", "dialogue", text="the great joy"),
    "other": Example("meld", "test", "happy", "dialogue", text="радость моя велика"),
}


def test_logits_are_those_of_the_predictor(
    mgcma: Experiment, clips: dict[str, Example], tmp_path: Path
) -> None:
    framework = start(mgcma).eval()
    save_checkpoint(tmp_path / "mgcma", framework)
    predictor = Predictor.load(tmp_path / "mgcma", device="cpu")
    (reader,) = predictor.readers.values()
    reader.detect = hears_any_sound  # type: ignore[union-attr]
    pairs = [Pair(speech=clip, text=text) for clip in clips.values() for text in TEXTS.values()]
    found = answers(
        evaluator_of(framework, [pairs], mgcma).logits(pairs),
        dict.fromkeys(("speech", "text", COMBINED), 1.0),
    )
    for i, pair in enumerate(pairs):
        assert pair.speech is not None
        assert pair.text is not None
        prediction = predictor.predict(pair.speech.path, pair.text.text)
        alone = {**prediction.by_modality, COMBINED: prediction.probabilities}
        for condition, rows in found.items():
            expected = alone[condition] or {}
            assert np.isnan(rows[i]).all() == (not expected), (pair, condition)
            if expected:
                values = [expected[name] for name in framework.labels]
                np.testing.assert_allclose(softmax(rows[i]), values, atol=2e-3)
    assert np.isnan(found[COMBINED]).all(axis=1).sum() == 1  # silence with an unreadable text


def test_a_long_clip_is_read_in_windows(mgcma: Experiment, clips: dict[str, Example]) -> None:
    reader = VisitorReader(Material(list(clips.values()), mgcma.sources))
    assert [len(reader.pieces(clips[name])) for name in CLIPS] == [1, 3, 0]
    seconds = [
        len(piece.utterance.waveform) / SAMPLE_RATE
        for piece in reader.pieces(clips["long"])
        if piece.utterance.waveform is not None
    ]
    assert seconds == [6.0] * 3


def test_speech_is_detected_once_and_kept(
    mgcma: Experiment, clips: dict[str, Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = list(clips.values())
    material = Material(examples, mgcma.sources)
    first = VisitorReader.of(examples, material, cache=tmp_path)

    def fails(_: FloatArray) -> None:
        raise AssertionError("detected again")

    monkeypatch.setattr(reading, "detect_speech", fails)
    again = VisitorReader.of(reversed(examples), material, cache=tmp_path)
    assert again.activities.keys() == first.activities.keys()
    for key, activity in first.activities.items():
        np.testing.assert_array_equal(again.activities[key].probability, activity.probability)
        assert again.activities[key].silent is activity.silent
    assert [len(again.pieces(example)) for example in examples] == [1, 3, 0]


def test_the_answer_of_one_half_keeps_its_own_probabilities() -> None:
    speech = np.array([[1.0, 3.0], [np.nan, np.nan], [np.nan, np.nan]], np.float32)
    text = np.array([[2.0, 0.0], [4.0, 0.0], [np.nan, np.nan]], np.float32)
    both = np.array([[0.0, 5.0], [np.nan, np.nan], [np.nan, np.nan]], np.float32)
    temperatures = {"speech": 1.0, "text": 2.0, COMBINED: 0.5}
    found = answers({"speech": speech, "text": text, COMBINED: both}, temperatures)[COMBINED]
    np.testing.assert_array_equal(found[0], both[0])
    np.testing.assert_allclose(softmax(found[1] / 0.5), softmax(text[1] / 2.0))
    assert np.isnan(found[2]).all()


def test_a_class_that_a_corpus_lacks_does_not_move_the_temperature(
    generator: np.random.Generator,
) -> None:
    corpora = ["a"] * 60 + ["b"] * 60
    truth = np.array([i % 3 for i in range(60)] + [2 * (i % 2) for i in range(60)])
    logits = generator.normal(0, 1, (120, 3)).astype(np.float32)
    logits[np.arange(120), truth] += 1.0
    found = restricted_temperature(logits, truth, corpora)
    logits[60:, 1] += 50.0  # certain of a class that corpus b does not have
    assert restricted_temperature(logits, truth, corpora) == pytest.approx(found)
    logits[3] = np.nan  # a refused clip
    assert restricted_temperature(logits, truth, corpora) == pytest.approx(found, rel=0.1)
