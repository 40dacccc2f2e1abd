"""Pooling over the valid time steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.layers.attention import masked_softmax


def masked_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Mean of `tokens` (B, T, D) over the steps where `mask` (B, T) is True; (B, D).

    A row without a valid step gives zeros.
    """
    weights = mask.to(tokens.dtype)[:, :, None]  # (B, T, 1)
    return (tokens * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)


def averaged(tokens: Tensor, mask: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Means of every `steps` neighbours of `tokens` (B, T, D) over what `mask` (B, T) has valid.

    Returns:
        (B, ceil(T / steps), D), zero where the mask (B, ceil(T / steps)) has no valid step.
    """
    if steps == 1:
        return tokens, mask
    batch, length, width = tokens.shape
    missing = -length % steps
    groups = F.pad(tokens, (0, 0, 0, missing)).reshape(-1, steps, width)  # (B T', steps, D)
    valid = F.pad(mask, (0, missing)).reshape(-1, steps)  # (B T', steps)
    means = masked_mean(groups, valid).reshape(batch, -1, width)  # (B, T', D)
    return means, valid.any(dim=1).reshape(batch, -1)


class AttentiveStatistics(nn.Module):
    """Attention-weighted mean and standard deviation over time (Okabe et al., arXiv 1803.10963)."""

    def __init__(self, width: int, hidden: int = 64) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """`tokens` (B, T, D), `mask` (B, T) → (B, 2 D); zeros for a row without a valid step."""
        scores = self.score(tokens)[:, :, 0].float()  # (B, T)
        return _statistics(tokens, masked_softmax(scores, mask))


class Statistics(nn.Module):
    """Mean and standard deviation over time, every valid step counting alike."""

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """`tokens` (B, T, D), `mask` (B, T) → (B, 2 D); zeros for a row without a valid step."""
        weights = mask.float()
        return _statistics(tokens, weights / weights.sum(dim=1, keepdim=True).clamp(min=1.0))


def _statistics(tokens: Tensor, weights: Tensor) -> Tensor:
    """Mean and standard deviation (B, 2 D) of `tokens` (B, T, D) under `weights` (B, T)."""
    tokens, weights = tokens.float(), weights[:, :, None]
    mean = (tokens * weights).sum(dim=1)  # (B, D)
    variance = ((tokens - mean[:, None]).square() * weights).sum(dim=1)  # (B, D)
    return torch.cat([mean, (variance + 1e-4).sqrt()], dim=1)  # (B, 2 D)
