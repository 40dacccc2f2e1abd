"""What a task gives the training loop: a batch, and beside it what is to be learned of it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mer_core.types import Batch


@dataclass(frozen=True)
class Labelled:
    """One training batch.

    Attributes:
        batch: Inputs of B utterances.
        labels: (B,) class indices.
        classes: (B, C) bool, the classes that each utterance's corpus has; None: all of them.
        matched: (B,) bool, pairs whose halves share a label; None: all of them.
    """

    batch: Batch
    labels: Tensor
    classes: Tensor | None = None
    matched: Tensor | None = None
