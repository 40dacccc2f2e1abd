"""Whisper's encoder from transformers, whole or its first layers, without padding to 30 seconds.

arXiv 2212.04356. Two convolutions turn a log-mel spectrum into 50 frames a second, fixed sinusoids
mark their positions, and pre-norm transformer layers follow. The decoder is never built.

Whisper itself pads every recording to 30 seconds and has no mask. Here a recording has as many
frames as it is long, and padding a batch changes none of them: each recording's spectrum is its own
(`whisper_mel`), both convolutions read zeros behind its end, and attention gets the frame mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.encoders.base import Encoder
from mer_core.encoders.pretrained import checkpoint_backbone, describe_backbone
from mer_core.encoders.spec_augment import SpecAugment
from mer_core.encoders.whisper_backbone import (
    USED,
    PretrainedWhisperConfig,
    load_encoder_part,
    resolve,
)
from mer_core.encoders.whisper_mel import HOP, WhisperMel
from mer_core.layers.attention import attendable
from mer_core.layers.pooling import averaged
from mer_core.types import SAMPLE_RATE, Batch, Features

# Settings on which the frozen part depends.
BELOW = (
    "frozen_layers", "pool", "pool_after", "max_seconds",
    "frequency_mask", "time_mask", "frequency_shift",
)  # fmt: skip


class PretrainedWhisperEncoder(Encoder):
    """`waveform` (B, S) → tokens (B, ceil(frames / pool), D) of 50 frames a second."""

    modality = "speech"

    def __init__(self, settings: PretrainedWhisperConfig) -> None:
        super().__init__()
        self.settings = settings = resolve(settings)
        self.backbone = load_encoder_part(settings)
        config = self.backbone.config
        self.width = settings.join or int(config.d_model)
        self.longest = min(  # samples
            int(settings.max_seconds * SAMPLE_RATE), 2 * HOP * config.max_source_positions
        )
        self.log_mel = WhisperMel(config.num_mel_bins)
        self.augment = SpecAugment(
            settings.frequency_mask, settings.time_mask, settings.frequency_shift
        )
        self.dropout = nn.Dropout(settings.dropout)
        count = settings.layers + 1 - settings.lowest
        self.mix = nn.Parameter(torch.zeros(count)) if settings.mix else None  # before softmax
        self.join = nn.Linear(count * config.d_model, settings.join) if settings.join else None
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

    def frozen_part(self) -> Encoder | None:
        """The convolutions and the frozen layers; None if they learn."""
        return None if self.settings.frozen_layers < 0 else FrozenLayers(self)

    def checkpoint_gradients(self) -> bool:
        """See `Encoder.checkpoint_gradients`."""
        return checkpoint_backbone(self.backbone)

    def forward(self, batch: Batch) -> Features:
        """50 / `pool` tokens per second; see `Encoder.forward`.

        A recording shorter than 201 samples (half a window) yields no frame and counts as absent.
        """
        lower = batch.cached.get(self.modality) or self.lower(batch)
        settings, mask = self.settings, lower.mask
        outputs = list(torch.split(lower.tokens, int(self.backbone.config.d_model), dim=2))
        outputs, mask = self._through(outputs, mask, settings.split + 1, settings.layers)
        if settings.final_norm:
            outputs[-1] = self.backbone.layer_norm(outputs[-1])
        tokens = self._combined(outputs[-(settings.layers + 1 - settings.lowest) :])
        if settings.pool_after is None:
            tokens, mask = averaged(tokens, mask, settings.pool)
        tokens = torch.where(mask[:, :, None], self.dropout(tokens), 0.0)
        return Features(tokens, mask, mask.any(dim=1))

    def lower(self, batch: Batch) -> Features:
        """Tokens (B, T, K D): outputs of the convolutions and the frozen layers, side by side.

        The last one is that of the last frozen layer; before it are those that are combined.
        """
        assert batch.waveform is not None
        assert batch.waveform_mask is not None
        assert batch.speech_present is not None
        lengths = batch.waveform_mask.sum(dim=1) * batch.speech_present  # (B,)
        mel, mask = self.log_mel(batch.waveform, lengths.clamp(max=self.longest))
        mel = self.augment(mel, mask)  # (B, T, M)
        frames = self._convolve(mel, mask)  # (B, ceil(T / 2), D)
        outputs, mask = self._through([frames], mask[:, ::2], 0, self.settings.split)
        kept = outputs[min(self.settings.lowest, self.settings.split) :]
        return Features(torch.cat(kept, dim=2), mask, mask.any(dim=1))

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

    def _through(
        self, outputs: Sequence[Tensor], mask: Tensor, first: int, last: int
    ) -> tuple[list[Tensor], Tensor]:
        """`outputs` (B, T, D) and those of layers `first` to `last`, 0 being the convolutions'.

        Returns:
            The outputs and their mask (B, T), averaged where `pool_after` says so.
        """
        outputs, keys = list(outputs), attention_keys(mask)
        for number in range(first, last + 1):
            if number > 0:
                hidden = self.backbone.layers[number - 1](outputs[-1], keys)
                # transformers 5.0 returns attention weights, too.
                outputs.append(hidden[0] if isinstance(hidden, tuple) else hidden)
            if number == self.settings.pool_after:
                pooled = [averaged(output, mask, self.settings.pool) for output in outputs]
                outputs, mask = [tokens for tokens, _ in pooled], pooled[0][1]
                keys = attention_keys(mask)
        return outputs, mask

    def _combined(self, outputs: list[Tensor]) -> Tensor:
        """One sequence (B, T, D) of those of one or several layers."""
        if self.settings.normalize:
            outputs = [F.layer_norm(output, output.shape[-1:]) for output in outputs]
        if self.join is not None:
            return self.join(self.dropout(torch.cat(outputs, dim=2)))
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


class FrozenLayers(Encoder):
    """What of an encoder never learns: `PretrainedWhisperEncoder.lower`, with its augmentation."""

    modality = "speech"

    def __init__(self, whole: PretrainedWhisperEncoder) -> None:
        super().__init__()
        settings = whole.settings
        self.width = (settings.split + 1 - min(settings.lowest, settings.split)) * int(
            whole.backbone.config.d_model
        )
        self.parts = nn.ModuleList([whole.log_mel, whole.augment, *whole._frozen()])
        self._whole = [whole]  # in a list: its other weights are no part of this module

    def forward(self, batch: Batch) -> Features:
        """See `PretrainedWhisperEncoder.lower`."""
        return self._whole[0].lower(batch)

    def architecture(self) -> dict[str, Any]:
        """The settings on which the result depends; it identifies caches and builds nothing."""
        settings = asdict(self._whole[0].settings)
        return {"width": self.width, **{name: settings[name] for name in BELOW}}


def attention_keys(mask: Tensor) -> Tensor | None:
    """Boolean mask (B, 1, 1, T); None if all steps are valid, where attention is faster."""
    return None if bool(mask.all()) else attendable(mask)[:, None, None, :]
