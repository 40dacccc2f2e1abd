"""The adapter of Whisper's encoder, on tiny models saved locally."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mer_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from mer_core.data.collate import collate
from mer_core.encoders.base import CachedEncoder, Encoder, encoder_hash
from mer_core.encoders.registry import build_encoder
from mer_core.encoders.whisper_mel import WhisperMel
from mer_core.frameworks.registry import build_framework
from mer_core.frameworks.unimodal import Unimodal
from mer_core.types import SAMPLE_RATE, Batch, Features, FloatArray, Utterance

from transformers import (  # isort: skip  (after torchaudio_compat)
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperModel,
)
from transformers.models.whisper.modeling_whisper import (  # isort: skip
    WhisperEncoder as OriginalEncoder,
)

LAYERS, WIDTH, POSITIONS = 3, 16, 1500
TINY = {
    "d_model": WIDTH, "encoder_layers": LAYERS, "decoder_layers": 1, "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 8, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "vocab_size": 20, "max_target_positions": 8, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 1, "decoder_start_token_id": 2, "suppress_tokens": None,
    "begin_suppress_tokens": None, "dropout": 0.0, "num_mel_bins": 80,
}  # fmt: skip
LENGTHS = (201, 320, 1_599, 4_000, 9_999)
FRAMES = (1, 2, 9, 25, 62)  # of the spectrum, one every 160 samples


def tiny_model(**more: object) -> WhisperForConditionalGeneration:
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(WhisperConfig(**{**TINY, **more})).eval()
    encoder = model.get_encoder()
    with torch.no_grad():  # fresh weights and zero biases would hide mistakes
        for name, parameter in encoder.named_parameters():
            if not name.startswith("embed_positions"):
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as on the Hub, of a whole model."""
    folder = tmp_path_factory.mktemp("private") / "tiny-whisper"
    tiny_model().save_pretrained(folder)
    return folder


def build(folder: Path, **settings: object) -> Encoder:
    architecture = {"family": "pretrained_whisper", "source": str(folder), "pool": 1, **settings}
    return build_encoder(architecture).eval()


def waves(lengths: tuple[int, ...] = LENGTHS) -> list[FloatArray]:
    """Noise whose level rises and falls, each of another loudness."""
    random = np.random.default_rng(1)
    made = []
    for number, length in enumerate(lengths, start=1):
        envelope = 0.05 * number * (1.1 + np.sin(np.arange(length) / 900))
        made.append((envelope * random.standard_normal(length)).astype(np.float32))
    return made


def batch_of(*waveforms: FloatArray | None) -> Batch:
    return collate([Utterance(waveform=waveform) for waveform in waveforms])


def with_padding(batch: Batch) -> Batch:
    """The same batch, twice as long, with 99.0 in all padding."""
    assert batch.waveform is not None
    assert batch.waveform_mask is not None
    waveform = torch.where(batch.waveform_mask, batch.waveform, 99.0)
    return replace(
        batch,
        waveform=torch.cat([waveform, torch.full_like(waveform, 99.0)], dim=1),
        waveform_mask=torch.cat([batch.waveform_mask, batch.waveform_mask & False], dim=1),
    )


def spectrum(waveform: FloatArray, mels: int = 80) -> torch.Tensor:
    """(M, T) of transformers' own feature extractor, of the recording without padding."""
    extractor = WhisperFeatureExtractor(feature_size=mels)
    found = extractor(
        waveform, sampling_rate=SAMPLE_RATE, padding=False, truncation=False, return_tensors="pt"
    )
    return found.input_features[0]


