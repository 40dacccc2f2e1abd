"""Whisper's encoder from transformers, whole or its first layers, without padding to 30 seconds.

arXiv 2212.04356. Two convolutions turn a log-mel spectrum into 50 frames a second, fixed sinusoids
mark their positions, and pre-norm transformer layers follow. The decoder is never built.

Whisper itself pads every recording to 30 seconds and has no mask. Here a recording has as many
frames as it is long, and padding a batch changes none of them: each recording's spectrum is its own
(`whisper_mel`), both convolutions read zeros behind its end, and attention gets the frame mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.encoders.base import Encoder
from mer_core.encoders.pretrained import LOADING, BackboneConfig, describe_backbone, load_config
from mer_core.encoders.spec_augment import SpecAugment
from mer_core.encoders.whisper_mel import HOP, WhisperMel
from mer_core.layers.attention import attendable
from mer_core.layers.pooling import averaged
from mer_core.types import SAMPLE_RATE, Batch, Features

from transformers.models.whisper.modeling_whisper import (  # isort: skip  (after torchaudio_compat)
    WhisperEncoder,
)

FAMILIES = ("whisper",)
FRAME_RATE = 50  # Hz, of the encoder's frames
SLOWEST = 12.5  # Hz, of the tokens
# Of transformers' config, what the encoder's part depends on; the rest describes the decoder.
USED = (
    "model_type", "d_model", "encoder_layers", "encoder_attention_heads", "encoder_ffn_dim",
    "num_mel_bins", "max_source_positions", "activation_function", "dropout",
    "attention_dropout", "activation_dropout",
)  # fmt: skip
NOT_LOADED = (r"decoder\.", r"proj_out\.", r"^layers\.\d+\.", r"^layer_norm\.")


@dataclass(frozen=True)
class PretrainedWhisperConfig(BackboneConfig):
    """Which backbone, any size of Whisper, and how it is used.

    Attributes:
        layers: Its first transformer layers that are used; 0 uses all. The others are not kept.
        final_norm: Apply the model's last layer norm; None applies it only if all layers are used,
            which is the only place where it was trained.
        frozen_layers: The convolutions and this many layers stay as pretrained and compute no
            gradient; 0 freezes the convolutions only, -1 nothing. The positions are constants.
        mix: Tokens are a learned convex combination of the outputs of the last frozen layer and of
            every layer above it; output 0 is the convolutions'. Equal shares at the start.
        normalize: Scale every output to zero mean and unit variance over its channels, before a mix
            of them. From a base model's fourth layer on, one channel is a hundred times the others.
        pool: Frames averaged into one token: 1, 2, 3 or 4 for 50 to 12.5 tokens a second.
        pool_after: Layer after which frames are averaged; None averages the last layer's output.
            The layers above it then read tokens, which is cheaper but not as pretrained: fine-tune
            them. A mix may not reach below it.
        max_seconds: Later sound is not read; Whisper has positions for 30 seconds.
        dropout: Of the tokens.
        frequency_mask: Widest SpecAugment band, in mels (training only).
        time_mask: Longest SpecAugment stretch, in 10 ms frames (training only).
        frequency_shift: Furthest shift of the spectrum up or down, in mels (training only).
    """

    layers: int = 0
    final_norm: bool | None = None
    frozen_layers: int = 0
    mix: bool = False
    normalize: bool = False
    pool: int = 2
    pool_after: int | None = None
    max_seconds: float = 30.0
    dropout: float = 0.0
    frequency_mask: int = 0
    time_mask: int = 0
    frequency_shift: int = 0

    def __post_init__(self) -> None:
        if self.pool < 1 or FRAME_RATE / self.pool < SLOWEST:
            raise ValueError(
                f"pool = {self.pool}: must be 1 to {int(FRAME_RATE / SLOWEST)}, "
                f"which gives {FRAME_RATE} to {SLOWEST} tokens a second."
            )
        if self.max_seconds <= 0:
            raise ValueError(f"max_seconds = {self.max_seconds}: must be above 0.")


class PretrainedWhisperEncoder(Encoder):
    """`waveform` (B, S) → tokens (B, ceil(frames / pool), D) of 50 frames a second."""

    modality = "speech"

    def __init__(self, settings: PretrainedWhisperConfig) -> None:
        super().__init__()
        self.settings = settings = _resolve(settings)
        self.backbone = load_encoder_part(settings)
        config = self.backbone.config
        self.width = int(config.d_model)
        self.longest = min(  # samples
            int(settings.max_seconds * SAMPLE_RATE), 2 * HOP * config.max_source_positions
        )
        self.log_mel = WhisperMel(config.num_mel_bins)
        self.augment = SpecAugment(
            settings.frequency_mask, settings.time_mask, settings.frequency_shift
        )
        self.dropout = nn.Dropout(settings.dropout)
        self.first_mixed = max(0, settings.frozen_layers)
        mixed = settings.layers + 1 - self.first_mixed
        self.mix = nn.Parameter(torch.zeros(mixed)) if settings.mix else None  # before softmax
        for module in self._frozen():
            module.requires_grad_(False)
        self.backbone.embed_positions.requires_grad_(False)

    def train(self, mode: bool = True) -> PretrainedWhisperEncoder:
        """As `nn.Module.train`, but the frozen layers stay in evaluation."""
        super().train(mode)
        for module in self._frozen():
            module.eval()
        return self

    def architecture(self) -> dict[str, Any]:
        """Family, settings and the config of the encoder's part for `build_encoder`."""
        backbone = describe_backbone(self.settings, self.backbone)
        config = {name: getattr(self.backbone.config, name) for name in USED}
        settings = {**asdict(self.settings), **backbone, "config": config}
        return {"family": "pretrained_whisper", **settings}

    def depth(self, parameter: str) -> int:
        """Layers above a parameter's own; all of them for the convolutions."""
        part, _, rest = parameter.removeprefix("backbone.").partition(".")
        if part == "layers":
            return self.settings.layers - 1 - int(rest.partition(".")[0])
        return self.settings.layers if part in ("conv1", "conv2", "embed_positions") else 0

    def forward(self, batch: Batch) -> Features:
        """50 / `pool` tokens per second; see `Encoder.forward`.

        A recording shorter than 201 samples (half a window) yields no frame and counts as absent.
        """
        assert batch.waveform is not None
        assert batch.waveform_mask is not None
        assert batch.speech_present is not None
        lengths = batch.waveform_mask.sum(dim=1) * batch.speech_present  # (B,)
        mel, mask = self.log_mel(batch.waveform, lengths.clamp(max=self.longest))
        mel = self.augment(mel, mask)  # (B, T, M)
        frames = self._convolve(mel, mask)  # (B, ceil(T / 2), D)
        mask = mask[:, ::2]
        tokens, mask = self._contextualise(frames, mask)
        tokens = torch.where(mask[:, :, None], self.dropout(tokens), 0.0)
        return Features(tokens, mask, mask.any(dim=1))

    def _convolve(self, mel: Tensor, mask: Tensor) -> Tensor:
        """Log-mel (B, T, M) → frames (B, ceil(T / 2), D) with their positions.

        What follows a recording is zero before each convolution, as in that convolution's own
        padding; a bias would make it nonzero in between.
        """
        valid = mask[:, None, :]  # (B, 1, T)
        signal = torch.where(valid, mel.transpose(1, 2), 0.0)  # (B, M, T)
        signal = torch.where(valid, F.gelu(self.backbone.conv1(signal)), 0.0)  # (B, D, T)
        frames = F.gelu(self.backbone.conv2(signal)).transpose(1, 2)  # (B, ceil(T / 2), D)
        positions: Tensor = self.backbone.embed_positions.weight[: frames.shape[1]]
        return frames + positions

    def _contextualise(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (B, T, D) → tokens (B, ceil(T / pool), D): the last layer's, or a mix of several.

        Returns:
            The tokens and their mask.
        """
        outputs, keys = [frames], attention_keys(mask)
        for number in range(self.settings.layers + 1):
            if number > 0:
                hidden = self.backbone.layers[number - 1](outputs[-1], keys)
                # transformers 5.0 returns attention weights, too.
                outputs.append(hidden[0] if isinstance(hidden, tuple) else hidden)
            if number == self.settings.pool_after:
                outputs[-1], mask = averaged(outputs[-1], mask, self.settings.pool)
                keys = attention_keys(mask)
        if self.settings.final_norm:
            outputs[-1] = self.backbone.layer_norm(outputs[-1])
        tokens = self._mix(outputs[-1:] if self.mix is None else outputs[self.first_mixed :])
        if self.settings.pool_after is None:
            tokens, mask = averaged(tokens, mask, self.settings.pool)
        return tokens, mask

    def _mix(self, outputs: list[Tensor]) -> Tensor:
        """One sequence (B, T, D) of those of one or several layers."""
        if self.settings.normalize:
            outputs = [F.layer_norm(output, (self.width,)) for output in outputs]
        if self.mix is None:
            return outputs[0]
        shares = torch.softmax(self.mix.float(), dim=0)
        return torch.stack(
            [share * output for share, output in zip(shares, outputs, strict=True)]
        ).sum(0)

    def _frozen(self) -> Iterator[nn.Module]:
        """The lowest parts; below the first weight that learns, autograd records nothing."""
        count = self.settings.frozen_layers
        if count >= 0:
            yield from (self.backbone.conv1, self.backbone.conv2)
            yield from self.backbone.layers[:count]


def attention_keys(mask: Tensor) -> Tensor | None:
    """Boolean mask (B, 1, 1, T); None if all steps are valid, where attention is faster."""
    return None if bool(mask.all()) else attendable(mask)[:, None, None, :]


def load_encoder_part(settings: PretrainedWhisperConfig) -> Any:
    """transformers' `WhisperEncoder` of `settings.layers` layers in float32, no longer than needed.

    Args:
        settings: `layers` and `final_norm` resolved.

    Raises:
        OSError: `source` does not exist or has no safetensors.
        ValueError: `source` lacks some of the encoder's weights.
    """
    config = load_config(settings, FAMILIES)
    config.encoder_layers = settings.layers
    positions = -(-int(settings.max_seconds * SAMPLE_RATE) // (2 * HOP))  # ceil
    positions = min(positions, config.max_source_positions)
    if settings.config is not None:
        config.max_source_positions = positions
        backbone = WhisperEncoder(config)
    else:
        backbone = _load(settings, config)
        config = backbone.config
        config.max_source_positions = positions
        weight = backbone.embed_positions.weight[:positions].detach().clone()
        backbone.embed_positions.weight = nn.Parameter(weight)
    if not settings.final_norm:
        backbone.layer_norm = nn.Identity()
    return backbone


def _load(settings: PretrainedWhisperConfig, config: Any) -> Any:
    """The encoder of a checkpoint that may hold a whole model; what is not used is not read."""
    backbone, report = _EncoderOnly.from_pretrained(
        settings.source,
        revision=settings.revision,
        config=config,
        key_mapping={r"^(model\.)?encoder\.": ""},
        output_loading_info=True,
        **LOADING,
    )
    if missing := sorted(report["missing_keys"]):
        raise ValueError(f"{settings.source!r} has no weights for {', '.join(missing)}.")
    return backbone


class _EncoderOnly(WhisperEncoder):  # type: ignore[misc]
    """Loads without a warning about a checkpoint's decoder and later layers."""

    _keys_to_ignore_on_load_unexpected: ClassVar = list(NOT_LOADED)


def _resolve(settings: PretrainedWhisperConfig) -> PretrainedWhisperConfig:
    """`layers` and `final_norm` as numbers, checked against the backbone's."""
    available = int(load_config(settings, FAMILIES).encoder_layers)
    layers = settings.layers or available
    if not 1 <= layers <= available:
        raise ValueError(f"layers = {layers}: the model has {available}.")
    if not -1 <= settings.frozen_layers <= layers:
        raise ValueError(
            f"frozen_layers = {settings.frozen_layers}: must be -1 (nothing is frozen) to {layers}."
        )
    highest = max(0, settings.frozen_layers) if settings.mix else layers
    if settings.pool_after is not None and not 0 <= settings.pool_after <= highest:
        raise ValueError(
            f"pool_after = {settings.pool_after}: must be 0 to {highest}"
            + (", the first output of the mix." if settings.mix else ".")
        )
    norm = settings.final_norm
    return replace(
        settings, layers=layers, final_norm=layers == available if norm is None else norm
    )
