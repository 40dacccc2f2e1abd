"""Heads stand on shared encoders, on those they were trained on and on no others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mer_core.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from mer_core.data import collate
from mer_core.encoders.base import encoder_hash
from mer_core.encoders.compact_face import CompactFaceConfig, CompactFaceEncoder
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.frameworks.registry import build_framework
from mer_core.heads import load_head, load_heads, save_head
from mer_core.types import Batch, Utterance


@pytest.fixture
def framework() -> FoalNet:
    torch.manual_seed(0)
    speech = CompactSpeechEncoder(CompactSpeechConfig(channels=(4, 8), blocks=1, width=8))
    face = CompactFaceEncoder(CompactFaceConfig(stem=4, channels=(8,), blocks=(1,)))
    return FoalNet(speech, face, ("calm", "loud"), FoalNetConfig(projection_width=8)).eval()


@pytest.fixture
def batch(voice) -> Batch:
    frames = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1)).astype(np.uint8)
    return collate([Utterance(waveform=voice(1.0), frames=frames), Utterance(waveform=voice(0.7))])


def test_a_head_on_the_same_encoders_says_the_same(framework, batch, tmp_path: Path):
    save_head(tmp_path, framework, half=False, temperatures={"both": 2.0})
    loaded = load_head(tmp_path, framework.encoders())
    assert torch.equal(loaded.framework(batch).logits, framework(batch).logits)
    assert not loaded.framework.training
    assert loaded.config["temperatures"] == {"both": 2.0}
    assert loaded.framework.labels == ("calm", "loud")


def test_encoders_are_shared_and_not_stored(framework, batch, tmp_path: Path):
    before = {name: encoder_hash(e) for name, e in framework.encoders().items()}
    save_head(tmp_path / "a", framework)
    save_head(tmp_path / "b", framework)
    heads = load_heads(tmp_path, framework.encoders())
    assert list(heads) == ["a", "b"]
    for head in heads.values():
        for name, encoder in head.framework.encoders().items():
            assert encoder is framework.encoders()[name]
        assert torch.allclose(head.framework(batch).logits, framework(batch).logits, atol=0.02)
    assert {name: encoder_hash(e) for name, e in framework.encoders().items()} == before
    stored = load_file(tmp_path / "a" / "model.safetensors")
    assert not any("encoder" in key for key in stored)
    assert {v.dtype for v in stored.values() if v.is_floating_point()} == {torch.float16}
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]


def test_config_names_the_encoders_by_what_they_read_and_by_hash(framework, tmp_path: Path):
    save_head(tmp_path, framework)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["encoders_in"] == "given"
    assert config["encoders"] == {
        "speech": encoder_hash(framework.audio_encoder),
        "video": encoder_hash(framework.video_encoder),
    }
    reads = {"family": "cached", "modality": "speech", "width": 8}
    assert config["architecture"]["audio_encoder"] == reads


def test_encoders_may_come_from_a_bundle_rounded_to_fp16(framework, batch, tmp_path: Path):
    save_checkpoint(tmp_path / "whole", framework, half=True)
    shipped = load_checkpoint(tmp_path / "whole").framework
    save_head(tmp_path / "head", shipped)
    again = load_checkpoint(tmp_path / "whole").framework  # another session, the same files
    head = load_head(tmp_path / "head", again.encoders()).framework
    assert torch.equal(head(batch).logits, shipped(batch).logits)


def test_other_encoders_are_refused_in_words(framework, tmp_path: Path):
    save_head(tmp_path / "none", framework)
    other = CompactSpeechEncoder(framework.audio_encoder.config)
    given = {"audio": other, "video": framework.video_encoder}
    with pytest.raises(CheckpointError, match="none: this head was trained on another speech enc"):
        load_head(tmp_path / "none", given)
    with pytest.raises(CheckpointError, match="this head needs a video encoder, too"):
        load_head(tmp_path / "none", {"audio": framework.audio_encoder})


def break_head(folder: Path, how: str, framework: FoalNet) -> None:
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    if how == "no config":
        (folder / "config.json").unlink()
    elif how == "no weights":
        (folder / "model.safetensors").unlink()
    elif how == "damaged":
        (folder / "model.safetensors").write_bytes(b"12345678 no safetensors")
    elif how == "newer":
        (folder / "config.json").write_text(json.dumps({**config, "format": 99}))
    elif how == "no hashes":
        del config["encoders"]
        (folder / "config.json").write_text(json.dumps(config))
    elif how == "a weight less":
        weights.popitem()
        save_file(weights, folder / "model.safetensors")
    elif how == "brings an encoder":
        key, value = next(iter(framework.audio_encoder.state_dict().items()))
        save_file(
            {**weights, f"audio_encoder.{key}": torch.zeros_like(value)},
            folder / "model.safetensors",
        )
    elif how == "other shapes":
        wrong = {key: torch.zeros(*value.shape, 2) for key, value in weights.items()}
        save_file(wrong, folder / "model.safetensors")
    elif how == "a whole checkpoint":
        save_checkpoint(folder, framework)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("no config", "config.json is missing"),
        ("no weights", "model.safetensors is missing"),
        ("damaged", "model.safetensors is damaged"),
        ("newer", "newer version"),
        ("no hashes", "not a checkpoint"),
        ("a weight less", "do not fit its config"),
        ("brings an encoder", "do not fit its config"),
        ("other shapes", "not a checkpoint"),
        ("a whole checkpoint", "is no head: it comes with encoders of its own"),
    ],
)
def test_what_is_no_head_is_refused_and_leaves_the_encoders_alone(
    framework, how, expected, tmp_path: Path
):
    save_head(tmp_path, framework)
    before = [encoder_hash(encoder) for encoder in framework.encoders().values()]
    break_head(tmp_path, how, framework)
    with pytest.raises(CheckpointError, match=expected):
        load_head(tmp_path, framework.encoders())
    assert [encoder_hash(encoder) for encoder in framework.encoders().values()] == before


def test_a_head_alone_is_no_checkpoint(framework, tmp_path: Path):
    save_head(tmp_path, framework)
    with pytest.raises(CheckpointError, match="must be given the encoders it stands on"):
        load_checkpoint(tmp_path)


def test_a_framework_is_built_around_given_encoders(framework):
    given = {encoder.modality: encoder for encoder in framework.encoders().values()}
    whole = framework.architecture()
    cached = {
        **whole,
        "audio_encoder": {"family": "cached", "modality": "speech", "width": 8},
        "video_encoder": {"family": "cached", "modality": "video", "width": 8},
    }
    built = build_framework(cached, ("calm", "loud"), encoders=given)
    assert built.encoders() == framework.encoders()
    assert built.architecture() == whole
    with pytest.raises(ValueError, match=r"encoders of speech, video; none for .*compact_speech"):
        build_framework(whole, ("calm", "loud"), encoders=given)  # it would have to make them
    del given["video"]
    with pytest.raises(ValueError, match=r"encoders of speech; none for .*video"):
        build_framework(cached, ("calm", "loud"), encoders=given)
