"""Whisper's encoder from folders and in checkpoints, and the settings that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mer_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from mer_core.encoders.base import encoder_hash
from mer_core.encoders.registry import build_encoder
from mer_core.frameworks.unimodal import Unimodal
from tests.encoders.tiny_whisper import LAYERS, SETTINGS, WIDTH, batch_of, build, tiny_model, waves

from transformers import WhisperForConditionalGeneration, WhisperModel  # isort: skip


@torch.no_grad()
def test_a_checkpoint_gives_the_same_bits_without_its_source(
    whisper_folder: Path, tmp_path: Path
) -> None:
    framework = Unimodal(build(whisper_folder, **SETTINGS), ("calm", "loud")).eval()
    framework.encoder.mix[1] += 0.7
    save_checkpoint(tmp_path, framework)
    assert str(whisper_folder.parent) not in (tmp_path / "config.json").read_text()
    loaded = load_checkpoint(tmp_path).framework
    assert isinstance(loaded, Unimodal)
    batch = batch_of(*waves())
    assert torch.equal(loaded(batch).logits, framework(batch).logits)
    assert loaded.encoder.architecture() == framework.encoder.architecture()
    assert encoder_hash(loaded.encoder) == encoder_hash(framework.encoder)
    stored = load_file(tmp_path / "speech_encoder.safetensors")
    assert stored["speech_encoder.backbone.embed_positions.weight"].shape == (600, WIDTH)
    assert not [name for name in stored if "layers.2" in name]


@torch.no_grad()
def test_half_precision_on_disk_is_read_as_float32(whisper_folder: Path, tmp_path: Path) -> None:
    batch = batch_of(*waves())
    tiny_model().half().save_pretrained(tmp_path / "half")
    encoder = build(tmp_path / "half")
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}
    plain = build(whisper_folder)(batch)
    distance = (encoder(batch).tokens - plain.tokens)[plain.mask].abs()
    assert 0 < float(distance.max()) < 0.1
    framework = Unimodal(build(whisper_folder, **SETTINGS), ("calm", "loud")).eval()
    save_checkpoint(tmp_path / "ours", framework, half=True)
    loaded = load_checkpoint(tmp_path / "ours").framework
    torch.testing.assert_close(loaded(batch).logits, framework(batch).logits, atol=0.02, rtol=0.02)


@torch.no_grad()
def test_a_bare_model_and_another_size_are_read(whisper_folder: Path, tmp_path: Path) -> None:
    whole, batch = build(whisper_folder)(batch_of(*waves())), batch_of(*waves())
    tiny_model().model.save_pretrained(tmp_path / "bare")
    assert torch.equal(build(tmp_path / "bare")(batch).tokens, whole.tokens)
    WhisperModel.from_pretrained(whisper_folder).encoder.save_pretrained(tmp_path / "encoder")
    assert torch.equal(build(tmp_path / "encoder")(batch).tokens, whole.tokens)
    larger = {"num_mel_bins": 128, "d_model": 24, "encoder_layers": 1}
    tiny_model(**larger).save_pretrained(tmp_path / "large")
    encoder = build(tmp_path / "large")
    assert encoder.width == encoder(batch).tokens.shape[2] == 24


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"pool": 0}, r"pool = 0: must be 1 to 4, which gives 50 to 12\.5 tokens a second"),
        ({"pool": 5}, "pool = 5: must be 1 to 4"),
        ({"layers": 4}, "layers = 4: the model has 3"),
        ({"layers": -1}, "layers = -1: the model has 3"),
        ({"layers": 1, "frozen_layers": 2}, "frozen_layers = 2: must be -1 .* to 1"),
        ({"frozen_layers": -2}, "frozen_layers = -2: must be -1"),
        ({"pool_after": 4}, "pool_after = 4: must be 0 to 3"),
        ({"combine_from": 4, "mix": True}, "combine_from = 4: must be 0 to 3"),
        ({"mix": True, "join": 8}, "exclude each other"),
        ({"max_seconds": 0.0}, "max_seconds = 0.0: must be above 0"),
        ({"width": 3}, "unexpected keyword argument 'width'"),
    ],
)
def test_invalid_settings_are_refused_in_one_sentence(
    whisper_folder: Path, setting: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build(whisper_folder, **setting)


def test_other_families_and_missing_parts_are_refused(whisper_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Hub id or a local folder"):
        build_encoder({"family": "pretrained_whisper"})
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="is a 'bert' model; this adapter reads whisper"):
        build(tmp_path)
    with pytest.raises(ValueError, match="no encoder 'whisper'; encoders are compact_speech"):
        build_encoder({"family": "whisper"})
    config = json.loads((whisper_folder / "config.json").read_text())
    deeper = tmp_path / "deeper"
    WhisperForConditionalGeneration.from_pretrained(whisper_folder).save_pretrained(deeper)
    (deeper / "config.json").write_text(json.dumps({**config, "encoder_layers": LAYERS + 1}))
    with pytest.raises(ValueError, match=r"no weights for layers\.3\.fc1\.bias"):
        build(deeper)
    build(deeper, layers=LAYERS)


def test_pickled_weights_are_never_read(whisper_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((whisper_folder / "config.json").read_bytes())
    torch.save(build(whisper_folder).backbone.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        build(tmp_path)
