"""Foal-Net with a text encoder in place of the speech encoder: a video and its words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from mer_core import MediaError, Predictor
from mer_core.checkpoints.checkpoint import load_encoder, save_checkpoint
from mer_core.checkpoints.shipped import DEFAULT_MODEL
from mer_core.emotions import FOUR
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.frameworks.unimodal import Unimodal
from mer_core.serving.perturb import Changes, changed
from mer_core.serving.video_inputs import VideoInputs
from mer_core.types import State
from tests.clips import speaking_portrait

TEXT = "I am so happy that you came, thank you!"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the shipped speech-and-text model and an untrained one of text and face."""
    folder = tmp_path_factory.mktemp("bundle")
    torch.manual_seed(0)
    text = load_encoder(DEFAULT_MODEL / "mgcma", "text")
    face = load_encoder(DEFAULT_MODEL / "foal_net", "video")
    framework = FoalNet(text, face, FOUR, FoalNetConfig(width=32, projection_width=16))
    save_checkpoint(folder / "foal_net", framework)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> Predictor:
    return Predictor.load(folder / "foal_net", device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speaking_portrait(tmp_path_factory.mktemp("videos") / "clip.mp4")


def test_words_and_face_are_judged_together(model: Predictor, clip: Path) -> None:
    assert model.judges_video
    prediction = model.predict(video=clip, text=TEXT)
    assert (prediction.state, prediction.framework) == (State.OK, "foal_net")
    assert list(prediction.by_modality) == ["text", "video", "both"]
    assert all(prediction.by_modality.values())
    assert prediction.probabilities == prediction.by_modality["both"]
    assert prediction.match is not None
    assert prediction.text == TEXT
    assert prediction.companion is None
    assert list(prediction.embeddings_after) == ["text", "video"]
    # Words have no times: seconds are judged by the face alone.
    assert len(prediction.timeline) == 3
    alone = model.predict(video=clip)
    for second, expected in zip(prediction.timeline, alone.timeline, strict=True):
        assert second.probabilities == pytest.approx(expected.probabilities, abs=1e-5)


def test_without_words_the_face_alone_is_judged(
    model: Predictor, clip: Path, tmp_path: Path
) -> None:
    expected = model.predict(video=clip)
    assert expected.by_modality["text"] is None
    assert expected.probabilities == expected.by_modality["video"]
    for silent in (None, "anullsrc"):
        mute = speaking_portrait(tmp_path / f"{silent}.mp4", sound=silent)
        prediction = model.predict(video=mute)
        assert (prediction.state, prediction.message) == (State.OK, "")


def test_what_cannot_be_judged_has_its_reason(model: Predictor, clip: Path, tmp_path: Path) -> None:
    foreign = model.predict(video=clip, text="привет мир")
    assert foreign.state == State.UNREADABLE_TEXT
    assert "Only the face was judged." in foreign.message
    faceless = model.predict(video=speaking_portrait(tmp_path / "a.mp4", face=False), text=TEXT)
    assert faceless.state == State.NO_FACE
    assert "Only the words were judged." in faceless.message
    assert faceless.probabilities == faceless.by_modality["text"]
    empty = model.predict(video=tmp_path / "a.mp4")
    assert (empty.state, empty.emotion) == (State.NO_FACE, None)
    with pytest.raises(MediaError, match="judges video only"):
        model.predict(text=TEXT)


def test_words_of_a_clip_can_be_muted(model: Predictor, clip: Path) -> None:
    inputs = model.read(video=clip, text=TEXT)
    assert isinstance(inputs, VideoInputs)
    without = changed(inputs, Changes(mute=frozenset({"text"})))
    assert without.message == ""
    assert model.score(without).by_modality["text"] is None
    with pytest.raises(MediaError, match="Nothing is left"):
        changed(inputs, Changes(mute=frozenset({"text", "video"})))


def test_a_bundle_may_hold_it_beside_speech_and_text(folder: Path, clip: Path) -> None:
    bundle = folder / "both"
    shutil.copytree(folder / "foal_net", bundle / "foal_net")
    shutil.copytree(DEFAULT_MODEL / "mgcma", bundle / "mgcma")
    for name in ("speech_encoder.safetensors", "text_encoder.safetensors", "tokenizer.json"):
        shutil.copy(DEFAULT_MODEL / name, bundle / name)
    model = Predictor.load(bundle, device="cpu")
    assert set(model.scorers) == {"mgcma", "foal_net"}
    prediction = model.predict(video=clip, text=TEXT)
    assert prediction.by_modality["text"] is not None
    assert prediction.companion is not None
    assert prediction.companion.by_modality["speech"] is None  # the sound was not read


def test_a_face_alone_is_served_too(tmp_path: Path, clip: Path) -> None:
    face = load_encoder(DEFAULT_MODEL / "foal_net", "video")
    save_checkpoint(tmp_path, Unimodal(face, FOUR))
    prediction = Predictor.load(tmp_path, device="cpu").predict(video=clip)
    assert prediction.emotion in FOUR
    assert prediction.probabilities == prediction.by_modality["video"]
