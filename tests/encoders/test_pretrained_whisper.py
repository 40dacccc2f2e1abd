"""The adapter of Whisper's encoder beside transformers' own, on tiny models saved locally."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mer_core.encoders.whisper_mel import WhisperMel
from mer_core.types import SAMPLE_RATE
from tests.encoders.padding import with_padded_waveform
from tests.encoders.tiny_whisper import (
    FRAMES,
    LAYERS,
    WIDTH,
    batch_of,
    build,
    original,
    spectrum,
    waves,
)

from transformers import WhisperModel  # isort: skip


@pytest.mark.parametrize("mels", [80, 128])
def test_the_spectrum_is_whispers(mels: int) -> None:
    """Of a padded batch, as its feature extractor computes it for each recording alone."""
    waveforms = [*waves(), np.zeros(1_000, np.float32)]
    batch = with_padded_waveform(batch_of(*waveforms))
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
def test_a_padded_batch_agrees_with_transformers(whisper_folder: Path) -> None:
    encoder = build(whisper_folder)
    features = encoder(with_padded_waveform(batch_of(*waves())))
    assert features.present.all()
    assert features.mask.sum(dim=1).tolist() == [-(-frames // 2) for frames in FRAMES]
    assert torch.all(features.tokens[~features.mask] == 0)
    for tokens, mask, waveform in zip(features.tokens, features.mask, waves(), strict=True):
        expected = original(whisper_folder, waveform)[-1]
        torch.testing.assert_close(tokens[mask], expected, atol=2e-4, rtol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("layers", [1, 2])
def test_only_the_first_layers_are_used_and_kept(whisper_folder: Path, layers: int) -> None:
    encoder = build(whisper_folder, layers=layers)
    waveform = waves()[-1]
    tokens = encoder(batch_of(waveform)).tokens[0]
    expected = original(whisper_folder, waveform)
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
def test_the_last_norm_belongs_to_the_whole_model(whisper_folder: Path) -> None:
    batch = batch_of(waves()[-1])
    whole = build(whisper_folder)(batch).tokens
    assert torch.equal(build(whisper_folder, layers=LAYERS)(batch).tokens, whole)
    bare = build(whisper_folder, final_norm=False)
    weights = WhisperModel.from_pretrained(whisper_folder).encoder.layer_norm
    torch.testing.assert_close(weights(bare(batch).tokens), whole)
    cut = build(whisper_folder, layers=1, final_norm=True)
    torch.testing.assert_close(
        cut(batch).tokens, weights(build(whisper_folder, layers=1)(batch).tokens)
    )


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
def test_a_batch_changes_no_recording(whisper_folder: Path, settings: dict[str, object]) -> None:
    encoder = build(whisper_folder, **settings)
    alone = [encoder(batch_of(waveform)) for waveform in waves()]
    for batch in (batch_of(*waves()), with_padded_waveform(batch_of(*waves()))):
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
def test_augmented_padding_changes_no_recording(whisper_folder: Path) -> None:
    encoder = build(whisper_folder)
    encoder.augment = Louder()
    together = encoder(with_padded_waveform(batch_of(*waves())))
    for row, waveform in enumerate(waves()):
        tokens = together.tokens[row][together.mask[row]]
        alone = encoder(batch_of(waveform)).tokens[0]
        torch.testing.assert_close(tokens, alone, atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(("pool", "rate"), [(1, 50.0), (2, 25.0), (3, 50 / 3), (4, 12.5)])
def test_pooled_tokens_are_means_of_what_is_there(
    whisper_folder: Path, pool: int, rate: float
) -> None:
    lengths = (16_000, 9_999)
    every = build(whisper_folder)(batch_of(*waves(lengths)))
    pooled = build(whisper_folder, pool=pool)(batch_of(*waves(lengths)))
    assert int(pooled.mask[0].sum()) == int(np.ceil(rate))
    for row, (tokens, mask) in enumerate(zip(every.tokens, every.mask, strict=True)):
        groups = torch.split(tokens[mask], pool)  # the last group may be smaller
        expected = torch.stack([group.mean(dim=0) for group in groups])
        found = pooled.tokens[row][pooled.mask[row]]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_layers_above_the_averaging_read_tokens(whisper_folder: Path) -> None:
    (waveform,) = waves((9_999,))
    frames = original(whisper_folder, waveform)[1]  # after the first layer
    expected = [torch.stack([group.mean(dim=0) for group in torch.split(frames, 2)])]
    early = build(whisper_folder, pool=2, pool_after=1, mix=True, frozen_layers=1)
    for layer in early.backbone.layers[1:]:
        hidden = layer(expected[-1][None], None)
        expected.append((hidden[0] if isinstance(hidden, tuple) else hidden).reshape(-1, WIDTH))
    expected[-1] = early.backbone.layer_norm(expected[-1])  # all layers are used
    found = early(batch_of(waveform)).tokens[0]
    torch.testing.assert_close(found, torch.stack(expected).mean(0), atol=2e-4, rtol=1e-3)
    late = build(whisper_folder, layers=2, pool=2)(batch_of(waveform)).tokens
    last = build(whisper_folder, layers=2, pool=2, pool_after=2)(batch_of(waveform)).tokens
    torch.testing.assert_close(last, late, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_mix_begins_with_equal_shares_and_can_choose_one_layer(whisper_folder: Path) -> None:
    batch, waveform = batch_of(waves()[-1]), waves()[-1]
    outputs = original(whisper_folder, waveform)
    for frozen, first in ((-1, 0), (0, 0), (2, 2)):
        encoder = build(whisper_folder, mix=True, frozen_layers=frozen)
        assert isinstance(encoder.mix, torch.nn.Parameter)
        assert encoder.mix.shape == (LAYERS + 1 - first,)
        equal = torch.stack(outputs[first:]).mean(dim=0)
        torch.testing.assert_close(encoder(batch).tokens[0], equal, atol=2e-4, rtol=1e-3)
        encoder.mix[-2] += 50.0
        chosen = outputs[LAYERS - 1]
        torch.testing.assert_close(encoder(batch).tokens[0], chosen, atol=2e-4, rtol=1e-3)


@torch.no_grad()
def test_normalised_outputs_are_mixed_with_one_scale(whisper_folder: Path) -> None:
    batch, waveform = batch_of(waves()[-1]), waves()[-1]
    scaled = [
        (output - output.mean(dim=1, keepdim=True)) / output.std(dim=1, correction=0, keepdim=True)
        for output in original(whisper_folder, waveform)
    ]
    last = build(whisper_folder, normalize=True)(batch).tokens[0]
    torch.testing.assert_close(last, scaled[-1], atol=5e-4, rtol=1e-3)
    mixed = build(whisper_folder, normalize=True, mix=True, frozen_layers=1)(batch).tokens[0]
    torch.testing.assert_close(mixed, torch.stack(scaled[1:]).mean(0), atol=5e-4, rtol=1e-3)


@torch.no_grad()
def test_sound_after_30_seconds_is_not_read(whisper_folder: Path) -> None:
    (long,) = waves((31 * SAMPLE_RATE,))
    encoder = build(whisper_folder, layers=1, pool=4)
    capped = encoder(batch_of(long))
    assert capped.tokens.shape[1] == 375  # 30 s at 12.5 tokens a second
    first = encoder(batch_of(long[: 30 * SAMPLE_RATE]))
    torch.testing.assert_close(capped.tokens, first.tokens)


@torch.no_grad()
def test_a_shorter_limit_keeps_fewer_positions(whisper_folder: Path) -> None:
    (long,) = waves((16_000,))
    encoder = build(whisper_folder, max_seconds=0.51)
    assert encoder.state_dict()["backbone.embed_positions.weight"].shape == (26, WIDTH)
    expected = original(whisper_folder, long[:8_160])[-1]
    found = encoder(batch_of(long)).tokens[0]
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-3)


@torch.no_grad()
def test_absent_and_too_short_rows_are_zero_and_never_nan(whisper_folder: Path) -> None:
    encoder = build(whisper_folder, mix=True, pool=2)
    short, long = waves((200, 2_000))
    for rows in ([None], [short], [None, short[:1], short, long]):
        features = encoder(with_padded_waveform(batch_of(*rows)))
        assert torch.isfinite(features.tokens).all()
        assert features.present.tolist() == [row is long for row in rows]
        assert torch.equal(features.mask.any(dim=1), features.present)
        assert torch.all(features.tokens[~features.mask] == 0)
    hidden = replace(batch_of(long, long), speech_present=torch.tensor([True, False]))
    assert encoder(hidden).mask.any(dim=1).tolist() == [True, False]
