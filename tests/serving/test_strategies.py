"""Heads of several strategies on one scorer's encoders, against a scorer of each head alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from mer_core.checkpoints.errors import ForeignHeadError, MissingHeadError
from mer_core.checkpoints.heads import save_head
from mer_core.emotions import FOUR
from mer_core.encoders.base import Encoder
from mer_core.encoders.compact_face import CompactFaceConfig, CompactFaceEncoder
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.encoders.compact_text import CompactTextEncoder
from mer_core.frameworks.base import MATCH_LOGITS, Framework
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.frameworks.mgcma import MGCMA
from mer_core.frameworks.mgcma_config import MGCMAConfig
from mer_core.frameworks.unimodal import Unimodal
from mer_core.media.speech_activity import STEP, SpeechActivity
from mer_core.serving.inputs import SpeechTextInputs, SpeechTextReader
from mer_core.serving.occlusion import explained
from mer_core.serving.speech_text import SpeechTextScorer
from mer_core.serving.strategies import Strategies
from mer_core.serving.video import VideoScorer
from mer_core.serving.video_inputs import VideoInputs
from mer_core.serving.windows import Span
from mer_core.types import SAMPLE_RATE, FaceTrack, Prediction, Utterance

CPU = torch.device("cpu")
Make = Callable[[str], Framework]


def temperatures(strategy: str) -> dict[str, float]:
    return {"both": 0.05 * (1 + len(strategy)), "speech": 0.3, "match": 0.5}


def written(folder: Path, make: Make, names: tuple[str, ...]) -> Path:
    for name in names:
        torch.manual_seed(len(name))
        save_head(folder / name, make(name), half=False, temperatures=temperatures(name))
    return folder


@pytest.fixture(scope="module")
def speech() -> CompactSpeechEncoder:
    torch.manual_seed(0)
    shape = CompactSpeechConfig(channels=(16, 16), blocks=1, width=16)
    return CompactSpeechEncoder(shape).eval()


@pytest.fixture(scope="module")
def foal_net(speech: CompactSpeechEncoder) -> Make:
    torch.manual_seed(1)
    face = CompactFaceEncoder(CompactFaceConfig(stem=16, channels=(16,), blocks=(1,))).eval()

    def make(strategy: str) -> Framework:
        config = FoalNetConfig(
            projection_width=8, width=8, heads=2, avel="avel" in strategy, mem="mem" in strategy
        )
        return FoalNet(speech, face, FOUR, config).eval()

    return make


@pytest.fixture(scope="module")
def mgcma(speech: CompactSpeechEncoder) -> Make:
    torch.manual_seed(2)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "so", "happy", "go", "away"]
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    text = CompactTextEncoder(
        tokenizer, vocabulary=len(pieces), width=16, layers=1, heads=2, intermediate=16
    ).eval()

    def make(strategy: str) -> Framework:
        switches = {name: name in strategy for name in ("distribution", "token", "instance")}
        config = MGCMAConfig(width=8, heads=2, feed_forward=1.0, **switches)
        return MGCMA(speech, text, FOUR, config).eval()

    return make


def sound(seconds: float) -> tuple[np.ndarray, SpeechActivity]:
    waveform = np.random.default_rng(0).standard_normal(round(seconds * SAMPLE_RATE))
    activity = np.ones(-(-len(waveform) // STEP), np.float32)
    return (0.2 * waveform).astype(np.float32), SpeechActivity(activity, silent=False)


def clip(seconds: float = 4.0) -> VideoInputs:
    waveform, activity = sound(seconds)
    times = (np.arange(round(seconds * 5)) / 5).astype(np.float32)
    pictures = np.random.default_rng(1).integers(0, 256, (len(times), 48, 48, 3)).astype(np.uint8)
    black = np.zeros((len(times), 8, 8, 3), np.uint8)
    boxes, visible = np.ones((len(times), 4), np.float32), np.ones(len(times), bool)
    track = FaceTrack(times, boxes, visible, black, black[0], 0)
    return VideoInputs(seconds, waveform, activity, track, pictures, times)


def recording(
    scorer: SpeechTextScorer, seconds: float | None = 3.0, text: str | None = "so happy"
) -> SpeechTextInputs:
    waveform, activity = sound(seconds) if seconds else (None, None)
    empty = SpeechTextInputs(waveform, activity, None, seconds, None, None)
    if text is None:
        return empty
    tokenizer = scorer.framework.encoders()["text"].tokenizer
    read = SpeechTextReader(tokenizer, ("speech", "text")).read(None, text)
    return dataclasses.replace(empty, text=read.text, tokens=read.tokens)


def counting(counts: dict[str, int]) -> Callable[..., None]:
    """A hook that counts how often each encoder runs."""

    def count(encoder: Encoder, *_: object) -> None:
        counts[encoder.modality] += 1

    return count


def assert_same(prediction: Prediction, alone: Prediction) -> None:
    """All but what is left out on purpose."""
    assert (prediction.face, prediction.envelope, prediction.timeline) == (None, None, ())
    assert (prediction.emotion, prediction.state, prediction.text) == (
        alone.emotion,
        alone.state,
        alone.text,
    )
    assert (prediction.duration, prediction.framework) == (alone.duration, alone.framework)
    assert prediction.by_modality.keys() == alone.by_modality.keys()
    for condition, named in alone.by_modality.items():
        assert prediction.by_modality[condition] == (named and pytest.approx(named, abs=1e-5))
    for mine, theirs in (
        (prediction.embeddings_before, alone.embeddings_before),
        (prediction.embeddings_after, alone.embeddings_after),
    ):
        assert list(mine) == list(theirs)
        for modality, vector in mine.items():
            np.testing.assert_allclose(vector, theirs[modality], atol=1e-5)
    assert prediction.match == (alone.match and pytest.approx(alone.match, abs=1e-5))
    for mine, theirs in (
        (prediction.attention, alone.attention),
        (prediction.cross_attention, alone.cross_attention),
    ):
        assert (mine is None) == (theirs is None)
        for name, values in vars(mine).items() if mine else ():
            if isinstance(values, np.ndarray):
                np.testing.assert_allclose(values, getattr(theirs, name), atol=1e-5)
            else:
                assert values == getattr(theirs, name)


FOAL_NET, MGCMA_NAMES = ("avel", "none", "avel+mem"), ("none", "token", "distribution+instance")


@pytest.mark.parametrize("seconds", [4.0, 12.5])
def test_every_head_scores_a_video_as_it_does_alone(foal_net: Make, seconds, tmp_path: Path):
    scorer = VideoScorer(foal_net("avel"), "foal_net", {}, CPU)
    strategies = Strategies.load(written(tmp_path, foal_net, FOAL_NET), scorer)
    assert strategies.framework == "foal_net"
    assert strategies.names == ("none", "avel", "avel+mem")
    reading = clip(seconds)
    cases = [reading, dataclasses.replace(reading, activity=None, waveform=None)]
    cases.append(dataclasses.replace(reading, pictures=None, track=None, times=reading.times[:0]))
    for case in cases:
        predictions = strategies.score(case)
        assert tuple(predictions) == strategies.names
        for name, prediction in predictions.items():
            torch.manual_seed(len(name))
            alone = VideoScorer(foal_net(name), "foal_net", temperatures(name), CPU)
            assert_same(prediction, alone.score(case))
    both = strategies.score(reading)
    assert both["avel+mem"].match is not None
    assert both["avel"].match is None
    assert both["none"].probabilities != both["avel"].probabilities


@pytest.mark.parametrize(("seconds", "text"), [(3.0, "so happy"), (None, "go away"), (15.0, None)])
def test_every_head_scores_a_recording_as_it_does_alone(mgcma: Make, seconds, text, tmp_path: Path):
    scorer = SpeechTextScorer(mgcma("token"), "mgcma", {}, CPU)
    strategies = Strategies.load(written(tmp_path, mgcma, MGCMA_NAMES), scorer)
    assert strategies.names == ("none", "distribution+instance", "token")
    reading = recording(scorer, seconds, text)
    for name, prediction in strategies.score(reading).items():
        torch.manual_seed(len(name))
        alone = SpeechTextScorer(mgcma(name), "mgcma", temperatures(name), CPU)
        assert_same(prediction, alone.score([reading])[0])


def test_every_head_explains_as_it_does_alone(mgcma: Make, foal_net: Make, tmp_path: Path):
    scorer = SpeechTextScorer(mgcma("token"), "mgcma", {}, CPU)
    strategies = Strategies.load(written(tmp_path / "m", mgcma, MGCMA_NAMES), scorer)
    reading = recording(scorer, 3.0, "so happy go")
    parts = strategies.parts(strategies.encode(reading))
    assert parts is not None
    for name in strategies.names:
        torch.manual_seed(len(name))
        scorer = SpeechTextScorer(mgcma(name), "mgcma", temperatures(name), CPU)
        alone = explained(scorer, scorer.encode([reading]))
        found = strategies.occlusions(name, parts)
        assert alone is not None
        assert (found.emotion, found.words) == (alone.emotion, ("so", "happy", "go"))
        for condition in ("both", "text"):
            mine, theirs = found.without_word[condition], alone.without_word[condition]
            np.testing.assert_allclose(mine, theirs, atol=1e-5)
        mine, theirs = found.without_moment["both"], alone.without_moment["both"]
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert strategies.parts(strategies.encode(recording(scorer, None, "happy"))) is None
    video = VideoScorer(foal_net("avel"), "foal_net", {}, CPU)
    films = Strategies.load(written(tmp_path / "f", foal_net, FOAL_NET), video)
    assert films.parts(films.encode(clip())) is None


def test_a_recording_is_encoded_once_for_all(mgcma: Make, foal_net: Make, tmp_path: Path):
    speech_text = SpeechTextScorer(mgcma("token"), "mgcma", {}, CPU)
    video = VideoScorer(foal_net("avel"), "foal_net", {}, CPU)
    cases = (
        (speech_text, recording(speech_text), written(tmp_path / "m", mgcma, MGCMA_NAMES)),
        (video, clip(), written(tmp_path / "f", foal_net, FOAL_NET)),
    )
    for scorer, reading, folder in cases:
        strategies = Strategies.load(folder, scorer)
        encoders = scorer.framework.encoders()
        counts = dict.fromkeys((encoder.modality for encoder in encoders.values()), 0)
        hooks = [encoder.register_forward_hook(counting(counts)) for encoder in encoders.values()]
        strategies.score(reading)
        for hook in hooks:
            hook.remove()
        assert set(counts.values()) == {1}


def test_only_the_half_that_changed_is_encoded_again(mgcma: Make, foal_net: Make, tmp_path: Path):
    speech_text = SpeechTextScorer(mgcma("token"), "mgcma", {}, CPU)
    video = VideoScorer(foal_net("avel"), "foal_net", {}, CPU)
    said, film = recording(speech_text, 12.0), clip()  # 12 s: several windows with the same words
    new_words = recording(speech_text, 12.0, "go away")
    louder = dataclasses.replace(said, waveform=1.5 * said.waveform)
    other_voice = dataclasses.replace(film, waveform=0.5 * film.waveform)
    other_face = dataclasses.replace(film, pictures=film.pictures[::-1].copy())
    m, f = written(tmp_path / "m", mgcma, MGCMA_NAMES), written(tmp_path / "f", foal_net, FOAL_NET)
    cases = (
        (speech_text, m, said, new_words, {"speech": 0, "text": 1}),
        (speech_text, m, said, louder, {"speech": 1, "text": 0}),
        (speech_text, m, said, dataclasses.replace(said), {"speech": 0, "text": 0}),
        (video, f, film, other_voice, {"speech": 1, "video": 0}),
        (video, f, film, other_face, {"speech": 0, "video": 1}),
    )
    for scorer, folder, before, after, expected in cases:
        strategies = Strategies.load(folder, scorer)
        encoders = scorer.framework.encoders().values()
        earlier = strategies.encode(before)
        counts = dict.fromkeys((encoder.modality for encoder in encoders), 0)
        hooks = [encoder.register_forward_hook(counting(counts)) for encoder in encoders]
        encoded = strategies.encode(after, [earlier])
        for hook in hooks:
            hook.remove()
        assert counts == expected
        predictions = strategies.score_encoded(encoded)
        for name, anew in strategies.score(after).items():
            for condition, chances in anew.by_modality.items():
                expected_chances = chances and pytest.approx(chances, abs=1e-5)
                assert predictions[name].by_modality[condition] == expected_chances


def test_one_pass_equals_one_for_each_modality(mgcma: Make, foal_net: Make):
    """Oracle: the framework's own outputs for all modalities, and for each alone."""
    scorers = (
        SpeechTextScorer(mgcma("distribution+token"), "mgcma", {}, CPU),
        VideoScorer(foal_net("avel+mem"), "foal_net", {}, CPU),
    )
    for scorer in scorers:
        inputs = clip() if isinstance(scorer, VideoScorer) else recording(scorer)
        utterance = inputs.utterance if isinstance(inputs, VideoInputs) else None
        rows = [utterance or Utterance(waveform=inputs.waveform, text=inputs.text)]
        features = scorer.encode_rows(rows).features
        (segment,) = scorer.segments(features, [Span(0.0, 4.0, 1.0)])
        with torch.inference_mode():
            whole, alone = scorer.framework.fuse(features), scorer.framework.alone(features)
        np.testing.assert_allclose(segment.logits["both"], whole.logits[0], atol=1e-5)
        for name, output in alone.items():
            np.testing.assert_allclose(segment.logits[name], output.logits[0], atol=1e-5)
            embedding = whole.features[f"{name}_embedding"][0]
            np.testing.assert_allclose(segment.after[name], embedding, atol=1e-5)
        if segment.match is not None:
            different, same = whole.features[MATCH_LOGITS][0].mean(dim=0)
            assert segment.match == pytest.approx(float(same - different), abs=1e-5)


