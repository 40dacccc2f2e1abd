"""Several encoders of one modality side by side, their tokens joined.

Two small encoders trained from other seeds err on other clips; what stands on both hears a
committee. Cheaper than one encoder of twice the width, and each can be trained on its own core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from mer_core.encoders.base import Encoder
from mer_core.types import Batch, Features


class ParallelEncoder(Encoder):
    """Tokens (B, T, sum of the members' widths); members must agree on T.

    Raises:
        ValueError: No member, or members of several modalities.
    """

    def __init__(self, members: Sequence[Encoder]) -> None:
        super().__init__()
        if len({member.modality for member in members}) != 1:
            raise ValueError("Encoders side by side must be of one modality.")
        self.members = nn.ModuleList(members)
        self.modality = members[0].modality
        self.width = sum(member.width for member in members)

    def forward(self, batch: Batch) -> Features:
        """The members' tokens, joined along the width."""
        found = [member(batch) for member in self.members]
        tokens = torch.cat([features.tokens for features in found], dim=2)  # (B, T, ΣD)
        return Features(tokens, found[0].mask, found[0].present)

    def classify(self, features: Features, labels: tuple[str, ...]) -> Tensor | None:
        """Mean of the members' log-probabilities (B, C); None if one keeps no classifier."""
        found = []
        widths = [member.width for member in self._all()]
        for member, tokens in zip(
            self._all(), torch.split(features.tokens, widths, dim=2), strict=True
        ):
            logits = member.classify(replace(features, tokens=tokens), labels)
            if logits is None:
                return None
            found.append(logits.log_softmax(dim=1))
        return torch.stack(found).mean(dim=0)

    def _all(self) -> list[Encoder]:
        return [member for member in self.members if isinstance(member, Encoder)]

    def architecture(self) -> dict[str, Any]:
        """Name and members, as `build_encoder` takes them."""
        return {"family": "parallel", "members": [m.architecture() for m in self._all()]}
