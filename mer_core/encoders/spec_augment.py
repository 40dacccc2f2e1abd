"""SpecAugment (arXiv 1904.08779) on log-mel spectra, for encoders that read them."""

from __future__ import annotations

import torch
from torch import Tensor

from mer_core.encoders.base import Augmentation


class SpecAugment(Augmentation):
    """Frequency shift, then one or two masked bands and stretches."""

    def __init__(self, frequency_mask: int, time_mask: int, frequency_shift: int) -> None:
        super().__init__()
        self.frequency_mask, self.time_mask = frequency_mask, time_mask
        self.frequency_shift = frequency_shift

    def forward(self, mel: Tensor, mask: Tensor) -> Tensor:
        """`mel` (B, T, M), unchanged in evaluation; shifted and partly hidden in training.

        Hidden parts take the recording's mean, so that they keep its loudness.
        """
        if not self.training:
            return mel
        batch, steps, bands = mel.shape
        device = mel.device
        if self.frequency_shift:
            shift = torch.randint(-self.frequency_shift, self.frequency_shift + 1, (batch, 1, 1))
            index = (torch.arange(bands) - shift).clamp(0, bands - 1).expand(batch, steps, bands)
            mel = mel.gather(2, index.to(device))
        valid = mask[:, :, None].to(mel.dtype)
        mean = (mel * valid).sum(dim=(1, 2), keepdim=True) / (
            valid.sum(dim=(1, 2), keepdim=True).clamp(min=1.0) * bands
        )
        for _ in range(2):
            if self.frequency_mask:
                hidden = _random_spans(batch, bands, self.frequency_mask).to(device)
                mel = torch.where(hidden[:, None, :], mean, mel)
            if self.time_mask:
                hidden = _random_spans(batch, steps, self.time_mask).to(device)
                mel = torch.where(hidden[:, :, None], mean, mel)
        return mel


def _random_spans(batch: int, length: int, longest: int) -> Tensor:
    """(B, length) bool with one span of 0 to `longest` True steps per row."""
    size = torch.randint(0, longest + 1, (batch, 1))
    start = (torch.rand(batch, 1) * (length - size).clamp(min=1)).long()
    position = torch.arange(length)
    return (position >= start) & (position < start + size)
