"""Masked attention; the only module that inverts a mask.

Everywhere else masks are `*_mask` with True = valid; `torch` uses `key_padding_mask` with True =
ignore.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def normed_mlp(width: int, feed_forward: float, dropout: float) -> nn.Sequential:
    """LN → Linear → GELU → Linear; the hidden layer is `feed_forward` times as wide."""
    hidden = int(width * feed_forward)
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, hidden),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, width),
        nn.Dropout(dropout),
    )


def attendable(mask: Tensor) -> Tensor:
    """`mask` (B, T), but all True in a row without a valid key.

    A softmax over no key is NaN, so such a row attends to every key; `zero_without_keys`, or the
    mask itself, then zeroes its result.
    """
    return mask | ~mask.any(dim=1, keepdim=True)


def zero_without_keys(attended: Tensor, mask: Tensor) -> Tensor:
    """`attended` (B, Tq, D), with zeros in the rows where `mask` (B, Tk) has no valid key."""
    return torch.where(mask.any(dim=1)[:, None, None], attended, 0.0)


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax of `scores` (B, T) over the valid steps of `mask` (B, T), 0 elsewhere."""
    scores = torch.where(mask, scores, torch.finfo(scores.dtype).min)
    return torch.softmax(scores, dim=1) * mask


def attend(
    attention: nn.MultiheadAttention, query: Tensor, key: Tensor, key_mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Multi-head attention over the valid keys, which are also the values.

    Args:
        attention: Batch first; its `kdim` and `vdim` are the width of `key`.
        query: (B, Tq, Dq).
        key: (B, Tk, Dk).
        key_mask: (B, Tk) bool, True = valid.

    Returns:
        attended (B, Tq, Dq) and weights (B, Tq, Tk), averaged over heads; the weights of a query
        sum to 1 over valid keys. Where no key is valid, both are 0.
    """
    attended, weights = attention(
        query, key, key, key_padding_mask=~attendable(key_mask), average_attn_weights=True
    )  # (B, Tq, Dq), (B, Tq, Tk)
    return zero_without_keys(attended, key_mask), zero_without_keys(weights, key_mask)


class MaskedAttention(nn.Module):
    """Multi-head attention from queries to keys, with residual; pre-LN and feed-forward optional.

    `y = q + Attn(LN(q), LN(k))`, then `y + FFN(LN(y))` where `feed_forward` > 0 (a multiple of
    the width). A query without a valid key keeps its value, so absent modalities give no NaN.
    """

    def __init__(
        self, width: int, heads: int, *, feed_forward: float = 4.0, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(width)
        self.key_norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.feed_forward = normed_mlp(width, feed_forward, dropout) if feed_forward else None

    def forward(self, query: Tensor, key: Tensor, key_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Attend from `query` (B, Tq, D) to `key` (B, Tk, D) where `key_mask` (B, Tk) is True.

        Returns:
            tokens (B, Tq, D) and weights (B, Tq, Tk), averaged over heads; the weights of a row
            sum to 1 over valid keys, or are all 0 where no key is valid.
        """
        normed = self.query_norm(query)
        keys = normed if key is query else self.key_norm(key)
        attended, weights = attend(self.attention, normed, keys, key_mask)
        tokens = query + self.dropout(attended)
        if self.feed_forward is not None:
            tokens = tokens + self.feed_forward(tokens)
        return tokens, weights
