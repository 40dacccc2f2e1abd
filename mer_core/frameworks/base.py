"""The contract between a paper and the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mer_core.encoders.base import Encoder
from mer_core.types import Batch, Features, Output

MATCH = "match"  # key of the temperature of matching, beside those of the modalities
CLASSES = "classes"  # mask (B, C) of an `Output`: classes that a row's corpus has; training only
MATCHED = "matched"  # mask (B,) of an `Output`: pairs whose halves share a label; training only
MATCH_LOGITS = "match_logits"  # feature (B, 2, 2) of an `Output`: direction × (different, same)


class Framework(nn.Module, ABC):
    """One paper, in order: encoders are injected, leaves are configured.

    Attributes:
        labels: The C classes of the logits, in order.
    """

    labels: tuple[str, ...]

    def encoders(self) -> dict[str, Encoder]:
        """The injected encoders by what the paper calls their modality, in the order given."""
        encoders = (child for child in self.children() if isinstance(child, Encoder))
        return {encoder.modality: encoder for encoder in encoders}

    def forward(self, batch: Batch) -> Output:
        """In training, evaluation and serving; never gets a label."""
        return self.fuse(self.encode(batch))

    def encode(self, batch: Batch) -> dict[str, Features]:
        """Each encoder's features, by modality."""
        return {modality: encoder(batch) for modality, encoder in self.encoders().items()}

    @abstractmethod
    def fuse(self, features: dict[str, Features]) -> Output:
        """Everything after the encoders. Any modality may be absent from any row.

        Separate from `encode`, so that serving can judge each modality alone without encoding
        twice, and heads can train on features computed once.
        """

    def alone(self, features: dict[str, Features]) -> dict[str, Output]:
        """The output for each modality alone, with the others hidden."""
        return {
            modality: self.fuse({m: f if m == modality else hidden(f) for m, f in features.items()})
            for modality in features
        }

    @abstractmethod
    def architecture(self) -> dict[str, Any]:
        """Everything but the weights that `build_framework` needs to make this again."""

    @abstractmethod
    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        """Named, unweighted scalar terms; `labels` (B,) class indices. Training only.

        The training loop may have added the masks `CLASSES` and `MATCHED` to the output. In
        training mode, running statistics of an output's rows move here, and not in `forward`:
        only here are the rows of all processes.
        """

    def constrain_(self) -> None:
        """Move parameters back within their bounds, in place; the loop calls it after each update.

        `forward` does not clamp: there, the gradient at a bound would be zero.
        """


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


def alignable(output: Output, *modalities: str) -> Tensor:
    """(B,) bool: where all of these are present and the halves, as far as known, share a label."""
    present = torch.stack([output.features[f"{name}_present"] for name in modalities]).all(dim=0)
    return present & output.masks.get(MATCHED, present)


def hidden(features: Features) -> Features:
    """The same modality, absent from every row."""
    return Features(
        torch.zeros_like(features.tokens),
        torch.zeros_like(features.mask),
        torch.zeros_like(features.present),
    )
