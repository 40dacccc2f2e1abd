"""The wav2vec 2.0, HuBERT and WavLM adapter, on tiny models saved locally."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mer_core.data.collate import collate
from mer_core.encoders.base import Encoder
from mer_core.encoders.pretrained_speech import receptive_field
from mer_core.encoders.registry import build_encoder
from mer_core.types import SAMPLE_RATE, Utterance
from tests.encoders.padding import with_padded_waveform

from transformers import (  # isort: skip  (after torchaudio_compat)
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)

MODELS = {
    "wav2vec2": (Wav2Vec2Config, Wav2Vec2Model),
    "hubert": (HubertConfig, HubertModel),
    "wavlm": (WavLMConfig, WavLMModel),
}
TINY = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
# The base models, the large models, and mHuBERT's batch norm before the positional convolution.
VARIANTS = [
    (family, norm, normalize, {})
    for family in MODELS
    for norm, normalize in (("group", True), ("layer", False))
] + [("hubert", "group", True, {"conv_pos_batch_norm": True})]
LENGTHS = (400, 719, 720, 4_000, 9_999)


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda v: "-".join([*v[:2], *v[3]]))
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as on the Hub: config, safetensors and feature extractor."""
    family, norm, normalize, more = request.param
    folder = tmp_path_factory.mktemp(f"{family}_{norm}")
    return save_tiny(folder, family, feat_extract_norm=norm, do_normalize=normalize, **more)


def save_tiny(folder: Path, family: str, *, do_normalize: bool = True, **more: object) -> Path:
    torch.manual_seed(0)
    make_config, make_model = MODELS[family]
    large = more.get("feat_extract_norm") == "layer"
    model = make_model(make_config(**{**TINY, "do_stable_layer_norm": large, **more}))
    with torch.no_grad():  # fresh weights are so small that rounding would hide mistakes
        for parameter in model.encoder.parameters():
            parameter.mul_(2.0)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.add_(0.5)
    model.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=do_normalize).save_pretrained(folder)
    return folder


def build(folder: Path, **settings: object) -> Encoder:
    architecture = {"family": "pretrained_speech", "source": str(folder), **settings}
    return build_encoder(architecture).eval()


def recordings(lengths: tuple[int, ...] = LENGTHS) -> list[Utterance]:
    random = np.random.default_rng(1)
    made = [0.1 + 0.3 * random.standard_normal(n).astype(np.float32) for n in lengths]
    return [Utterance(waveform=waveform) for waveform in made]


