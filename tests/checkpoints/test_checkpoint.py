"""Checkpoints come back as they were, and what is none is refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mer_core.checkpoints.checkpoint import (
    load_checkpoint,
    load_checkpoints,
    load_encoder,
    save_checkpoint,
)
from mer_core.checkpoints.errors import CheckpointError
from mer_core.data import collate
from mer_core.encoders.compact_face import CompactFaceConfig, CompactFaceEncoder
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.frameworks.unimodal import Unimodal
from mer_core.types import Utterance


@pytest.fixture
def framework() -> Unimodal:
    torch.manual_seed(0)
    shape = CompactSpeechConfig(channels=(16, 16), blocks=1, width=8)
    return Unimodal(CompactSpeechEncoder(shape), ("calm", "loud")).eval()


def test_weights_and_numbers_come_back(framework, voice, tmp_path: Path):
    save_checkpoint(tmp_path, framework, temperatures={"speech": 2.0})
    loaded = load_checkpoint(tmp_path)
    batch = collate([Utterance(waveform=voice(1.0))])
    assert torch.equal(loaded.framework(batch).logits, framework(batch).logits)
    assert loaded.framework.labels == ("calm", "loud")
    assert loaded.config["temperatures"] == {"speech": 2.0}
    assert not loaded.framework.training


def test_half_precision_halves_the_file_and_hardly_moves_a_logit(framework, voice, tmp_path: Path):
    save_checkpoint(tmp_path / "whole", framework)
    save_checkpoint(tmp_path / "half", framework, half=True)
    for name in ("speech_encoder.safetensors", "model.safetensors"):
        stored = load_file(tmp_path / "half" / name)
        assert {v.dtype for v in stored.values() if v.is_floating_point()} == {torch.float16}
    batch = collate([Utterance(waveform=voice(1.0))])
    loaded = load_checkpoint(tmp_path / "half").framework
    assert next(loaded.parameters()).dtype == torch.float32
    assert torch.allclose(loaded(batch).logits, framework(batch).logits, atol=0.02)


def test_an_encoder_is_taken_out_of_its_checkpoint(framework, tmp_path: Path):
    save_checkpoint(tmp_path, framework)
    encoder = load_encoder(tmp_path)
    for name, value in framework.encoder.state_dict().items():
        assert torch.equal(value, encoder.state_dict()[name])


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("missing config", "config.json is missing"),
        ("missing weights", "model.safetensors is missing"),
        ("missing encoder", "speech_encoder.safetensors is missing"),
        ("no json", "not a checkpoint"),
        ("other json", "not a checkpoint"),
        ("a list", "one of its JSON files is damaged"),
        ("metrics", "not a checkpoint"),
        ("unknown framework", "no framework 'other'"),
        ("newer", "newer version"),
        ("wrong shapes", "not a checkpoint"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(framework, broken, expected, tmp_path: Path):
    save_checkpoint(tmp_path, framework)
    config = json.loads((tmp_path / "config.json").read_text())
    if broken == "missing config":
        (tmp_path / "config.json").unlink()
    elif broken == "missing weights":
        (tmp_path / "model.safetensors").unlink()
    elif broken == "missing encoder":
        (tmp_path / "speech_encoder.safetensors").unlink()
    elif broken == "no json":
        (tmp_path / "config.json").write_text("{")
    elif broken == "a list":
        (tmp_path / "config.json").write_text("[]")
    elif broken == "metrics":
        (tmp_path / "metrics.json").write_text("{")
    elif broken == "other json":
        (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    else:
        if broken == "unknown framework":
            config["architecture"]["framework"] = "other"
        if broken == "newer":
            config["format"] = 99
        if broken == "wrong shapes":
            config["architecture"]["encoder"]["width"] = 12
        (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=expected):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("source", ["no-such-folder", "./nope/at/all", "a/b/c"])
def test_a_source_that_is_neither_folder_nor_hub_id(source):
    with pytest.raises(CheckpointError, match="neither a folder nor a Hub id"):
        load_checkpoint(source)


def test_a_hub_id_is_looked_up_with_its_revision(framework, tmp_path: Path, monkeypatch):
    save_checkpoint(tmp_path, framework)
    call = {}

    def snapshot_download(name, **options):
        call.update(options, name=name)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    loaded = load_checkpoint("someone/model", revision="v2")
    assert call["name"] == "someone/model"
    assert call["revision"] == "v2"
    assert not any(pattern.endswith((".bin", ".pt", "*")) for pattern in call["allow_patterns"])
    assert loaded.source == "someone/model"


def test_a_hub_that_cannot_be_reached_is_one_sentence(monkeypatch):
    def snapshot_download(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with pytest.raises(CheckpointError, match="could not be fetched"):
        load_checkpoint("someone/model")


def foal_net(speech: CompactSpeechEncoder) -> FoalNet:
    face = CompactFaceEncoder(CompactFaceConfig(stem=16, channels=(16,), blocks=(1,)))
    return FoalNet(speech, face, ("calm", "loud"), FoalNetConfig(projection_width=8)).eval()


def test_a_bundle_holds_an_encoder_once_for_all_its_frameworks(framework, voice, tmp_path: Path):
    seeing = foal_net(framework.encoder)
    save_checkpoint(tmp_path / "unimodal", framework, shared=True)
    save_checkpoint(tmp_path / "foal_net", seeing, shared=True)
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == [
        "speech_encoder.safetensors",
        "video_encoder.safetensors",
    ]
    loaded = load_checkpoints(tmp_path)
    assert list(loaded) == ["unimodal", "foal_net"]
    frames = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1)).astype(np.uint8)
    batch = collate([Utterance(waveform=voice(1.0), frames=frames)])
    for name, original in (("unimodal", framework), ("foal_net", seeing)):
        assert torch.equal(loaded[name].framework(batch).logits, original(batch).logits)
    one = load_checkpoint(tmp_path / "foal_net")
    assert torch.equal(one.framework(batch).logits, seeing(batch).logits)


def test_another_encoder_never_replaces_a_shared_one(framework, tmp_path: Path):
    save_checkpoint(tmp_path / "unimodal", framework, shared=True)
    other = CompactSpeechEncoder(framework.encoder.config)
    with pytest.raises(ValueError, match="holds another encoder"):
        save_checkpoint(tmp_path / "foal_net", foal_net(other), shared=True)
    assert list(load_checkpoints(tmp_path)) == ["unimodal"]


def test_encoders_are_beside_a_checkpoint_or_one_level_up(framework, tmp_path: Path):
    save_checkpoint(tmp_path, framework)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "encoders_in": "../../other"}))
    with pytest.raises(CheckpointError, match="beside it or one level up"):
        load_checkpoint(tmp_path)


def test_an_encoder_is_named_where_there_are_several(framework, tmp_path: Path):
    save_checkpoint(tmp_path, foal_net(framework.encoder))
    assert load_encoder(tmp_path, "video").modality == "video"
    assert load_encoder(tmp_path, "speech").width == framework.encoder.width
    for modality in (None, "text"):
        with pytest.raises(CheckpointError, match="speech, video"):
            load_encoder(tmp_path, modality)
