"""One encoder, one pooling, one linear layer: how encoders are trained, and a baseline row.

Optional in training: manifold mixup of the pooled vectors (arXiv 1806.05236), and supervised
contrast (arXiv 2004.11362), whose positives are all utterances of the same label, whichever corpus
or language they are from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.alignment.contrastive import supervised_contrast
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import CLASSES, Framework
from mer_core.layers.pooling import AttentiveStatistics, Statistics
from mer_core.types import Features, Output

MIXED_WITH, SHARE = "mixed_with", "share"  # features of an output: (B,) partner rows, (B,) shares
MOMENTUM = 0.02  # of the running estimates: over about 50 batches
EMBEDDING = "embedding"  # ends the name of a feature


@dataclass(frozen=True)
class UnimodalConfig:
    """How the classifier is trained.

    Attributes:
        dropout: Of the pooled vector.
        label_smoothing: Share of the target that is spread over all classes.
        mixup: α of the Beta distribution of the shares in manifold mixup; 0 = none.
        contrast_temperature: Of supervised contrast; 0 = no such term.
        attentive: Pool by attention; false: every step counts alike, which holds better for
            strangers where the encoder is frozen.
        standardize: Scale every pooled statistic to zero mean and unit variance over the training
            examples, as a logistic regression's features would be.
    """

    dropout: float = 0.3
    label_smoothing: float = 0.0
    mixup: float = 0.0
    contrast_temperature: float = 0.0
    attentive: bool = True
    standardize: bool = False


class Unimodal(Framework):
    """Classifier over the statistics of one encoder's tokens."""

    def __init__(
        self, encoder: Encoder, labels: tuple[str, ...], config: UnimodalConfig | None = None
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.labels = labels
        self.config = config or UnimodalConfig()
        width = 2 * encoder.width
        self.pool = AttentiveStatistics(encoder.width) if self.config.attentive else Statistics()
        self.standardize = (
            nn.BatchNorm1d(width, affine=False, momentum=MOMENTUM)
            if self.config.standardize
            else nn.Identity()
        )
        self.dropout = nn.Dropout(self.config.dropout)
        self.classifier = nn.Linear(width, len(labels))

    def architecture(self) -> dict[str, Any]:
        """Everything but the weights that `build_framework` needs to make this again."""
        encoder = self.encoder.architecture()
        return {"framework": "unimodal", "encoder": encoder, **asdict(self.config)}

    def fuse(self, features: dict[str, Features]) -> Output:
        """Logits (B, C), `<modality>_pooled` (B, 2 D) and, of length 1, `<modality>_embedding`.

        In training with mixup, the logits are of mixtures, and `mixed_with` and `share` say of
        what; the features are of the utterances themselves.
        """
        ((modality, only),) = features.items()
        pooled = self.standardize(self.pool(only.tokens, only.mask))  # (B, 2 D)
        named = {
            f"{modality}_pooled": pooled,
            f"{modality}_{EMBEDDING}": F.normalize(pooled.float(), dim=1),
        }
        if self.training and self.config.mixup:
            drawn = mixtures(len(pooled), self.config.mixup, pooled.device)
            share = drawn[SHARE][:, None].to(pooled.dtype)  # (B, 1)
            pooled = share * pooled + (1 - share) * pooled[drawn[MIXED_WITH]]
            named |= drawn
        return Output(self.classifier(self.dropout(pooled)), features=named)

    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        """`ce`: cross-entropy with label smoothing; `contrast`, where it has a temperature."""
        terms = {"ce": self._cross_entropy(output, labels)}
        if self.config.contrast_temperature:
            (name,) = (name for name in output.features if name.endswith(EMBEDDING))
            embedding = output.features[name]  # (B, 2 D)
            similarity = embedding @ embedding.T / self.config.contrast_temperature  # (B, B)
            terms["contrast"] = supervised_contrast(similarity, labels)
        return terms

    def _cross_entropy(self, output: Output, labels: Tensor) -> Tensor:
        classes, smoothing = output.masks.get(CLASSES), self.config.label_smoothing
        partners = output.features.get(MIXED_WITH)
        if partners is None:
            return restricted_cross_entropy(output.logits, labels, classes, smoothing).mean()
        if classes is not None:
            classes = classes | classes[partners]
        own, other = (
            restricted_cross_entropy(output.logits, targets, classes, smoothing)
            for targets in (labels, labels[partners])
        )
        share = output.features[SHARE]
        return (share * own + (1 - share) * other).mean()


def mixtures(batch: int, alpha: float, device: torch.device) -> dict[str, Tensor]:
    """With which row each row is mixed, and its own share, from Beta(α, α)."""
    share = torch.distributions.Beta(alpha, alpha).sample((batch,))
    return {MIXED_WITH: torch.randperm(batch).to(device), SHARE: share.to(device)}


def restricted_cross_entropy(
    logits: Tensor, labels: Tensor, classes: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """(B,) cross-entropy of each row, among the classes it may have.

    Args:
        logits: (B, C).
        labels: (B,) class indices, each among the row's classes.
        classes: (B, C) bool, True = possible; None: all are. The logits of other classes get no
            gradient.
        smoothing: Share of the target that is spread over the possible classes.
    """
    if classes is None:
        classes = torch.ones_like(logits, dtype=torch.bool)
    log_probabilities = torch.log_softmax(logits.float().masked_fill(~classes, -torch.inf), dim=1)
    log_probabilities = log_probabilities.masked_fill(~classes, 0.0)  # (B, C)
    own = log_probabilities.gather(1, labels[:, None])[:, 0]  # (B,)
    spread = log_probabilities.sum(dim=1) / classes.sum(dim=1)  # (B,)
    return -((1 - smoothing) * own + smoothing * spread)