def test_nothing_to_judge_is_no_label_under_any_strategy(foal_net: Make, tmp_path: Path):
    scorer = VideoScorer(foal_net("avel"), "foal_net", {}, CPU)
    strategies = Strategies.load(written(tmp_path, foal_net, FOAL_NET), scorer)
    nothing = dataclasses.replace(clip(), activity=None, waveform=None, pictures=None, track=None)
    predictions = strategies.score(nothing)
    assert [prediction.emotion for prediction in predictions.values()] == [None] * 3


def test_concurrent_calls_get_their_own_predictions(mgcma: Make, tmp_path: Path):
    scorer = SpeechTextScorer(mgcma("token"), "mgcma", {}, CPU)
    strategies = Strategies.load(written(tmp_path, mgcma, MGCMA_NAMES), scorer)
    readings = [recording(scorer, 1.0 + i, "so happy") for i in range(4)]
    expected = [strategies.score(reading) for reading in readings]
    with ThreadPoolExecutor(4) as pool:
        prediction = list(pool.map(strategies.score, readings * 3))
    for one, other in zip(expected * 3, prediction, strict=True):
        for name in strategies.names:
            assert one[name].by_modality == other[name].by_modality


def test_foreign_heads_and_inputs_are_refused(mgcma: Make, foal_net: Make, tmp_path: Path):
    speech_text = SpeechTextScorer(mgcma("token"), "mgcma", {}, CPU)
    video = VideoScorer(foal_net("avel"), "foal_net", {}, CPU)
    folder = written(tmp_path / "foal_net", foal_net, FOAL_NET)
    strategies = Strategies.load(folder, video)
    with pytest.raises(ValueError, match="foal_net judges a video"):
        strategies.score(recording(speech_text))
    on_speech = Strategies.load(written(tmp_path / "mgcma", mgcma, ("none",)), speech_text)
    with pytest.raises(ValueError, match="mgcma judges sound and text"):
        on_speech.score(clip())
    with pytest.raises(ForeignHeadError, match="needs a video encoder"):
        Strategies.load(folder, speech_text)
    with pytest.raises(MissingHeadError, match="'none'"):
        Strategies.load(written(tmp_path / "some", foal_net, ("avel",)), video)
    with pytest.raises(MissingHeadError, match="'none'"):
        Strategies.load(tmp_path / "nowhere", video)
    with pytest.raises(MissingHeadError, match="foal_net holds no head 'mem'"):
        Strategies.load(folder, video, ("none", "avel", "mem"))


def test_a_head_of_another_framework_is_refused(speech: CompactSpeechEncoder, tmp_path: Path):
    save_head(tmp_path / "none", Unimodal(speech, FOUR))
    scorer = SpeechTextScorer(Unimodal(speech, FOUR), "other", {}, CPU)
    with pytest.raises(ForeignHeadError, match="a head of unimodal, not of other"):
        Strategies.load(tmp_path, scorer)
