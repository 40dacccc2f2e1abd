"""Stretches, seconds, matching and attention of a video, on a small network with random weights."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from mer_core.data.collate import collate
from mer_core.emotions import FOUR
from mer_core.encoders.compact_face import CompactFaceConfig, CompactFaceEncoder
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.media.speech_activity import STEP, SpeechActivity
from mer_core.serving.video import VideoScorer
from mer_core.serving.video_inputs import VideoInputs
from mer_core.types import SAMPLE_RATE, FaceTrack, State, Utterance

RATE = 5.0  # frames a second


@pytest.fixture(scope="module")
def scorer() -> VideoScorer:
    torch.manual_seed(0)
    speech = CompactSpeechEncoder(CompactSpeechConfig(channels=(16, 16), blocks=1, width=16))
    face = CompactFaceEncoder(CompactFaceConfig(stem=16, channels=(16,), blocks=(1,)))
    framework = FoalNet(speech, face, FOUR, FoalNetConfig(projection_width=8))
    temperatures = {"audio": 0.1, "video": 0.1, "both": 0.1, "match": 0.5}
    return VideoScorer(framework, "foal_net", temperatures, torch.device("cpu"))


def reading(
    seconds: float,
    spoken: tuple[float, float] | None = (0.0, 99.0),
    seen: tuple[float, float] | None = (0.0, 99.0),
    seed: int = 0,
) -> VideoInputs:
    """A clip with speech and a face between two times each."""
    random = np.random.default_rng(seed)
    times = (np.arange(round(seconds * RATE)) / RATE).astype(np.float32)
    visible = np.zeros(len(times), bool) if seen is None else (times >= seen[0]) & (times < seen[1])
    waveform = (0.2 * random.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)
    steps = np.arange(-(-len(waveform) // STEP)) * STEP / SAMPLE_RATE
    talk = (steps >= spoken[0]) & (steps < spoken[1]) if spoken else np.zeros(len(steps), bool)
    black = np.zeros((len(times), 8, 8, 3), np.uint8)
    track = FaceTrack(times, np.ones((len(times), 4), np.float32), visible, black, black[0], 0)
    pictures = random.integers(0, 256, (int(visible.sum()), 48, 48, 3)).astype(np.uint8)
    return VideoInputs(
        duration=seconds,
        waveform=waveform,
        activity=SpeechActivity(talk.astype(np.float32), silent=False),
        track=track if visible.any() else None,
        pictures=pictures if visible.any() else None,
        times=times[visible],
    )


def test_a_short_clip_is_judged_whole(scorer: VideoScorer) -> None:
    clip = reading(4.0)
    prediction = scorer.score(clip)
    utterance = Utterance(waveform=clip.waveform, frames=clip.pictures)
    with torch.inference_mode():
        output = scorer.framework(collate([utterance]))
    expected = torch.softmax(output.logits[0].double() / 0.1, 0)
    np.testing.assert_allclose(list(prediction.probabilities.values()), expected, atol=1e-5)
    assert prediction.emotion == FOUR[int(expected.argmax())]
    same = torch.softmax(output.features["match_logits"][0].mean(0) / 0.5, 0)[1]
    assert prediction.match == pytest.approx(float(same), abs=1e-5)
    attention = prediction.cross_attention
    assert attention is not None
    np.testing.assert_allclose(
        attention.audio_to_video, output.attention["audio_to_video"][0], atol=1e-5
    )
    assert attention.video_to_audio.shape == (20, len(attention.audio_times) - 1)
    np.testing.assert_array_equal(attention.video_times, clip.times)
    assert attention.audio_times[-1] == pytest.approx(4.0)


def test_each_branch_equals_the_network_with_the_other_hidden(scorer: VideoScorer) -> None:
    clip = reading(3.0)
    both = scorer.score(clip)
    voice = scorer.score(dataclasses.replace(clip, pictures=None, track=None, times=clip.times[:0]))
    face = scorer.score(dataclasses.replace(clip, activity=None, waveform=None))
    for alone, name, other in ((voice, "audio", "video"), (face, "video", "audio")):
        assert alone.by_modality[other] is None
        assert alone.by_modality["both"] is None
        assert alone.match is None
        assert alone.cross_attention is None
        assert alone.probabilities == alone.by_modality[name]
        for emotion, value in (both.by_modality[name] or {}).items():
            assert alone.probabilities[emotion] == pytest.approx(value, abs=1e-5)
        assert list(alone.embeddings_after) == [name]


def test_nothing_to_judge_is_no_label(scorer: VideoScorer) -> None:
    clip = dataclasses.replace(
        reading(3.0, spoken=None, seen=None), reasons=(State.NO_SPEECH, State.NO_FACE)
    )
    prediction = scorer.score(clip)
    assert prediction.emotion is None
    assert prediction.probabilities == {}
    assert prediction.timeline == ()
    assert prediction.by_modality == {"audio": None, "video": None, "both": None}
    assert prediction.state == "no_speech"


def test_every_second_has_a_window_with_what_is_present(scorer: VideoScorer) -> None:
    prediction = scorer.score(reading(7.3, spoken=(0.0, 2.0), seen=(4.0, 6.0)))
    assert [w.start for w in prediction.timeline] == [float(s) for s in range(8)]
    assert prediction.timeline[-1].end == pytest.approx(7.3)
    labelled = [window.emotion is not None for window in prediction.timeline]
    assert labelled == [True, True, True, True, True, True, True, False]  # half a second around
    for window in prediction.timeline:
        assert (window.emotion is None) == (window.probabilities == {})
        if window.emotion:
            assert sum(window.probabilities.values()) == pytest.approx(1.0)


def test_a_second_depends_on_its_own_sound_only(scorer: VideoScorer) -> None:
    clip = reading(6.0)
    assert clip.waveform is not None
    changed = clip.waveform.copy()
    changed[5 * SAMPLE_RATE :] = 0.9
    before = scorer.score(clip).timeline
    after = scorer.score(dataclasses.replace(clip, waveform=changed)).timeline
    assert before[0].probabilities != before[3].probabilities
    moved = [
        max(abs(a.probabilities[n] - b.probabilities[n]) for n in FOUR)
        for a, b in zip(before, after, strict=True)
    ]
    assert max(moved[:3]) < moved[5]


def test_a_long_clip_is_the_mean_of_its_windows_by_evidence(scorer: VideoScorer) -> None:
    clip = reading(20.0, spoken=(0.0, 3.0), seen=(0.0, 3.0))
    start = scorer.score(reading(20.0, spoken=(0.0, 3.0), seen=(0.0, 3.0)))
    # Speech and face end before 3 s, so what follows 10 s has no weight. Played backwards, it
    # leaves the recording's mean and variance, by which the encoder normalises, as they were.
    assert clip.waveform is not None
    changed = clip.waveform.copy()
    changed[10 * SAMPLE_RATE :] = clip.waveform[: 10 * SAMPLE_RATE - 1 : -1]
    assert not np.array_equal(changed, clip.waveform)
    other = scorer.score(dataclasses.replace(clip, waveform=changed))
    for name in FOUR:
        assert other.probabilities[name] == pytest.approx(start.probabilities[name], abs=0.02)
    assert len(start.timeline) == 20
    assert all(
        np.linalg.norm(v) == pytest.approx(1, abs=1e-5) for v in start.embeddings_after.values()
    )


def test_the_same_clip_gives_the_same_prediction(scorer: VideoScorer) -> None:
    first, second = scorer.score(reading(9.5)), scorer.score(reading(9.5))
    assert first.by_modality == second.by_modality
    assert first.timeline == second.timeline


def test_windows_may_lack_a_modality_that_others_have(scorer: VideoScorer) -> None:
    prediction = scorer.score(reading(20.0, spoken=(0.0, 14.0), seen=(13.0, 20.0)))
    for name in ("audio", "video", "both"):
        assert sum((prediction.by_modality[name] or {}).values()) == pytest.approx(1.0)
    assert prediction.match is not None
    assert set(prediction.embeddings_after) == {"audio", "video"}
