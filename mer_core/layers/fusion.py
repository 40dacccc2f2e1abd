"""Layers between the encoders and a classifier: modality inputs and cross-attention.

`ModalityInput` is part of every framework. `CrossAttentionFusion` is the fusion of Foal-Net
(arXiv 2408.09438): each modality attends to the other in a few layers and is averaged over time.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mer_core.layers.attention import attend
from mer_core.layers.pooling import masked_mean
from mer_core.types import Features


class ModalityInput(nn.Module):
    """Encoder tokens → a framework's input, with a learned stand-in for an absent modality.

    Args:
        encoder_width: D of the encoder's tokens.
        width: Of the result, projected if it differs, and normalised; None keeps the tokens as
            they are.
        dropout: Of whole channels of the encoder's tokens.
    """

    def __init__(self, encoder_width: int, width: int | None, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout1d(dropout)  # one channel over all time
        same = width is None or encoder_width == width
        self.width = encoder_width if width is None else width
        self.project = nn.Identity() if same else nn.Linear(encoder_width, self.width)
        self.norm = nn.Identity() if width is None else nn.LayerNorm(self.width)
        self.stand_in = nn.Parameter(torch.randn(self.width) * 0.02)

    def forward(self, features: Features) -> Features:
        """Tokens (B, T, width) with at least one valid step per row: its own, or the stand-in."""
        present = features.present & features.mask.any(dim=1)  # (B,)
        valid = features.mask & present[:, None]  # (B, T)
        # Padding must not reach the norm, where it could make gradients NaN.
        clean = torch.where(valid[:, :, None], features.tokens, 0.0)
        clean = self.dropout(clean.transpose(1, 2)).transpose(1, 2)
        tokens = self.norm(self.project(clean))  # (B, T, width)
        tokens = torch.where(present[:, None, None], tokens, self.stand_in.to(tokens.dtype))
        first = torch.arange(tokens.shape[1], device=tokens.device) == 0  # (T,)
        return Features(tokens, torch.where(present[:, None], valid, first), present)


class CrossAttentionLayer(nn.Module):
    """Post-norm cross-attention without feed-forward; queries and keys may differ in width.

    `y = LN(q + Dropout(W_o Attn(q; k, k)))`. A query without a valid key is only normalised.
    """

    def __init__(self, query_width: int, key_width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(
            query_width, heads, kdim=key_width, vdim=key_width, batch_first=True
        )
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(query_width)

    def forward(self, query: Tensor, key: Tensor, key_mask: Tensor) -> tuple[Tensor, Tensor]:
        """`query` (B, Tq, Dq), `key` (B, Tk, Dk) → tokens (B, Tq, Dq), weights (B, Tq, Tk)."""
        attended, weights = attend(self.attention, query, key, key_mask)
        return self.norm(query + self.dropout(attended)), weights


@dataclass(frozen=True)
class Attended:
    """One modality after it attended to the other.

    Attributes:
        pooled: (B, Dq), the mean over the valid queries.
        weights: (B, Tq, Tk) of the last layer, averaged over heads; each row sums to 1.
    """

    pooled: Tensor
    weights: Tensor


class CrossAttentionStack(nn.Module):
    """Cross-attention layers from one modality to the other, then the mean over time.

    Every layer attends to the other modality's input, so the weights concern that modality alone.
    """

    def __init__(
        self, query_width: int, key_width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"Cross-attention needs 1 or more layers, but has {layers}.")
        if heads < 1 or query_width % heads:
            raise ValueError(f"heads must divide width {query_width}, but is {heads}.")
        self.layers = nn.ModuleList(
            CrossAttentionLayer(query_width, key_width, heads, dropout) for _ in range(layers)
        )

    def forward(self, query: Features, key: Features) -> Attended:
        """`query` (B, Tq, Dq) and `key` (B, Tk, Dk), of the same utterances or of others."""
        tokens = query.tokens
        for layer in self.layers:
            tokens, weights = layer(tokens, key.tokens, key.mask)
        return Attended(masked_mean(tokens, query.mask), weights)


@dataclass(frozen=True)
class Fused:
    """Two modalities after they attended to each other.

    Attributes:
        audio: (B, Da), audio after attention to the video, averaged over time.
        video: (B, Dv), video after attention to the audio, likewise.
        audio_to_video: (B, Ta, Tv), each row of an audio token sums to 1 over valid video tokens.
        video_to_audio: (B, Tv, Ta), each row of a video token sums to 1 over valid audio tokens.
    """

    audio: Tensor
    video: Tensor
    audio_to_video: Tensor
    video_to_audio: Tensor


class CrossAttentionFusion(nn.Module):
    """Cross-attention in both directions.

    Each direction, the `CrossAttentionStack`s `audio_to_video` and `video_to_audio`, can also be
    called alone, with any partners.

    Args:
        audio_width: Da, a multiple of `heads`.
        video_width: Dv, a multiple of `heads`.
        heads: Of every attention.
        layers: Per direction, 1 or more.
        dropout: After every attention.
    """

    def __init__(
        self, audio_width: int, video_width: int, heads: int, layers: int = 2, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.audio_to_video = CrossAttentionStack(audio_width, video_width, heads, layers, dropout)
        self.video_to_audio = CrossAttentionStack(video_width, audio_width, heads, layers, dropout)

    def forward(self, audio: Features, video: Features) -> Fused:
        """Tokens (B, Ta, Da) and (B, Tv, Dv) with their masks."""
        of_audio: Attended = self.audio_to_video(audio, video)
        of_video: Attended = self.video_to_audio(video, audio)
        return Fused(of_audio.pooled, of_video.pooled, of_audio.weights, of_video.weights)
