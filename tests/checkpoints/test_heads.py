"""Heads load on the encoders that they were trained on, and on no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mer_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from mer_core.checkpoints.errors import CheckpointError, ForeignHeadError, MissingHeadError
from mer_core.checkpoints.heads import load_head, load_heads, save_head
from mer_core.data import collate
from mer_core.encoders.base import CachedEncoder, encoder_hash
from mer_core.encoders.compact_face import CompactFaceConfig, CompactFaceEncoder
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.frameworks.registry import build_framework
from mer_core.types import Batch, Utterance


@pytest.fixture
def framework() -> FoalNet:
    torch.manual_seed(0)
    speech = CompactSpeechEncoder(CompactSpeechConfig(channels=(16, 16), blocks=1, width=8))
    face = CompactFaceEncoder(CompactFaceConfig(stem=16, channels=(16,), blocks=(1,)))
    return FoalNet(speech, face, ("calm", "loud"), FoalNetConfig(projection_width=8)).eval()


@pytest.fixture
def batch(voice) -> Batch:
    frames = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1)).astype(np.uint8)
    return collate([Utterance(waveform=voice(1.0), frames=frames), Utterance(waveform=voice(0.7))])


def test_a_head_on_the_same_encoders_gives_the_same_logits(framework, batch, tmp_path: Path):
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


def test_other_encoders_are_refused_with_a_sentence(framework, tmp_path: Path):
    save_head(tmp_path / "none", framework)
    other = CompactSpeechEncoder(framework.audio_encoder.config)
    given = {"audio": other, "video": framework.video_encoder}
    with pytest.raises(ForeignHeadError, match="none: this head was trained on another speech enc"):
        load_head(tmp_path / "none", given)
    with pytest.raises(ForeignHeadError, match="this head also needs a video encoder"):
        load_head(tmp_path / "none", {"audio": framework.audio_encoder})


Spoil = Callable[[Path, FoalNet], None]


def config_with(**changed: Any) -> Spoil:
    """`config.json` with other values; None leaves one out."""

    def spoil(folder: Path, framework: FoalNet) -> None:
        config = {**json.loads((folder / "config.json").read_text()), **changed}
        kept = {key: value for key, value in config.items() if value is not None}
        (folder / "config.json").write_text(json.dumps(kept))

    return spoil


def config_of(text: str) -> Spoil:
    return lambda folder, framework: write(folder / "config.json", text.encode())


def weights_with(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Spoil:
    def spoil(folder: Path, framework: FoalNet) -> None:
        path = folder / "model.safetensors"
        save_file(change(load_file(path)), path)

    return spoil


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def gone(name: str) -> Spoil:
    return lambda folder, framework: (folder / name).unlink()


def cut(folder: Path, framework: FoalNet) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def bring_an_encoder(folder: Path, framework: FoalNet) -> None:
    key, value = next(iter(framework.audio_encoder.state_dict().items()))
    brought = {f"audio_encoder.{key}": torch.zeros_like(value)}
    weights_with(lambda weights: {**weights, **brought})(folder, framework)


def hashes_of(*modalities: str, **further: Any) -> Spoil:
    """True hashes, but of these modalities only, and `further` ones."""

    def spoil(folder: Path, framework: FoalNet) -> None:
        true = {e.modality: encoder_hash(e) for e in framework.encoders().values()}
        named = {modality: true[modality] for modality in modalities}
        config_with(encoders={**named, **further})(folder, framework)

    return spoil


def one_less(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return dict(list(weights.items())[1:])


FIT = "model.safetensors does not fit config.json"
NAMED = "hashes in config.json must be those of its encoders: speech, video"


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (gone("config.json"), "config.json is missing"),
        (gone("model.safetensors"), "model.safetensors is missing"),
        (lambda folder, _: write(folder / "model.safetensors", b""), "is damaged"),
        (lambda folder, _: write(folder / "model.safetensors", b"<html>" * 9), "is damaged"),
        (cut, "model.safetensors is damaged"),
        (config_of(""), "not a checkpoint"),
        (config_of("{"), "not a checkpoint"),
        (config_of("[]"), "is no(t a checkpoint| head)"),
        (config_of("{}"), "not a checkpoint"),
        (config_with(format=99), "newer version"),
        (config_with(format="x"), "is no(t a checkpoint| head)"),
        (config_with(architecture=None), "must hold an architecture"),
        (config_with(architecture=[]), "must hold an architecture"),
        (config_with(architecture={"framework": "another"}), "no framework 'another'"),
        (config_with(labels=None), "labels in config.json must be"),
        (config_with(labels="calm"), "labels in config.json must be"),
        (config_with(labels=["calm", 2]), "labels in config.json must be"),
        (config_with(labels=["calm", "loud", "shy"]), FIT),
        (config_with(temperatures=[]), "is no(t a checkpoint| head)"),
        (config_with(temperatures={"both": "x"}), "is no(t a checkpoint| head)"),
        (config_with(temperatures={"both": float("nan")}), "temperatures in config.json must be"),
        (config_with(temperatures={"both": 0}), "temperatures in config.json must be"),
        (config_with(encoders=None), "must name its encoders by their hashes"),
        (config_with(encoders=[]), "must name its encoders by their hashes"),
        (config_with(encoders={"speech": 1, "video": 2}), "must name its encoders by their hashes"),
        (config_with(encoders={}), NAMED),
        (hashes_of("speech"), NAMED),
        (hashes_of("video"), NAMED),
        (weights_with(one_less), FIT),
        (bring_an_encoder, FIT),
        (weights_with(lambda weights: {k: v[None].clone() for k, v in weights.items()}), FIT),
        (weights_with(lambda weights: {k: v * torch.nan for k, v in weights.items()}), "finite"),
        (
            lambda folder, framework: save_checkpoint(folder, framework),
            "is no head: it comes with its own encoders",
        ),
        (lambda folder, _: write(folder / "metrics.json", b"{"), "is no(t a checkpoint| head)"),
    ],
)
def test_anything_else_is_refused_and_leaves_the_encoders_unchanged(
    framework, spoil: Spoil, expected: str, tmp_path: Path
):
    save_head(tmp_path / "avel", framework, temperatures={"both": 2.0})
    before = [encoder_hash(encoder) for encoder in framework.encoders().values()]
    spoil(tmp_path / "avel", framework)
    with pytest.raises(CheckpointError, match=expected) as caught:
        load_head(tmp_path / "avel", framework.encoders())
    assert str(caught.value).startswith("avel")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, MissingHeadError) == ("is missing" in expected)
    assert not isinstance(caught.value, ForeignHeadError)
    assert [encoder_hash(encoder) for encoder in framework.encoders().values()] == before


def test_a_head_names_only_its_own_encoders(framework, tmp_path: Path):
    """Although the model that it is put on has one, and of that very hash."""
    save_head(tmp_path, framework)
    further = CachedEncoder("text", 8)
    given = {**framework.encoders(), "text": further}
    load_head(tmp_path, given)
    hashes_of("speech", "video", text=encoder_hash(further))(tmp_path, framework)
    with pytest.raises(CheckpointError, match=NAMED):
        load_head(tmp_path, given)


def test_a_head_alone_is_no_checkpoint(framework, tmp_path: Path):
    save_head(tmp_path, framework)
    with pytest.raises(CheckpointError, match="load it with the encoders"):
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
