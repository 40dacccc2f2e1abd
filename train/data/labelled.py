"""What a task gives the training loop: a batch, and beside it what is to be learned of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
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
        counts: Whether its rows are part of the losses. A batch of fewer rows than processes leaves
            some of them without any; they compute one row for nothing, since all must take part.
    """

    batch: Batch
    labels: Tensor
    classes: Tensor | None = None
    matched: Tensor | None = None
    counts: bool = True

    def to(self, device: torch.device) -> Labelled:
        """The same with every tensor on `device`; waits for no copy out of pinned memory."""
        return self._each(
            self.batch.to(device, non_blocking=True), lambda t: t.to(device, non_blocking=True)
        )

    def pin_memory(self) -> Labelled:
        """The same in page-locked memory; `torch.utils.data.DataLoader` calls it."""
        return self._each(self.batch.pin_memory(), lambda t: t.pin_memory())

    def _each(self, batch: Batch, change: Callable[[Tensor], Tensor]) -> Labelled:
        classes, matched = (None if t is None else change(t) for t in (self.classes, self.matched))
        return replace(
            self, batch=batch, labels=change(self.labels), classes=classes, matched=matched
        )
