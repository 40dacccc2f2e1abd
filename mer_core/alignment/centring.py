"""Centred embeddings: each modality's mean is subtracted before lengths become 1.

Ours, in neither paper. Two encoders' embeddings lie in two narrow cones (Liang et al. 2022, arXiv
2203.02053), and the distance between the cones' means is the modality gap. Subtracting the means
closes that part of it, whatever the loss.

As in a batch norm, the losses subtract the means of the batch, with gradient, so that moving a
whole cloud neither lowers nor raises them; evaluation and serving subtract running means of the
training batches, which no test data and no label enters. The running means are kept with the
weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MOMENTUM = 0.05  # of the running means: over about 20 batches


class Centring(nn.Module):
    """Vectors (B, D) of a modality → minus that modality's mean, of length 1.

    Args:
        widths: D of each modality by its name.
    """

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        for name, width in widths.items():
            self.register_buffer(f"{name}_mean", torch.zeros(width))

    def forward(self, modality: str, vectors: Tensor) -> Tensor:
        """(B, D) → (B, D), by the running mean."""
        return F.normalize(vectors - self.get_buffer(f"{modality}_mean"), dim=1)

    def of_batch(self, modality: str, vectors: Tensor, counted: Tensor) -> Tensor:
        """(B, D) → (B, D), by the batch's own mean, towards which the running one moves.

        For the losses, in training only: they see the rows of all processes, `forward` does not.

        Args:
            modality: Whose mean it is.
            vectors: (B, D).
            counted: (B,) bool, the rows that make up the mean. Where there are fewer than two, the
                running mean is subtracted instead, and stays.
        """
        running, count = self.get_buffer(f"{modality}_mean"), counted.sum()
        mean = torch.where(counted[:, None], vectors, 0.0).sum(dim=0) / count.clamp(min=1)  # (D,)
        mean = torch.where(count > 1, mean, running)
        running.lerp_(mean.detach().to(running.dtype), MOMENTUM)
        return F.normalize(vectors - mean, dim=1)
