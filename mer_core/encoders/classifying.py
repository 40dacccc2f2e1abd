"""An encoder that keeps the classifier it was trained with.

Our speech encoder learns eight emotions; read among four only (restricted logits), its own head
is the better judge of speech alone than a head trained on four from the start.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mer_core.attention import AttentiveStatistics
from mer_core.encoders.base import Encoder
from mer_core.types import Batch, Features


class ClassifyingEncoder(Encoder):
    """`encoder`'s tokens, and logits over the `labels` it was trained on."""

    def __init__(self, encoder: Encoder, labels: tuple[str, ...]) -> None:
        super().__init__()
        self.encoder = encoder
        self.modality, self.width = encoder.modality, encoder.width
        self.labels = labels
        self.pool = AttentiveStatistics(encoder.width)
        self.classifier = nn.Linear(2 * encoder.width, len(labels))

    def forward(self, batch: Batch) -> Features:
        """The encoder's tokens."""
        features: Features = self.encoder(batch)
        return features

    def classify(self, features: Features, labels: tuple[str, ...]) -> Tensor | None:
        """Logits (B, C) of its own classifier, restricted to `labels`."""
        index = torch.tensor([self.labels.index(name) for name in labels])
        logits: Tensor = self.classifier(self.pool(features.tokens, features.mask))  # (B, all)
        return logits[:, index.to(logits.device)]

    def architecture(self) -> dict[str, Any]:
        """The encoder and its labels, as `build_encoder` takes them."""
        return {
            "family": "classifying",
            "encoder": self.encoder.architecture(),
            "labels": list(self.labels),
        }
