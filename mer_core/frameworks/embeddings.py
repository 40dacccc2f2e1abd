"""Embeddings of length 1, and what is ours about them in both frameworks: centring, joint contrast.

Both are off unless set; then this only normalises, and a framework is its paper's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.alignment.centring import Centring
from mer_core.alignment.contrastive import joint_contrast
from mer_core.frameworks.base import alignable
from mer_core.types import Output


@dataclass(frozen=True)
class Extensions:
    """Settings that neither paper has, the same in both frameworks.

    Attributes:
        joint: Whether the embeddings of all modalities are contrasted as one set, by label.
        joint_temperature: Of that contrast's cosines; SupCon's 0.1. Softer brings the clouds
            closer.
        centred: Whether each modality's mean is subtracted before lengths become 1.
    """

    joint: bool = False
    joint_temperature: float = 0.1
    centred: bool = False

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if self.joint_temperature <= 0:
            raise ValueError("joint_temperature must be above 0.")


class Embeddings(nn.Module):
    """Vectors of each modality → features of an output, and the loss `joint` over them.

    Args:
        widths: D of each modality by its name.
        config: What is switched on.
    """

    def __init__(self, widths: Mapping[str, int], config: Extensions) -> None:
        super().__init__()
        self.modalities, self.config = tuple(widths), config
        self.centring = Centring(widths) if config.centred else None

    def forward(self, modality: str, vectors: Tensor) -> dict[str, Tensor]:
        """`<modality>_embedding` (B, D) and, if centred, `<modality>_uncentred`, its origin."""
        vectors = vectors.float()
        if self.centring is None:
            return {f"{modality}_embedding": F.normalize(vectors, dim=1)}
        return {
            f"{modality}_embedding": self.centring(modality, vectors),
            f"{modality}_uncentred": vectors,
        }

    def of_batch(self, output: Output) -> Output:
        """What the losses compare: in training, embeddings centred by the means of the batch.

        The means are of the rows that take part in alignment. With pairs by label, both modalities'
        then have the same share of each label.
        """
        if self.centring is None or not self.training:
            return output
        features = dict(output.features)
        for modality in self.modalities:
            features[f"{modality}_embedding"] = self.centring.of_batch(
                modality, features[f"{modality}_uncentred"], alignable(output, modality)
            )
        return replace(output, features=features)

    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        """`joint`, a float32 scalar, if it is on; an item whose partner is absent takes part."""
        if not self.config.joint:
            return {}
        embeddings = [output.features[f"{modality}_embedding"] for modality in self.modalities]
        present = [alignable(output, modality) for modality in self.modalities]
        with torch.autocast(labels.device.type, enabled=False):
            loss = joint_contrast(embeddings, present, labels, self.config.joint_temperature)
        return {"joint": loss}
