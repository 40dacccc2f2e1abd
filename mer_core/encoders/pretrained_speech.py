"""wav2vec 2.0, HuBERT and WavLM from transformers, with correct frame masks.

arXiv 2006.11477, 2106.07447 and 2110.13900. A convolutional front-end computes one frame from 400
samples every 320 samples (20 ms); a transformer follows.

Padding never changes a frame. The first layer of the base models' front-end ends in a group norm
over the whole time axis, so its statistics differ between a padded batch and the recording alone.
Here, for all models, the front-end reads each recording alone and unpadded, the frames are padded
afterwards, and the transformer gets the frame mask. Every recording thus gets the tokens that the
bare model computes for it alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mer_core.data.collate import pad
from mer_core.encoders.base import Encoder
from mer_core.encoders.pretrained import (
    BackboneConfig,
    checkpoint_backbone,
    describe_backbone,
    load_backbone,
)
from mer_core.layers.attention import attendable
from mer_core.types import SAMPLE_RATE, Batch, Features

from transformers import AutoFeatureExtractor  # isort: skip  (after torchaudio_compat)

FAMILIES = ("wav2vec2", "hubert", "wavlm")
VARIANCE_FLOOR = 1e-7  # of the input normalisation, as in transformers' feature extractor


@dataclass(frozen=True)
class PretrainedSpeechConfig(BackboneConfig):
    """Which backbone, and how it is used.

    Attributes:
        do_normalize: Normalise each recording to zero mean and unit variance; None follows the
            backbone's `preprocessor_config.json`.
        freeze_frontend: Leave the convolutions as pretrained.
        max_seconds: Later sound is not read; memory grows with the square of it.
    """

    do_normalize: bool | None = None
    freeze_frontend: bool = True
    max_seconds: float = 12.0


class PretrainedSpeechEncoder(Encoder):
    """`waveform` (B, S) → the last layer's frames (B, T, width), 50 a second."""

    modality = "speech"

    def __init__(self, settings: PretrainedSpeechConfig) -> None:
        super().__init__()
        self.settings = settings
        self.backbone = load_backbone(settings, FAMILIES)
        config = self.backbone.config
        if getattr(config, "add_adapter", False):
            raise ValueError(
                "Backbones with a convolutional adapter on top (add_adapter) are not supported: "
                "its strides would need another frame mask."
            )
        self.width = int(config.hidden_size)
        self.receptive_field = receptive_field(config.conv_kernel, config.conv_stride)
        self.do_normalize = _normalises(settings)
        # A batch norm before the positional convolution (mHuBERT) makes padded zeros nonzero, which
        # would leak into the last frames, so such models read one recording at a time.
        self.one_by_one = bool(getattr(config, "conv_pos_batch_norm", False))
        if settings.freeze_frontend:
            self.backbone.feature_extractor.requires_grad_(False)

    def train(self, mode: bool = True) -> PretrainedSpeechEncoder:
        """As `nn.Module.train`, but batch norms stay in evaluation: one recording is too few."""
        super().train(mode)
        if self.one_by_one:
            self.backbone.encoder.pos_conv_embed.batch_norm.eval()
        return self

    def architecture(self) -> dict[str, Any]:
        """Family, settings and the backbone's config for `build_encoder`."""
        backbone = describe_backbone(self.settings, self.backbone)
        settings = {**asdict(self.settings), **backbone, "do_normalize": self.do_normalize}
        return {"family": "pretrained_speech", **settings}

    def checkpoint_gradients(self) -> bool:
        """See `Encoder.checkpoint_gradients`."""
        return checkpoint_backbone(self.backbone)

    def forward(self, batch: Batch) -> Features:
        """50 frames per second; see `Encoder.forward`.

        A recording shorter than the receptive field (25 ms) yields no frame and counts as absent.
        """
        assert batch.waveform is not None
        assert batch.waveform_mask is not None
        assert batch.speech_present is not None
        longest = int(self.settings.max_seconds * SAMPLE_RATE)
        lengths = (batch.waveform_mask.sum(dim=1) * batch.speech_present).clamp(max=longest)
        rows = [
            self._frontend(row[:length])
            for row, length in zip(batch.waveform, lengths.tolist(), strict=True)
        ]
        if self.one_by_one:
            frames, mask = pad([self._contextualise(*pad([row]))[0, : len(row)] for row in rows])
        else:
            frames, mask = pad(rows)  # (B, T, C), (B, T)
            frames = self._contextualise(frames, mask)  # (B, T, D)
        mask = mask.to(frames.device)
        tokens = torch.where(mask[:, :, None], frames, 0.0)
        return Features(tokens, mask, mask.any(dim=1))

    def _frontend(self, waveform: Tensor) -> Tensor:
        """(S,) samples of one recording → (T, C) frames."""
        if len(waveform) < self.receptive_field:
            return waveform.new_zeros(0, self.backbone.config.conv_dim[-1])
        if self.do_normalize:
            waveform = waveform - waveform.mean()
            waveform = waveform / (waveform.square().mean() + VARIANCE_FLOOR).sqrt()
        # In training mode the front-end requires its input's gradient, even if it is frozen.
        learns = torch.is_grad_enabled() and not self.settings.freeze_frontend
        with torch.set_grad_enabled(learns):
            frames: Tensor = self.backbone.feature_extractor(waveform[None])  # (1, C, T)
        return frames[0].T  # (T, C)

    def _contextualise(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Front-end frames (B, T, C) → the transformer's (B, T, D)."""
        mask = mask.to(frames.device)
        hidden = self.backbone.feature_projection(frames)  # (B, T, D); a tuple except in HuBERT
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        hidden = torch.where(mask[:, :, None], self._hide_spans(hidden), 0.0)
        encoded = self.backbone.encoder(hidden, attention_mask=attendable(mask))
        tokens: Tensor = encoded.last_hidden_state
        return tokens

    def _hide_spans(self, hidden: Tensor) -> Tensor:
        """The backbone's own time masking while training (SpecAugment), drawn by torch.

        transformers draws from NumPy's global generator, which our seeds and checkpoints do not
        cover, and fails on recordings shorter than one span.
        """
        config = self.backbone.config
        masks = getattr(config, "apply_spec_augment", True) and config.mask_time_prob > 0
        if not (self.training and masks):
            return hidden
        span = config.mask_time_length
        chance = config.mask_time_prob / span  # that a span begins at a frame
        starts = torch.rand(hidden.shape[:2], device=hidden.device) < chance  # (B, T)
        hidden_spans = F.max_pool1d(F.pad(starts.float(), (span - 1, 0)), span, stride=1) > 0
        learned = self.backbone.masked_spec_embed.to(hidden.dtype)
        return torch.where(hidden_spans[:, :, None], learned, hidden)


def receptive_field(kernels: list[int], strides: list[int]) -> int:
    """Samples that the first frame of stacked convolutions needs."""
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


def _normalises(settings: PretrainedSpeechConfig) -> bool:
    """Whether the backbone expects each recording at zero mean and unit variance."""
    if settings.do_normalize is not None:
        return settings.do_normalize
    if settings.config is not None:
        raise ValueError("A config does not contain do_normalize; give it as well.")
    extractor = AutoFeatureExtractor.from_pretrained(
        settings.source, revision=settings.revision, trust_remote_code=False
    )
    if extractor.sampling_rate != SAMPLE_RATE:
        raise ValueError(
            f"{settings.source!r} needs {extractor.sampling_rate} Hz; only {SAMPLE_RATE} Hz works."
        )
    return bool(extractor.do_normalize)
