"""The compact speech encoder: size, rate, loudness, masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from mer_core.data.collate import collate
from mer_core.encoders.base import Encoder
from mer_core.encoders.compact_speech import CompactSpeechConfig, LogMel, two_views
from mer_core.encoders.registry import build_encoder
from mer_core.encoders.spec_augment import SpecAugment
from mer_core.types import SAMPLE_RATE, Batch, Features, FloatArray, Utterance

MakeWave = Callable[..., FloatArray]


@pytest.fixture(scope="module", params=[0, 1], ids=["convolutions", "with-attention"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    torch.manual_seed(0)
    made = build_encoder({"family": "compact_speech", "attention_layers": request.param})
    for module in made.modules():  # as after training: statistics that are not 0 and 1
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    return made.eval()


def encode(encoder: Encoder, *waveforms: FloatArray | None) -> Features:
    with torch.no_grad():
        return encoder(collate([Utterance(waveform=w) for w in waveforms]))


def with_padding(batch: Batch, value: float) -> Batch:
    """The same batch, half as long again, with `value` in all padding."""
    assert batch.waveform is not None
    assert batch.waveform_mask is not None
    more = (0, batch.waveform.shape[1] // 2)
    mask = torch.nn.functional.pad(batch.waveform_mask, more)
    waveform = torch.nn.functional.pad(batch.waveform, more)
    return replace(batch, waveform=torch.where(mask, waveform, value), waveform_mask=mask)


@pytest.mark.parametrize("value", [0.0, 99.0, float("nan")])
def test_padding_never_changes_a_token(encoder: Encoder, voice: MakeWave, value: float) -> None:
    clips = [voice(s, seed) for seed, s in enumerate((0.3, 0.501, 1.0, 1.4801, 2.2))]
    batch = with_padding(collate([Utterance(waveform=clip) for clip in clips]), value)
    with torch.no_grad():
        together = encoder(batch)
    assert torch.all(together.tokens[~together.mask] == 0)
    for clip, tokens, mask in zip(clips, together.tokens, together.mask, strict=True):
        alone = encode(encoder, clip)
        assert int(mask.sum()) == alone.tokens.shape[1]
        torch.testing.assert_close(tokens[mask], alone.tokens[0], atol=2e-5, rtol=1e-4)


def test_absent_rows_are_zero_and_never_nan(encoder: Encoder, voice: MakeWave) -> None:
    for clips in ([None], [None, voice(0.5)]):
        features = encode(encoder, *clips)
        assert torch.isfinite(features.tokens).all()
        assert features.present.tolist() == [clip is not None for clip in clips]
        assert torch.equal(features.mask.any(dim=1), features.present)


@pytest.mark.parametrize("samples", [1, 2, 159, 160, 161, 1_279, 1_281])
def test_tiny_and_silent_clips_are_finite(encoder: Encoder, samples: int) -> None:
    features = encode(encoder, np.zeros(samples, np.float32))
    assert torch.isfinite(features.tokens).all()
    assert features.mask.all()


def test_12_to_25_tokens_per_second(encoder: Encoder, voice: MakeWave) -> None:
    for seconds in (1.0, 5.0, 12.0):
        assert 12 * seconds <= encode(encoder, voice(seconds)).tokens.shape[1] <= 25 * seconds


def test_it_has_at_most_four_million_parameters(encoder: Encoder) -> None:
    assert sum(p.numel() for p in encoder.parameters()) <= 4_000_000


def test_loudness_is_kept(encoder: Encoder, voice: MakeWave) -> None:
    quiet = 0.1 * voice(1.0)
    loud = quiet * 10 ** (12 / 20)
    first, second = encode(encoder, quiet).tokens, encode(encoder, loud).tokens
    assert float((first - second).norm() / first.norm()) > 0.01
    mel, mask = LogMel(80)(torch.from_numpy(np.stack([quiet, loud])), torch.ones(2, 16_000) > 0)
    (loud_view, own_view) = two_views(mel, mask).unbind(dim=1)  # (2, T, M) each
    step = float((loud_view[1] - loud_view[0]).median())
    assert step == pytest.approx(np.log(10 ** (12 / 10)) / 4.0, abs=0.02)  # 12 dB over LOG_STD
    assert float((own_view[1] - own_view[0]).abs().median()) < 0.05


def test_log_mel_peaks_at_the_tone(tone: MakeWave) -> None:
    mel, mask = LogMel(80)(torch.from_numpy(tone(1.0, 1_000.0))[None], torch.ones(1, 16_000) > 0)
    assert mask.sum() == 100  # one frame every 10 ms
    edges = np.linspace(*(2595 * np.log10(1 + np.array([40.0, 8_000.0]) / 700)), 82)
    centres = 700 * (10 ** (edges[1:-1] / 2595) - 1)  # HTK mel
    assert int(mel[0, 50].argmax()) == int(np.abs(centres - 1_000.0).argmin())


def test_evaluation_is_deterministic_and_training_augments(
    encoder: Encoder, voice: MakeWave
) -> None:
    clip = voice(1.0)
    assert torch.equal(encode(encoder, clip).tokens, encode(encoder, clip).tokens)
    mel, mask = torch.randn(4, 120, 80), torch.arange(120) < torch.tensor([[120], [90], [30], [0]])
    augment = SpecAugment(12, 25, 3)
    torch.manual_seed(1)
    first = augment(mel, mask)
    torch.manual_seed(1)
    assert torch.equal(augment(mel, mask), first)
    assert not torch.equal(first, mel)
    assert torch.isfinite(first).all()
    assert torch.equal(SpecAugment(0, 0, 0)(mel, mask), mel)


def test_gradients_are_finite(voice: MakeWave) -> None:
    torch.manual_seed(0)
    small = build_encoder({"family": "compact_speech", "channels": [16, 16, 16, 16], "width": 16})
    features = small.train()(collate([Utterance(), Utterance(waveform=voice(1.0))]))
    features.tokens.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in small.parameters())


def test_round_trip_and_unknown_settings(encoder: Encoder) -> None:
    again = build_encoder(encoder.architecture())
    assert again.architecture() == encoder.architecture()
    again.load_state_dict(encoder.state_dict())
    with pytest.raises(ValueError, match="colour"):
        build_encoder({"family": "compact_speech", "colour": "red"})
    with pytest.raises(ValueError, match="There is no encoder 'x'"):
        build_encoder({"family": "x"})
    assert CompactSpeechConfig().width == encoder.width
    assert SAMPLE_RATE == 16_000


def test_widths_that_crash_some_cpus_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^channels = 8: at least 16 channels .*oneDNN"):
        CompactSpeechConfig(channels=(24, 8))
    with pytest.raises(ValueError, match=r"^channels = 4: "):
        build_encoder({"family": "compact_speech", "channels": [4, 32]})
    assert CompactSpeechConfig(channels=(16, 16)).channels == (16, 16)
