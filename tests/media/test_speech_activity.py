"""Speech is detected in speech only, and detection changes no global setting."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from mer_core.media import load_audio, speech_activity
from mer_core.media.speech_activity import STEP, SpeechActivity, detect_speech
from mer_core.serving.predictor import DEFAULT_MODEL
from mer_core.torchaudio_compat import torchaudio
from mer_core.types import SAMPLE_RATE, FloatArray
from tests.benchmarks.non_speech import Sound, one_of_each

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


# Screams, and what must not be taken for one


def silero_alone(waveform: FloatArray) -> SpeechActivity:
    """Silero's own answer, without the second reading."""
    from silero_vad import load_silero_vad

    with torch.inference_mode():
        row = load_silero_vad().audio_forward(torch.from_numpy(waveform)[None], SAMPLE_RATE)[0]
    return SpeechActivity(row.numpy(), silent=False)


def higher(name: str, above: int, below: int) -> FloatArray:
    """An example played `above` / `below` times as fast and as high."""
    clip = torch.from_numpy(load_audio(EXAMPLES / name))
    return np.asarray(torchaudio.functional.resample(clip, above, below), np.float32)


@pytest.mark.parametrize(
    ("name", "above", "below"), [("bright.flac", 2, 1), ("loud_fast.flac", 5, 2)]
)
def test_voices_too_high_for_silero_are_heard(name: str, above: int, below: int) -> None:
    scream = higher(name, above, below)
    assert not silero_alone(scream).spoken
    activity = detect_speech(scream)
    assert activity.spoken
    assert len(activity.probability) == -(-len(scream) // STEP)
    assert detect_speech(np.clip(4 * scream, -1, 1).astype(np.float32)).spoken


def test_a_scream_late_in_a_long_recording_is_located() -> None:
    clip, scream = load_audio(EXAMPLES / FILES[0]), higher("bright.flac", 2, 1)
    quiet = np.zeros(9 * SAMPLE_RATE, np.float32)
    start = (len(clip) + len(quiet)) / SAMPLE_RATE
    activity = detect_speech(np.concatenate([clip, quiet, scream, quiet]))
    end = start + len(scream) / SAMPLE_RATE
    assert activity.between(start - 0.1, end + 0.1).spoken
    assert not activity.between(start - 6, start - 0.2).spoken
    assert not activity.between(end + 0.5, end + 6).spoken


@pytest.mark.parametrize(
    "sound", one_of_each(seed=1, level=-15.0, seconds=2.0), ids=lambda sound: sound.name
)
def test_noise_machines_alarms_and_instruments_are_no_speech(sound: Sound) -> None:
    assert not detect_speech(sound.waveform).spoken


class ScriptedModel:
    """Replaces Silero: one answer after the other, each repeated or cut to the sound's length."""

    def __init__(self, *answers: list[float]) -> None:
        self.answers = list(answers)
        self.lengths: list[int] = []

    def audio_forward(self, rows: torch.Tensor, rate: int) -> torch.Tensor:
        assert rate == SAMPLE_RATE
        steps = -(-rows.shape[1] // STEP)
        self.lengths.append(steps)
        answer = np.array(self.answers.pop(0))
        return torch.tensor(answer[np.arange(steps) * len(answer) // steps])[None]


def read(
    monkeypatch: pytest.MonkeyPatch, *answers: list[float], level: float = 0.01
) -> tuple[Any, ScriptedModel]:
    """The activity in 32 steps of a quiet sound, and the model that was asked."""
    model = ScriptedModel(*answers)
    monkeypatch.setattr(speech_activity, "_model", lambda: model)
    return detect_speech(np.full(32 * STEP, level, np.float32)), model


@pytest.mark.parametrize("answer", [[0.04], [0.9]])
def test_a_sure_answer_is_not_checked(monkeypatch: pytest.MonkeyPatch, answer: list[float]) -> None:
    activity, model = read(monkeypatch, answer)
    assert model.lengths == [32]
    assert activity.spoken == (answer[0] > 0.5)


def test_the_second_reading_is_on_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    activity, model = read(monkeypatch, [0.2], [0.1, 0.9, 0.9, 0.1])
    assert model.lengths == [32, 48]  # half as long again
    assert activity.spoken
    heard = np.flatnonzero(activity.probability > 0.5)
    assert heard.tolist() == list(range(8, 24))
    assert activity.probability[0] == pytest.approx(0.2)


def test_a_little_speech_must_be_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    little = [0.2, 0.2, 0.2, 0.8]  # a quarter of a second
    assert read(monkeypatch, little, [0.4])[0].spoken
    assert not read(monkeypatch, little, [0.2])[0].spoken


def test_a_moment_in_the_second_reading_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [0.1] * 7 + [0.9]  # 4 of 32 steps
    assert not read(monkeypatch, [0.3], moment)[0].spoken


@pytest.mark.parametrize(("evidence", "level", "spoken"), [(2, 0.1, True), (2, 0.01, False)])
def test_evidence_of_a_voice_counts_where_it_is_loud(
    monkeypatch: pytest.MonkeyPatch, evidence: float, level: float, spoken: bool
) -> None:
    monkeypatch.setattr(speech_activity, "voice_evidence", lambda waveform: evidence)
    activity, _ = read(monkeypatch, [0.2], [0.3], level=level)
    assert activity.spoken == spoken


def test_evidence_against_a_voice_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_activity, "voice_evidence", lambda waveform: -100.0)
    assert not read(monkeypatch, [0.2], [0.9], level=0.1)[0].spoken
    assert read(monkeypatch, [0.2], [0.99], level=0.1)[0].spoken
