"""Speech is detected in speech only, and detection changes no global setting."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mer_core.media import load_audio
from mer_core.media.speech_activity import SpeechActivity, detect_speech
from mer_core.serving.predictor import DEFAULT_MODEL
from mer_core.types import SAMPLE_RATE

EXAMPLES = DEFAULT_MODEL.parent / "examples"
FILES = [entry["file"] for entry in json.loads((EXAMPLES / "examples.json").read_text("utf-8"))]


@pytest.mark.parametrize("name", FILES)
def test_every_example_contains_speech(name):
    assert detect_speech(load_audio(EXAMPLES / name)).spoken


@pytest.mark.parametrize("decibels", [-20, -10, 6])
def test_level_hardly_matters(decibels):
    clip = load_audio(EXAMPLES / FILES[0])
    changed = np.clip(clip * 10 ** (decibels / 20), -1, 1).astype(np.float32)
    assert detect_speech(changed).spoken


def test_silence_is_distinguished_from_noise(generator):
    silent = detect_speech(np.zeros(2 * SAMPLE_RATE, np.float32))
    assert silent.silent
    assert not silent.spoken
    noise = generator.normal(0, 0.1, 2 * SAMPLE_RATE).astype(np.float32)
    assert not detect_speech(noise).silent
    assert not detect_speech(noise).spoken


def test_speech_is_located():
    clip = load_audio(EXAMPLES / FILES[0])
    quiet = np.zeros(3 * SAMPLE_RATE, np.float32)
    activity = detect_speech(np.concatenate([quiet, clip, quiet]))
    end = 3 + len(clip) / SAMPLE_RATE
    assert not activity.between(0, 2.9).spoken
    assert activity.between(3, end).spoken
    assert not activity.between(end + 0.5, end + 3).spoken
    assert activity.between(3, end).seconds <= len(clip) / SAMPLE_RATE + 0.1


def test_detection_is_deterministic():
    clip = load_audio(EXAMPLES / FILES[0])
    first, second = detect_speech(clip), detect_speech(clip)
    np.testing.assert_array_equal(first.probability, second.probability)


def test_torch_keeps_its_threads():
    threads = torch.get_num_threads()
    detect_speech(np.full(SAMPLE_RATE, 0.1, np.float32))
    assert torch.get_num_threads() == threads


def test_seconds_are_counted_in_steps():
    activity = SpeechActivity(np.array([0.9, 0.4, 0.6, 0.5], np.float32), silent=False)
    assert activity.seconds == pytest.approx(2 * 512 / 16_000)