def bare(folder: Path, waveform: np.ndarray) -> torch.Tensor:
    """(T, D) of transformers' own feature extractor and model, one recording at a time."""
    family = json.loads((folder / "config.json").read_text())["model_type"]
    model = MODELS[family][1].from_pretrained(folder).eval()
    extractor = Wav2Vec2FeatureExtractor.from_pretrained(folder)
    inputs = extractor(waveform, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values
    return model(inputs).last_hidden_state[0]


@torch.no_grad()
def test_a_padded_batch_agrees_with_the_bare_model(saved: Path) -> None:
    utterances = recordings()
    encoder = build(saved)
    for batch in (collate(utterances), with_padded_waveform(collate(utterances))):
        features = encoder(batch)
        assert features.present.all()
        assert torch.all(features.tokens[~features.mask] == 0)
        for tokens, mask, utterance in zip(features.tokens, features.mask, utterances, strict=True):
            assert utterance.waveform is not None
            alone = bare(saved, utterance.waveform)
            assert int(mask.sum()) == len(alone)  # the true number of frames
            torch.testing.assert_close(tokens[mask], alone, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_frame_mask_has_as_many_frames_as_the_convolutions_make(saved: Path) -> None:
    lengths = (399, 400, 719, 720, 1_039, 1_040, 16_000)
    mask = build(saved)(collate(recordings(lengths))).mask
    assert mask.sum(dim=1).tolist() == [0, 1, 1, 2, 2, 3, 49]
    assert all(row.tolist() == sorted(row.tolist(), reverse=True) for row in mask)


@torch.no_grad()
def test_absent_and_too_short_rows_are_zero_and_never_nan(saved: Path) -> None:
    encoder = build(saved)
    for rows in ([Utterance()], [Utterance(), *recordings((1, 399, 2_000))]):
        features = encoder(with_padded_waveform(collate(rows)))
        assert torch.isfinite(features.tokens).all()
        assert features.present.tolist() == [False, False, False, True][: len(rows)]
        assert torch.equal(features.mask.any(dim=1), features.present)
    hidden = collate(recordings((2_000, 2_000)))
    hidden = replace(hidden, speech_present=torch.tensor([True, False]))
    assert encoder(hidden).mask.any(dim=1).tolist() == [True, False]


@torch.no_grad()
def test_silence_gives_no_nan(saved: Path) -> None:
    silence = collate([Utterance(waveform=np.zeros(4_000, np.float32))])
    assert torch.isfinite(build(saved)(silence).tokens).all()


@torch.no_grad()
def test_it_is_rebuilt_without_its_source(saved: Path) -> None:
    first = build(saved)
    architecture = json.loads(json.dumps(first.architecture()))
    assert str(saved.parent) not in json.dumps(architecture)
    again = build_encoder(architecture).eval()
    again.load_state_dict(first.state_dict())
    assert again.architecture() == first.architecture()
    batch = collate(recordings())
    torch.testing.assert_close(again(batch).tokens, first(batch).tokens)


def test_gradient_reaches_the_transformer_and_not_the_frozen_front_end(saved: Path) -> None:
    for frozen in (True, False):
        encoder = build(saved, freeze_frontend=frozen).train()
        encoder.backbone.config.layerdrop = 0.0
        features = encoder(collate([Utterance(), *recordings((399, 4_000, 9_999))]))
        features.tokens.square().sum().backward()
        front_end = [p.grad for p in encoder.backbone.feature_extractor.parameters()]
        assert all(g is None for g in front_end) == frozen
        transformer = [p.grad for p in encoder.backbone.encoder.layers.parameters()]
        assert all(g is not None and torch.isfinite(g).all() for g in transformer)
        assert encoder.backbone.feature_projection.projection.weight.grad.abs().sum() > 0


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("plain"), "wav2vec2")


@torch.no_grad()
def test_long_recordings_are_capped(wav2vec2: Path) -> None:
    (long,) = recordings((16_000,))
    assert long.waveform is not None
    capped = build(wav2vec2, max_seconds=0.5)(collate([long]))
    alone = build(wav2vec2)(collate([Utterance(waveform=long.waveform[:8_000])]))
    torch.testing.assert_close(capped.tokens, alone.tokens)


@torch.no_grad()
def test_normalisation_is_read_from_the_file_and_can_be_overridden(tmp_path: Path) -> None:
    quiet, loud = recordings((4_000,)) * 2
    assert quiet.waveform is not None
    batch = collate([quiet, replace(loud, waveform=3 * quiet.waveform + 0.1)])

    def same(folder: Path, **settings: bool) -> bool:
        first, second = build(folder, **settings)(batch).tokens
        return torch.allclose(first, second, atol=1e-4)

    normalising = save_tiny(tmp_path / "yes", "wavlm", do_normalize=True)
    plain = save_tiny(tmp_path / "no", "wavlm", do_normalize=False, feat_extract_norm="layer")
    assert same(normalising)
    assert not same(plain)
    assert same(plain, do_normalize=True)


def test_time_masking_is_drawn_by_torch_and_only_in_training(wav2vec2: Path) -> None:
    encoder = build(wav2vec2)
    encoder.backbone.config.mask_time_prob = 0.5
    hidden = torch.zeros(4, 400, encoder.width)
    assert torch.equal(encoder._hide_spans(hidden), hidden)
    encoder.train()
    torch.manual_seed(0)
    first = encoder._hide_spans(hidden)
    share = float((first != 0).any(dim=2).float().mean())
    assert 0.25 < share < 0.55  # 1 - (1 - 0.5 / 10) ** 10 = 0.40
    torch.manual_seed(0)
    assert torch.equal(encoder._hide_spans(hidden), first)
    assert encoder._hide_spans(hidden[:, :3]).shape == (4, 3, encoder.width)


# Only WavLM: a gated bias for the distance of two frames, in logarithmic buckets. There are few
# buckets, so that a clip of a second covers exact, logarithmic and saturated ones.
NEAR = {"num_buckets": 8, "max_bucket_distance": 16}
WAVLM = {  # as microsoft/wavlm-base(-plus) and microsoft/wavlm-large have them
    "base": {"feat_extract_norm": "group", "do_stable_layer_norm": False, "do_normalize": False},
    "large": {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "do_normalize": True},
}


@pytest.fixture(scope="module", params=WAVLM)
def wavlm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(f"wavlm_{request.param}")
    return save_tiny(folder, "wavlm", hidden_size=32, **NEAR, **WAVLM[request.param])


@torch.no_grad()
def test_wavlm_agrees_with_the_bare_model(wavlm: Path) -> None:
    encoder = build(wavlm)
    assert encoder.width == 32
    utterances = recordings((16_000, 401, 5_000, 12_345))
    features = encoder(with_padded_waveform(collate(utterances)))
    assert features.tokens.shape[2] == 32
    for tokens, mask, utterance in zip(features.tokens, features.mask, utterances, strict=True):
        assert utterance.waveform is not None
        alone = bare(wavlm, utterance.waveform)
        assert int(mask.sum()) == len(alone)
        torch.testing.assert_close(tokens[mask], alone, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_wavlm_attention_depends_on_the_distance_of_frames(wavlm: Path) -> None:
    encoder = build(wavlm)
    batch = collate(recordings((16_000, 5_000)))
    before = encoder(batch)
    encoder.backbone.encoder.layers[0].attention.rel_attn_embed.weight.zero_()
    moved = (encoder(batch).tokens - before.tokens).norm(dim=2)[before.mask]
    assert float(moved.min()) > 1e-3  # the bias matters here, so the test above covers it


def test_wavlm_learns_its_distances(wavlm: Path) -> None:
    encoder = build(wavlm).train()
    encoder.backbone.config.layerdrop = 0.0
    encoder(collate(recordings((16_000, 399, 5_000)))).tokens.square().sum().backward()
    attention = encoder.backbone.encoder.layers[0].attention
    for weight in (attention.rel_attn_embed.weight, attention.gru_rel_pos_const):
        assert weight.grad is not None
        assert torch.isfinite(weight.grad).all()
        assert weight.grad.abs().sum() > 0


def test_other_families_and_missing_parts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Hub id or a local folder"):
        build_encoder({"family": "pretrained_speech"})
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="reads wav2vec2, hubert, wavlm"):
        build(tmp_path)
    with pytest.raises(ValueError, match="add_adapter"):
        build(save_tiny(tmp_path / "adapter", "wav2vec2", add_adapter=True))
    config = {**TINY, "model_type": "wav2vec2"}
    with pytest.raises(ValueError, match="do_normalize"):
        build_encoder({"family": "pretrained_speech", "config": config})


def test_pickled_weights_are_never_read(wav2vec2: Path, tmp_path: Path) -> None:
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((wav2vec2 / name).read_bytes())
    torch.save(build(wav2vec2).backbone.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        build(tmp_path)


def test_receptive_field_of_the_published_models() -> None:
    assert receptive_field([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]) == 400
