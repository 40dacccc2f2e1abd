"""Token alignment: self-attention within, then cross-attention between speech and text.

MGCMA (arXiv 2412.20821) matches speech and text locally by self- and cross-attention; the depth and
order of the blocks are our reconstruction, the smallest that agrees with the paper.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from mer_core.layers.attention import MaskedAttention


@dataclass(frozen=True)
class Streams:
    """Speech and text tokens before and after fusion.

    Attributes:
        speech: (B, Ts, D), the classifier's input.
        text: (B, Tt, D), the classifier's input.
        speech_prefusion: (B, Ts, D), computed without the text.
        text_prefusion: (B, Tt, D), computed without the speech.
    """

    speech: Tensor
    text: Tensor
    speech_prefusion: Tensor
    text_prefusion: Tensor


@dataclass(frozen=True)
class AlignedTokens(Streams):
    """Streams with the attention weights of the last cross-attention block.

    Attributes:
        speech_to_text: (B, Ts, Tt), each row of a speech token sums to 1 over valid text tokens.
        text_to_speech: (B, Tt, Ts), each row of a text token sums to 1 over valid speech tokens.
    """

    speech_to_text: Tensor
    text_to_speech: Tensor


class TokenAlignment(nn.Module):
    """Self-attention blocks per modality, then cross-attention blocks in both directions.

    Every cross-attention block attends to the other modality's stream before fusion, so its weights
    concern that modality alone.

    Args:
        width: D of both modalities.
        heads: Number of attention heads.
        self_layers: Self-attention blocks per modality, 0 or more.
        cross_layers: Cross-attention blocks per direction, 1 or more.
        dropout: Of attention and feed-forward.
        feed_forward: Width of the feed-forward layers as a multiple of D.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        self_layers: int = 1,
        cross_layers: int = 1,
        dropout: float = 0.1,
        feed_forward: float = 4.0,
    ) -> None:
        super().__init__()
        if self_layers < 0 or cross_layers < 1:
            raise ValueError(
                "Token alignment needs 0 or more self_layers and 1 or more cross_layers, "
                f"but has {self_layers} and {cross_layers}."
            )

        def blocks(count: int) -> nn.ModuleList:
            return nn.ModuleList(
                MaskedAttention(width, heads, feed_forward=feed_forward, dropout=dropout)
                for _ in range(count)
            )

        self.speech_self = blocks(self_layers)
        self.text_self = blocks(self_layers)
        self.speech_cross = blocks(cross_layers)
        self.text_cross = blocks(cross_layers)

    def forward(
        self, speech: Tensor, speech_mask: Tensor, text: Tensor, text_mask: Tensor
    ) -> AlignedTokens:
        """`speech` (B, Ts, D) and `text` (B, Tt, D) with their masks (B, T)."""
        for block in _attention(self.speech_self):
            speech, _ = block(speech, speech, speech_mask)
        for block in _attention(self.text_self):
            text, _ = block(text, text, text_mask)
        speech_prefusion, text_prefusion = speech, text
        for block in _attention(self.speech_cross):
            speech, speech_to_text = block(speech, text_prefusion, text_mask)
        for block in _attention(self.text_cross):
            text, text_to_speech = block(text, speech_prefusion, speech_mask)
        return AlignedTokens(
            speech, text, speech_prefusion, text_prefusion, speech_to_text, text_to_speech
        )


def _attention(blocks: nn.ModuleList) -> Iterable[MaskedAttention]:
    return cast("Iterable[MaskedAttention]", blocks)
