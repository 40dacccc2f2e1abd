"""The one contract between a paper and the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mer_core.types import Batch, Output


class Framework(nn.Module, ABC):
    """One paper, in order: encoders are injected, leaves are configured.

    Attributes:
        labels: The C classes of the logits, in order.
    """

    labels: tuple[str, ...]

    @abstractmethod
    def forward(self, batch: Batch) -> Output:
        """Training, evaluation and serving; never sees a label."""

    @abstractmethod
    def architecture(self) -> dict[str, Any]:
        """Everything but the weights that `build_framework` needs to make this again."""

    @abstractmethod
    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        """Named, unweighted scalar terms; `labels` (B,) class indices. Training only."""


def total_loss(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Σ weight · term; a term without a weight counts once, weight 0 is an ablation.

    Raises:
        ValueError: A weight names no term.
    """
    unknown = set(weights) - set(losses)
    if unknown:
        raise ValueError(f"No loss named {', '.join(sorted(unknown))}; there are {list(losses)}.")
    terms = [
        weights.get(name, 1.0) * term for name, term in losses.items() if weights.get(name, 1.0)
    ]
    return torch.stack(terms).sum()
