"""One encoder, one pooling, one linear layer: how encoders are trained, and a baseline row."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import Framework
from mer_core.layers.pooling import AttentiveStatistics
from mer_core.types import Features, Output


class Unimodal(Framework):
    """Classifier over the attentive statistics of one encoder's tokens."""

    def __init__(
        self,
        encoder: Encoder,
        labels: tuple[str, ...],
        *,
        dropout: float = 0.3,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.labels = labels
        self.label_smoothing = label_smoothing
        self.pool = AttentiveStatistics(encoder.width)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(2 * encoder.width, len(labels))

    def architecture(self) -> dict[str, Any]:
        """Everything but the weights that `build_framework` needs to make this again."""
        return {
            "framework": "unimodal",
            "encoder": self.encoder.architecture(),
            "dropout": self.dropout.p,
            "label_smoothing": self.label_smoothing,
        }

    def fuse(self, features: dict[str, Features]) -> Output:
        """Logits (B, C), `<modality>_pooled` (B, 2 D) and, of length 1, `<modality>_embedding`."""
        ((modality, only),) = features.items()
        pooled = self.pool(only.tokens, only.mask)  # (B, 2 D)
        named = {
            f"{modality}_pooled": pooled,
            f"{modality}_embedding": F.normalize(pooled.float(), dim=1),
        }
        return Output(self.classifier(self.dropout(pooled)), features=named)

    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        """`ce`: cross-entropy with label smoothing."""
        smoothing = self.label_smoothing
        return {"ce": F.cross_entropy(output.logits.float(), labels, label_smoothing=smoothing)}
