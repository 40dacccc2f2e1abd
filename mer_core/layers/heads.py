"""Foal-Net's heads on pooled tokens (arXiv 2408.09438): projection and matching."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def match_head(width: int, hidden: int) -> nn.Module:
    """(B, width) → (B, 2) of different and same; linear where `hidden` is 0."""
    if not hidden:
        return nn.Linear(width, 2)
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, 2))


class Projection(nn.Module):
    """e1 = W1 x; e2 = Dropout(W2 GELU(e1)); LN(e1 + e2). Neither layer has a bias."""

    def __init__(self, width: int, projection_width: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(width, projection_width, bias=False)
        self.second = nn.Linear(projection_width, projection_width, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(projection_width)

    def forward(self, pooled: Tensor) -> Tensor:
        """(B, width) → (B, projection_width)."""
        first = self.first(pooled)
        second = self.dropout(self.second(F.gelu(first)))
        return self.norm(first + second)