def original(folder: Path, waveform: FloatArray) -> tuple[torch.Tensor, ...]:
    """(T, D) after the convolutions and after each layer, the last one normed, by transformers.

    Its encoder accepts one length only, so one of that length is built with the same weights.
    """
    mel = spectrum(waveform)
    weights = WhisperForConditionalGeneration.from_pretrained(folder).get_encoder().state_dict()
    positions = -(-mel.shape[1] // 2)
    weights["embed_positions.weight"] = weights["embed_positions.weight"][:positions]
    encoder = OriginalEncoder(WhisperConfig(**TINY, max_source_positions=positions)).eval()
    encoder.load_state_dict(weights)
    vars(encoder.config)["max_source_positions"] = mel.shape[1] / 2  # it then accepts odd lengths
    states = encoder(mel[None], output_hidden_states=True).hidden_states
    return tuple(state[0] for state in states)


@pytest.mark.parametrize("mels", [80, 128])
def test_the_spectrum_is_whispers(mels: int) -> None:
    """Of a padded batch, as its feature extractor computes it for each recording alone."""
    waveforms = [*waves(), np.zeros(1_000, np.float32)]
    batch = with_padding(batch_of(*waveforms))
    assert batch.waveform is not None
    assert batch.waveform_mask is not None
    found, mask = WhisperMel(mels)(batch.waveform, batch.waveform_mask.sum(dim=1))
    assert mask.sum(dim=1).tolist() == [*FRAMES, 6]
    assert torch.all(found[~mask] == 0)
    for mel, valid, waveform in zip(found, mask, waveforms, strict=True):
        expected = spectrum(waveform, mels).T
        torch.testing.assert_close(mel[valid], expected, atol=1e-4, rtol=0)
    spread = [float(mel[valid].std()) for mel, valid in zip(found, mask, strict=True)]
    assert min(spread[:-1]) > 0.05  # there is something to compare


@torch.no_grad()
def test_a_padded_batch_agrees_with_transformers(saved: Path) -> None:
    encoder = build(saved)
    features = encoder(with_padding(batch_of(*waves())))
    assert features.present.all()
    assert features.mask.sum(dim=1).tolist() == [-(-frames // 2) for frames in FRAMES]
    assert torch.all(features.tokens[~features.mask] == 0)
    for tokens, mask, waveform in zip(features.tokens, features.mask, waves(), strict=True):
        expected = original(saved, waveform)[-1]
        torch.testing.assert_close(tokens[mask], expected, atol=2e-4, rtol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("layers", [1, 2])
def test_only_the_first_layers_are_used_and_kept(saved: Path, layers: int) -> None:
    encoder = build(saved, layers=layers)
    waveform = waves()[-1]
    tokens = encoder(batch_of(waveform)).tokens[0]
    expected = original(saved, waveform)
    torch.testing.assert_close(tokens, expected[layers], atol=2e-4, rtol=1e-3)
    for other in set(range(LAYERS + 1)) - {layers}:
        assert float((tokens - expected[other]).abs().mean()) > 0.05
    names = encoder.state_dict()
    kept = {name.split(".")[2] for name in names if name.startswith("backbone.layers.")}
    assert kept == {str(number) for number in range(layers)}
    parts = {name.split(".")[1] for name in names}  # no decoder, last norm or mel filters
    assert parts == {"conv1", "conv2", "embed_positions", "layers"}
    assert encoder.architecture()["config"]["encoder_layers"] == layers


@torch.no_grad()
def test_the_last_norm_belongs_to_the_whole_model(saved: Path) -> None:
    batch = batch_of(waves()[-1])
    whole = build(saved)(batch).tokens
    assert torch.equal(build(saved, layers=LAYERS)(batch).tokens, whole)
    bare = build(saved, final_norm=False)
    weights = WhisperModel.from_pretrained(saved).encoder.layer_norm
    torch.testing.assert_close(weights(bare(batch).tokens), whole)
    cut = build(saved, layers=1, final_norm=True)
    torch.testing.assert_close(cut(batch).tokens, weights(build(saved, layers=1)(batch).tokens))


@torch.no_grad()
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"layers": 2, "pool": 2, "mix": True},
        {"pool": 3},
        {"pool": 2, "pool_after": 1, "mix": True, "frozen_layers": 1},
    ],
)
def test_a_batch_changes_no_recording(saved: Path, settings: dict[str, object]) -> None:
    encoder = build(saved, **settings)
    alone = [encoder(batch_of(waveform)) for waveform in waves()]
    for batch in (batch_of(*waves()), with_padding(batch_of(*waves()))):
        together = encoder(batch)
        for row, single in enumerate(alone):
            tokens = together.tokens[row][together.mask[row]]
            assert single.mask.all()
            torch.testing.assert_close(tokens, single.tokens[0], atol=1e-5, rtol=1e-5)


class Louder(torch.nn.Module):
    """An augmentation that changes the padding, too."""

    def forward(self, mel: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return mel + 1.0


@torch.no_grad()
def test_augmented_padding_changes_no_recording(saved: Path) -> None:
    encoder = build(saved)
    encoder.augment = Louder()
    together = encoder(with_padding(batch_of(*waves())))
    for row, waveform in enumerate(waves()):
        tokens = together.tokens[row][together.mask[row]]
        alone = encoder(batch_of(waveform)).tokens[0]
        torch.testing.assert_close(tokens, alone, atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(("pool", "rate"), [(1, 50.0), (2, 25.0), (3, 50 / 3), (4, 12.5)])
def test_pooled_tokens_are_means_of_what_is_there(saved: Path, pool: int, rate: float) -> None:
    lengths = (16_000, 9_999)
    every = build(saved)(batch_of(*waves(lengths)))
    pooled = build(saved, pool=pool)(batch_of(*waves(lengths)))
    assert int(pooled.mask[0].sum()) == int(np.ceil(rate))
    for row, (tokens, mask) in enumerate(zip(every.tokens, every.mask, strict=True)):
        groups = torch.split(tokens[mask], pool)  # the last group may be smaller
        expected = torch.stack([group.mean(dim=0) for group in groups])
        found = pooled.tokens[row][pooled.mask[row]]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_layers_above_the_averaging_read_tokens(saved: Path) -> None:
    (waveform,) = waves((9_999,))
    frames = original(saved, waveform)[1]  # after the first layer
    expected = [torch.stack([group.mean(dim=0) for group in torch.split(frames, 2)])]
    early = build(saved, pool=2, pool_after=1, mix=True, frozen_layers=1)
    for layer in early.backbone.layers[1:]:
        hidden = layer(expected[-1][None], None)
        expected.append((hidden[0] if isinstance(hidden, tuple) else hidden).reshape(-1, WIDTH))
    expected[-1] = early.backbone.layer_norm(expected[-1])  # all layers are used
    found = early(batch_of(waveform)).tokens[0]
    torch.testing.assert_close(found, torch.stack(expected).mean(0), atol=2e-4, rtol=1e-3)
    late = build(saved, layers=2, pool=2)(batch_of(waveform)).tokens
    last = build(saved, layers=2, pool=2, pool_after=2)(batch_of(waveform)).tokens
    torch.testing.assert_close(last, late, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_mix_begins_with_equal_shares_and_can_choose_one_layer(saved: Path) -> None:
    batch, waveform = batch_of(waves()[-1]), waves()[-1]
    outputs = original(saved, waveform)
    for frozen, first in ((-1, 0), (0, 0), (2, 2)):
        encoder = build(saved, mix=True, frozen_layers=frozen)
        assert isinstance(encoder.mix, torch.nn.Parameter)
        assert encoder.mix.shape == (LAYERS + 1 - first,)
        equal = torch.stack(outputs[first:]).mean(dim=0)
        torch.testing.assert_close(encoder(batch).tokens[0], equal, atol=2e-4, rtol=1e-3)
        encoder.mix[-2] += 50.0
        chosen = outputs[LAYERS - 1]
        torch.testing.assert_close(encoder(batch).tokens[0], chosen, atol=2e-4, rtol=1e-3)


@torch.no_grad()
def test_normalised_outputs_are_mixed_with_one_scale(saved: Path) -> None:
    batch, waveform = batch_of(waves()[-1]), waves()[-1]
    scaled = [
        (output - output.mean(dim=1, keepdim=True)) / output.std(dim=1, correction=0, keepdim=True)
        for output in original(saved, waveform)
    ]
    last = build(saved, normalize=True)(batch).tokens[0]
    torch.testing.assert_close(last, scaled[-1], atol=5e-4, rtol=1e-3)
    mixed = build(saved, normalize=True, mix=True, frozen_layers=1)(batch).tokens[0]
    torch.testing.assert_close(mixed, torch.stack(scaled[1:]).mean(0), atol=5e-4, rtol=1e-3)


@torch.no_grad()
def test_sound_after_30_seconds_is_not_read(saved: Path) -> None:
    (long,) = waves((31 * SAMPLE_RATE,))
    encoder = build(saved, layers=1, pool=4)
    capped = encoder(batch_of(long))
    assert capped.tokens.shape[1] == 375  # 30 s at 12.5 tokens a second
    first = encoder(batch_of(long[: 30 * SAMPLE_RATE]))
    torch.testing.assert_close(capped.tokens, first.tokens)


@torch.no_grad()
def test_a_shorter_limit_keeps_fewer_positions(saved: Path) -> None:
    (long,) = waves((16_000,))
    encoder = build(saved, max_seconds=0.51)
    assert encoder.state_dict()["backbone.embed_positions.weight"].shape == (26, WIDTH)
    expected = original(saved, long[:8_160])[-1]
    found = encoder(batch_of(long)).tokens[0]
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-3)


@torch.no_grad()
def test_absent_and_too_short_rows_are_zero_and_never_nan(saved: Path) -> None:
    encoder = build(saved, mix=True, pool=2)
    short, long = waves((200, 2_000))
    for rows in ([None], [short], [None, short[:1], short, long]):
        features = encoder(with_padding(batch_of(*rows)))
        assert torch.isfinite(features.tokens).all()
        assert features.present.tolist() == [row is long for row in rows]
        assert torch.equal(features.mask.any(dim=1), features.present)
        assert torch.all(features.tokens[~features.mask] == 0)
    hidden = replace(batch_of(long, long), speech_present=torch.tensor([True, False]))
    assert encoder(hidden).mask.any(dim=1).tolist() == [True, False]


@pytest.mark.parametrize("frozen", [-1, 0, 1, LAYERS])
def test_frozen_layers_get_no_gradient_and_all_others_do(saved: Path, frozen: int) -> None:
    encoder = build(saved, frozen_layers=frozen, mix=True, final_norm=False).train()
    encoder(batch_of(None, *waves((100, 4_000, 9_999)))).tokens.square().sum().backward()
    for name, parameter in encoder.named_parameters():
        layer = int(name.split(".")[2]) + 1 if ".layers." in name else 0
        learns = name == "mix" or ("embed_positions" not in name and layer > frozen)
        assert parameter.requires_grad == learns, name
        gradient = parameter.grad
        assert (gradient is not None) == learns, name
        if gradient is not None:
            assert torch.isfinite(gradient).all(), name
            assert gradient.abs().sum() > 0 or frozen == LAYERS, name


def test_frozen_layers_leave_no_graph(saved: Path) -> None:
    encoder = build(saved, frozen_layers=2).train()
    seen: list[bool] = []
    for layer in encoder.backbone.layers:
        layer.register_forward_hook(
            lambda _, __, output, seen=seen: seen.append(
                (output[0] if isinstance(output, tuple) else output).requires_grad
            )
        )
    encoder(batch_of(*waves()))
    assert seen == [False, False, True]


def test_depth_counts_the_layers_above(saved: Path) -> None:
    encoder = build(saved, mix=True)
    depths = {
        "backbone.conv1.weight": LAYERS, "backbone.conv2.bias": LAYERS,
        "backbone.embed_positions.weight": LAYERS, "backbone.layers.0.fc1.weight": LAYERS - 1,
        "backbone.layers.2.final_layer_norm.bias": 0, "backbone.layer_norm.weight": 0, "mix": 0,
    }  # fmt: skip
    assert set(depths) <= {name for name, _ in encoder.named_parameters()}
    assert {name: encoder.depth(name) for name in depths} == depths


@torch.no_grad()
def test_augmentation_and_dropout_work_in_training_only(saved: Path) -> None:
    batch = batch_of(*waves((8_000, 9_999)))
    plain = build(saved)(batch).tokens
    for setting in (
        {"frequency_mask": 20}, {"time_mask": 20}, {"frequency_shift": 9}, {"dropout": 0.3},
    ):  # fmt: skip
        encoder = build(saved, **setting)
        assert torch.equal(encoder(batch).tokens, plain)
        encoder.train()
        torch.manual_seed(3)
        first = encoder(batch).tokens
        assert torch.isfinite(first).all()
        assert not torch.allclose(first, plain, atol=1e-3), setting
        assert torch.all(first[~encoder(batch).mask] == 0)
        torch.manual_seed(3)
        assert torch.equal(encoder(batch).tokens, first)
    still = build(saved).train()
    assert torch.equal(still(batch).tokens, plain)


SETTINGS = {"layers": 2, "frozen_layers": 1, "mix": True, "pool": 2, "max_seconds": 12.0}


@torch.no_grad()
def test_a_checkpoint_gives_the_same_bits_without_its_source(saved: Path, tmp_path: Path) -> None:
    framework = Unimodal(build(saved, **SETTINGS), ("calm", "loud")).eval()
    framework.encoder.mix[1] += 0.7
    save_checkpoint(tmp_path, framework)
    assert str(saved.parent) not in (tmp_path / "config.json").read_text()
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
def test_half_precision_on_disk_is_read_as_float32(saved: Path, tmp_path: Path) -> None:
    batch = batch_of(*waves())
    tiny_model().half().save_pretrained(tmp_path / "half")
    encoder = build(tmp_path / "half")
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}
    plain = build(saved)(batch)
    distance = (encoder(batch).tokens - plain.tokens)[plain.mask].abs()
    assert 0 < float(distance.max()) < 0.1
    framework = Unimodal(build(saved, **SETTINGS), ("calm", "loud")).eval()
    save_checkpoint(tmp_path / "ours", framework, half=True)
    loaded = load_checkpoint(tmp_path / "ours").framework
    torch.testing.assert_close(loaded(batch).logits, framework(batch).logits, atol=0.02, rtol=0.02)


@torch.no_grad()
def test_a_bare_model_and_another_size_are_read(saved: Path, tmp_path: Path) -> None:
    whole, batch = build(saved)(batch_of(*waves())), batch_of(*waves())
    tiny_model().model.save_pretrained(tmp_path / "bare")
    assert torch.equal(build(tmp_path / "bare")(batch).tokens, whole.tokens)
    WhisperModel.from_pretrained(saved).encoder.save_pretrained(tmp_path / "encoder")
    assert torch.equal(build(tmp_path / "encoder")(batch).tokens, whole.tokens)
    larger = {"num_mel_bins": 128, "d_model": 24, "encoder_layers": 1}
    tiny_model(**larger).save_pretrained(tmp_path / "large")
    encoder = build(tmp_path / "large")
    assert encoder.width == encoder(batch).tokens.shape[2] == 24


def test_bfloat16_autocast_stays_close(saved: Path) -> None:
    encoder, batch = build(saved, mix=True, pool=2), batch_of(*waves())
    with torch.inference_mode():
        plain = encoder(batch)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = encoder(batch)
    distance = (rounded.tokens.float() - plain.tokens).norm() / plain.tokens.norm()
    assert float(distance) < 0.05


def others(framework: str, first: dict[str, object]) -> dict[str, object]:
    if framework == "mgcma":
        second = {"family": "cached", "modality": "text", "width": 6}
        return {"speech_encoder": first, "text_encoder": second, "width": 8, "heads": 2}
    second = {"family": "cached", "modality": "video", "width": 6}
    shape = {"projection_width": 8, "heads": 2}
    return {"audio_encoder": first, "video_encoder": second, **shape}


@pytest.mark.parametrize("framework", ["mgcma", "foal_net"])
def test_both_frameworks_learn_with_it(saved: Path, framework: str) -> None:
    first = {"family": "pretrained_whisper", "source": str(saved), **SETTINGS}
    model = build_framework(
        {"framework": framework, **others(framework, first)}, ("angry", "calm", "sad")
    ).train()
    (second,) = (e for e in model.encoders().values() if isinstance(e, CachedEncoder))
    tokens = torch.randn(5, 3, 6, generator=torch.Generator().manual_seed(0))
    here = torch.ones(5, 3, dtype=torch.bool)
    batch = replace(
        batch_of(*waves()), cached={second.modality: Features(tokens, here, here[:, 0])}
    )
    output = model(batch)
    losses = model.losses(output, torch.tensor([0, 1, 2, 0, 1]))
    sum(losses.values()).backward()
    (encoder,) = (e for e in model.encoders().values() if not isinstance(e, CachedEncoder))
    gradient = encoder.backbone.layers[1].fc1.weight.grad
    assert torch.isfinite(output.logits).all()
    assert gradient is not None
    assert float(gradient.abs().sum()) > 0
    again = build_framework(json.loads(json.dumps(model.architecture())), model.labels).eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(batch).logits, model.eval()(batch).logits)


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
    saved: Path, setting: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build(saved, **setting)


def test_other_families_and_missing_parts_are_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Hub id or a local folder"):
        build_encoder({"family": "pretrained_whisper"})
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="is a 'bert' model; this adapter reads whisper"):
        build(tmp_path)
    with pytest.raises(ValueError, match="no encoder 'whisper'; encoders are compact_speech"):
        build_encoder({"family": "whisper"})
    config = json.loads((saved / "config.json").read_text())
    deeper = tmp_path / "deeper"
    WhisperForConditionalGeneration.from_pretrained(saved).save_pretrained(deeper)
    (deeper / "config.json").write_text(json.dumps({**config, "encoder_layers": LAYERS + 1}))
    with pytest.raises(ValueError, match=r"no weights for layers\.3\.fc1\.bias"):
        build(deeper)
    build(deeper, layers=LAYERS)


def test_pickled_weights_are_never_read(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((saved / "config.json").read_bytes())
    torch.save(build(saved).backbone.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        build(tmp_path)
