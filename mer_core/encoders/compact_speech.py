"""Our compact speech encoder: log-mel → residual convolutions over time and frequency → tokens.

Meant to be trained from scratch on a few hours of speech. One input channel is normalised with the
corpora's constants, which keeps loudness: a shout stays louder than a whisper. The other one is
normalised within the recording, so that the microphone matters less. Residual blocks shorten time
eightfold, to 12.5 tokens per second.

Every convolution reads zeros after the end of a recording, exactly as from its own padding, so
padding a batch changes nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.encoders.base import Encoder
from mer_core.encoders.spec_augment import SpecAugment
from mer_core.layers.attention import MaskedAttention
from mer_core.layers.residual import SEBlock, check_channels
from mer_core.torchaudio_compat import torchaudio
from mer_core.types import SAMPLE_RATE, Batch, Features

HOP = 160  # samples: 10 ms
WINDOW = 400  # samples: 25 ms
FLOOR = 1e-6  # power below which the log-mel is flat: about -60 dB of a full-scale tone
LOG_MEAN, LOG_STD = -5.5, 4.0  # of log-mel over the training corpora, rounded


@dataclass(frozen=True)
class CompactSpeechConfig:
    """Shape of the encoder; the defaults are the shipped one's.

    Attributes:
        mels: Mel bands.
        channels: Width of each residual stage, at least 16; time is halved by the first three,
            frequency by all.
        blocks: Residual blocks per stage.
        width: D of the tokens.
        attention_layers: Self-attention blocks over the tokens.
        dropout: Of the tokens.
        frequency_mask: Widest SpecAugment band, in mels (training only).
        time_mask: Longest SpecAugment stretch, in 10 ms frames (training only).
        frequency_shift: Furthest shift of the spectrum up or down, in mels (training only).
    """

    mels: int = 80
    channels: tuple[int, ...] = (24, 48, 80, 128)
    blocks: int = 2
    width: int = 192
    attention_layers: int = 0
    dropout: float = 0.1
    frequency_mask: int = 12
    time_mask: int = 25
    frequency_shift: int = 4

    def __post_init__(self) -> None:
        check_channels("channels", *self.channels)


class CompactSpeechEncoder(Encoder):
    """`waveform` (B, S) → tokens (B, ceil(frames / 8), width)."""

    modality = "speech"

    def __init__(self, config: CompactSpeechConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CompactSpeechConfig()
        self.width = config.width
        self.log_mel = LogMel(config.mels)
        self.augment = SpecAugment(config.frequency_mask, config.time_mask, config.frequency_shift)
        self.stem = nn.Conv2d(2, config.channels[0], 5, stride=2, padding=2, bias=False)
        self.stem_norm = nn.BatchNorm2d(config.channels[0])
        self.blocks = nn.ModuleList()
        previous, time_stride = config.channels[0], (1, 2, 2, 1)
        for stage, channels in enumerate(config.channels):
            for block in range(config.blocks):
                first = block == 0
                stride = (time_stride[stage], 2 if stage else 1) if first else (1, 1)
                self.blocks.append(SEBlock(previous, channels, stride))
                previous = channels
        bands = -(-config.mels // 2)
        for _ in config.channels[1:]:
            bands = -(-bands // 2)
        self.project = nn.Linear(previous * bands, config.width)
        self.project_norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.attention = nn.ModuleList(
            MaskedAttention(config.width, 4, feed_forward=2.0, dropout=config.dropout)
            for _ in range(config.attention_layers)
        )

    def architecture(self) -> dict[str, Any]:
        """Family and shape for `build_encoder`."""
        return {"family": "compact_speech", **asdict(self.config)}

    def forward(self, batch: Batch) -> Features:
        """12.5 tokens per second; see `Encoder.forward`."""
        assert batch.waveform is not None
        assert batch.waveform_mask is not None
        assert batch.speech_present is not None
        mel, mask = self.log_mel(batch.waveform, batch.waveform_mask)  # (B, T, M), (B, T)
        mel = self.augment(mel, mask)
        image = two_views(mel, mask)  # (B, 2, T, M)
        image = image.contiguous(memory_format=torch.channels_last)
        image = F.relu(self.stem_norm(self.stem(image)))
        mask = mask[:, ::2]
        for block in self.blocks:
            assert isinstance(block, SEBlock)
            image = block(image, mask)
            mask = mask[:, :: block.stride[0]]
        tokens = image.permute(0, 2, 1, 3).flatten(2)  # (B, T/8, C * bands)
        tokens = self.dropout(F.gelu(self.project_norm(self.project(tokens))))  # (B, T/8, D)
        for layer in self.attention:
            tokens, _ = layer(tokens, tokens, mask)
        tokens = tokens * mask[:, :, None].to(tokens.dtype)
        return Features(tokens, mask, batch.speech_present)


class LogMel(nn.Module):
    """`waveform` (B, S) → natural-log mel power (B, T, M) with its frame mask (B, T)."""

    def __init__(self, mels: int) -> None:
        super().__init__()
        self.mel = torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE,
            n_fft=512,
            win_length=WINDOW,
            hop_length=HOP,
            f_min=40.0,
            n_mels=mels,
            # Zeros follow a recording whether or not a batch pads it; with reflection, the last
            # frames would depend on the padding.
            pad_mode="constant",
        )

    def forward(self, waveform: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """One frame every 10 ms that starts within the recording."""
        waveform = torch.where(mask, waveform, 0.0)  # the last windows extend into the padding
        with torch.autocast(waveform.device.type, enabled=False):
            power = self.mel(waveform.float())  # (B, M, T)
        frames = -(-mask.sum(dim=1) // HOP)  # (B,) ceil
        steps = max(1, int(frames.max()))
        log_mel = power[:, :, :steps].transpose(1, 2).clamp(min=FLOOR).log()  # (B, T, M)
        frame_mask = torch.arange(steps, device=mask.device) < frames[:, None]  # (B, T)
        return log_mel, frame_mask


def two_views(mel: Tensor, mask: Tensor) -> Tensor:
    """Log-mel (B, T, M) → (B, 2, T, M): normalised by constants, and within each recording.

    Zero where `mask` (B, T) is False.
    """
    valid = mask[:, :, None].to(mel.dtype)  # (B, T, 1)
    count = valid.sum(dim=(1, 2), keepdim=True).clamp(min=1.0) * mel.shape[2]
    mean = (mel * valid).sum(dim=(1, 2), keepdim=True) / count
    variance = ((mel - mean).square() * valid).sum(dim=(1, 2), keepdim=True) / count
    own = (mel - mean) / (variance + 1e-2).sqrt()
    loud = (mel - LOG_MEAN) / LOG_STD
    return torch.stack([loud * valid, own * valid], dim=1)
