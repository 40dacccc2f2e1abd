"""The shipped default, called as a program would."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import torch

from mer_core import MediaError, Prediction, Predictor
from mer_core.checkpoints.checkpoint import load_checkpoints
from mer_core.checkpoints.weights import parameters
from mer_core.emotions import FOUR
from mer_core.media import load_audio
from mer_core.serving.inputs import SpeechTextReader
from mer_core.serving.predictor import DEFAULT_MODEL
from mer_core.serving.speech_text import SpeechTextScorer
from mer_core.serving.video import VideoScorer
from mer_core.serving.video_inputs import VideoReader
from mer_core.types import SAMPLE_RATE

EXAMPLES = DEFAULT_MODEL.parent / "examples"
TEXT = "I am so happy that you came, thank you!"


@pytest.fixture(scope="module")
def clips() -> list[str]:
    return [str(EXAMPLES / e["file"]) for e in json.loads((EXAMPLES / "examples.json").read_text())]


def assert_close(one: Prediction, other: Prediction) -> None:
    assert one.emotion == other.emotion
    assert one.state == other.state
    for key, named in one.by_modality.items():
        assert (named is None) == (other.by_modality[key] is None)
        for emotion, probability in (named or {}).items():
            assert probability == pytest.approx(other.by_modality[key][emotion], abs=1e-4)
    for mine, theirs in (
        (one.embeddings_before, other.embeddings_before),
        (one.embeddings_after, other.embeddings_after),
    ):
        assert mine.keys() == theirs.keys()
        for modality, vector in mine.items():
            np.testing.assert_allclose(vector, theirs[modality], atol=1e-4)
    for mine, theirs in zip(one.timeline, other.timeline, strict=True):
        assert (mine.start, mine.end, mine.emotion) == (theirs.start, theirs.end, theirs.emotion)
        assert mine.probabilities == pytest.approx(theirs.probabilities, abs=1e-4)


def test_both_modalities_give_every_part_of_a_prediction(predictor, clips):
    prediction = predictor.predict(clips[0], TEXT)
    assert prediction.emotion in FOUR
    assert prediction.state == "ok"
    assert set(prediction.by_modality) == {"speech", "text", "both"}
    for named in prediction.by_modality.values():
        assert set(named) == set(FOUR)
        assert sum(named.values()) == pytest.approx(1.0)
    assert prediction.probabilities == prediction.by_modality["both"]
    assert prediction.emotion == max(prediction.probabilities, key=prediction.probabilities.get)
    attention = prediction.attention
    assert attention.words == tuple(TEXT.split())
    assert attention.weights.shape == (len(attention.words), len(attention.times) - 1)
    np.testing.assert_allclose(attention.weights.sum(axis=1), 1.0, atol=1e-4)
    assert attention.times[-1] == pytest.approx(prediction.duration, abs=1e-3)
    for vectors in (prediction.embeddings_before, prediction.embeddings_after):
        assert set(vectors) == {"speech", "text"}
        for vector in vectors.values():
            assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-4)


def test_one_modality_alone_is_the_same_branch(predictor, clips):
    both = predictor.predict(clips[0], TEXT)
    speech, text = predictor.predict(clips[0]), predictor.predict(text=TEXT)
    assert speech.by_modality["text"] is None
    assert speech.by_modality["both"] is None
    assert text.by_modality["speech"] is None
    assert speech.attention is None
    for alone, name in ((speech, "speech"), (text, "text")):
        for emotion, probability in alone.by_modality[name].items():
            assert probability == pytest.approx(both.by_modality[name][emotion], abs=1e-4)
        assert alone.probabilities == alone.by_modality[name]


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_batches_give_the_numbers_of_single_predictions(predictor, clips, batch_size):
    items = [{"audio": clip, "text": TEXT} for clip in clips]
    items += [{"audio": clip} for clip in clips] + [{"text": TEXT}, {"text": "no, please, go away"}]
    items += [{"audio": (np.zeros(SAMPLE_RATE), SAMPLE_RATE), "text": TEXT}]
    for item, actual in zip(items, predictor.predict_many(items, batch_size), strict=True):
        assert_close(actual, predictor.predict(item.get("audio"), item.get("text")))


def test_a_bad_item_among_many_is_one_row(predictor, clips):
    items = [{"audio": clips[0], "name": "good"}, {"audio": b"junk", "name": "bad"}, {}]
    good, bad, nothing = predictor.predict_many(items)
    assert good.emotion in FOUR
    assert good.name == "good"
    assert (bad.state, bad.error_kind, bad.name) == ("refused", "not_audio", "bad")
    assert bad.emotion is None
    assert nothing.error_kind == "no_input"


def test_no_items_give_no_predictions(predictor):
    assert predictor.predict_many([]) == []


def test_paths_bytes_and_arrays_are_the_same_clip(predictor, clips):
    with open(clips[0], "rb") as file:
        from_bytes = predictor.predict(file.read(), TEXT)
    assert_close(from_bytes, predictor.predict(clips[0], TEXT))
    assert_close(predictor.predict((load_audio(clips[0]), SAMPLE_RATE), TEXT), from_bytes)


def test_long_clips_are_judged_in_overlapping_windows(predictor, clips):
    short = load_audio(clips[0])
    silence = np.zeros(10 * SAMPLE_RATE, np.float32)
    long = np.concatenate([np.resize(short, 8 * SAMPLE_RATE), silence, short])
    timeline = predictor.predict((long, SAMPLE_RATE)).timeline
    seconds = len(long) / SAMPLE_RATE
    assert timeline[0].start == 0.0
    assert timeline[-1].end == pytest.approx(seconds)
    for before, after in pairwise(timeline):
        assert before.start < after.start < before.end  # they overlap
    for window in timeline:
        inside_silence = window.start >= 8.5 and window.end <= 17.5
        assert (window.emotion is None) <= (window.probabilities == {})
        if inside_silence:
            assert window.emotion is None
    assert timeline[0].emotion in FOUR
    assert predictor.predict((short, SAMPLE_RATE)).timeline == ()


def test_attention_of_a_long_clip_spans_it(predictor, clips):
    long = np.resize(load_audio(clips[0]), 20 * SAMPLE_RATE)
    attention = predictor.predict((long, SAMPLE_RATE), TEXT).attention
    assert attention.times[-1] == pytest.approx(20.0, abs=0.01)
    np.testing.assert_allclose(attention.weights.sum(axis=1), 1.0, atol=1e-4)
    assert (attention.weights.sum(axis=0) > 0).mean() > 0.9


def test_five_minutes_are_analysed_and_more_is_refused(predictor, clips):
    clip = load_audio(clips[0])
    prediction = predictor.predict((np.resize(clip, 300 * SAMPLE_RATE), SAMPLE_RATE))
    assert prediction.emotion in FOUR
    assert len(prediction.timeline) > 90
    with pytest.raises(MediaError, match="at most 5 minutes"):
        predictor.predict((np.resize(clip, 310 * SAMPLE_RATE), SAMPLE_RATE))


def test_concurrent_calls_get_their_own_predictions(predictor, clips):
    expected = [predictor.predict(clip, TEXT) for clip in clips]
    with ThreadPoolExecutor(4) as pool:
        actual = list(pool.map(lambda clip: predictor.predict(clip, TEXT), clips * 2))
    for one, other in zip(expected * 2, actual, strict=True):
        assert_close(one, other)


def test_words_change_the_text_branch(predictor):
    for text, emotion in (
        ("I love this so much, what a wonderful day!", "happy"),
        ("I hate you, you make me so furious!", "angry"),
        ("I miss her so much, I cried all night.", "sad"),
    ):
        assert predictor.predict(text=text).emotion == emotion


def test_a_cut_text_states_how_much_was_read(predictor):
    prediction = predictor.predict(text="word " * 300)
    assert "first" in prediction.message
    assert prediction.state == "ok"


def test_info_describes_the_model(predictor):
    info = predictor.info()
    assert tuple(info["frameworks"]) == predictor.frameworks == ("mgcma", "foal_net")
    assert info["labels"] == list(FOUR)
    speech_text, video = info["frameworks"].values()
    assert speech_text["modalities"] == ["speech", "text"]
    assert video["modalities"] == ["audio", "video"]
    assert set(speech_text["temperatures"]) == {"speech", "text", "both"}
    assert set(video["temperatures"]) == {"audio", "video", "both", "match"}
    for actual in (speech_text, video):
        assert actual["metrics"]["sets"]
    assert video["metrics"]["matching"]
    json.dumps(info)


def test_a_missing_device_is_one_sentence():
    with pytest.raises(ValueError, match="no device 'cuda:99'"):
        Predictor.load(device="cuda:99")
    with pytest.raises(ValueError, match="no device 'toaster'"):
        Predictor.load(device="toaster")


def test_the_default_model_stays_small(predictor):
    loaded = load_checkpoints(DEFAULT_MODEL)
    limits = {"speech": 16_000_000, "text": 12_000_000, "video": 3_000_000}
    for checkpoint in loaded.values():
        for encoder in checkpoint.framework.encoders().values():
            assert parameters(encoder) <= limits[encoder.modality]
    speech = [
        c.framework.encoders()[n] for c, n in zip(loaded.values(), ("speech", "audio"), strict=True)
    ]
    for mine, shared in zip(*(e.state_dict().values() for e in speech), strict=True):
        assert torch.equal(mine, shared)
    assert sum(f.stat().st_size for f in DEFAULT_MODEL.rglob("*")) <= 64 * 2**20
    assert sorted(f.name for f in DEFAULT_MODEL.iterdir()) == [
        "LICENSE.md", "README.md", "face", "foal_net", "licenses", "mgcma", "speech",
        "speech_encoder.safetensors", "text", "text_encoder.safetensors", "tokenizer.json",
        "video_encoder.safetensors",
    ]  # fmt: skip
    for name in ("face", "foal_net", "mgcma", "speech", "text"):
        assert sorted(f.name for f in (DEFAULT_MODEL / name).iterdir()) == [
            "config.json", "metrics.json", "model.safetensors",
        ]  # fmt: skip


def test_read_then_score_equals_predict(predictor, clips):
    for audio, text in ((clips[0], TEXT), (clips[0], None), (None, TEXT)):
        reading = predictor.read(audio, text)
        assert_close(predictor.score(reading), predictor.predict(audio, text))
    with pytest.raises(MediaError):
        predictor.read()
    with pytest.raises(MediaError):
        predictor.read(b"junk")


def test_encode_then_score_equals_score(predictor, clips):
    scorer = predictor.scorers["mgcma"]
    long = np.resize(load_audio(clips[0]), 20 * SAMPLE_RATE)
    items = [(clips[0], TEXT), ((long, SAMPLE_RATE), TEXT), (None, TEXT)]
    readings = [predictor.read(audio, text) for audio, text in items]
    encoded = scorer.encode(readings, batch_size=4)
    assert len(encoded.batches) == -(-len(encoded.pieces) // 4)
    for actual, expected in zip(scorer.score_encoded(encoded), scorer.score(readings), strict=True):
        assert_close(actual, expected)
    assert scorer.score([]) == scorer.score_encoded(scorer.encode([])) == []


def test_each_framework_has_a_scorer_and_a_reader(predictor):
    assert list(predictor.scorers) == list(predictor.readers) == ["mgcma", "foal_net"]
    assert isinstance(predictor.scorers["mgcma"], SpeechTextScorer)
    assert isinstance(predictor.readers["mgcma"], SpeechTextReader)
    assert isinstance(predictor.scorers["foal_net"], VideoScorer)
    assert isinstance(predictor.readers["foal_net"], VideoReader)
    for name, scorer in predictor.scorers.items():
        assert scorer.name == name


def test_without_a_word_is_as_if_it_had_not_been_said(predictor, clips):
    words = TEXT.split()
    explained = predictor.predict(clips[0], TEXT, explain=True)
    found = explained.occlusions
    assert predictor.predict(clips[0], TEXT).occlusions is None
    assert (found.emotion, found.words) == (explained.emotion, tuple(words))
    for condition, whole in found.whole.items():
        assert whole == pytest.approx(explained.by_modality[condition][found.emotion], abs=1e-4)
    for index in (0, 3):
        shorter = predictor.predict(clips[0], " ".join(words[:index] + words[index + 1 :]))
        for condition in ("both", "text"):
            expected = shorter.by_modality[condition][found.emotion]
            assert found.without_word[condition][index] == pytest.approx(expected, abs=1e-4)
    (many,) = predictor.predict_many([{"audio": clips[0], "text": TEXT}], explain=True)
    np.testing.assert_allclose(many.occlusions.times, found.times)
    np.testing.assert_allclose(
        many.occlusions.without_moment["both"], found.without_moment["both"], atol=1e-4
    )


def test_to_explain_a_recording_it_is_encoded_once(predictor, clips):
    times = []
    encoder = predictor.scorers["mgcma"].framework.encoders()["speech"]
    hook = encoder.register_forward_hook(lambda *_: times.append(1))
    try:
        assert predictor.predict(clips[0], TEXT, explain=True).occlusions is not None
    finally:
        hook.remove()
    assert len(times) == 1
