"""What the tests of both frameworks do to batches and weights."""

from __future__ import annotations

import torch

from mer_core.types import Batch, Features


def with_absence(batch, absent):
    """Absent rows as an encoder may leave them: no valid step, and junk in the padding."""
    cached = {}
    for modality, features in batch.cached.items():
        gone = torch.tensor([(i, modality) in absent for i in range(len(features.present))])
        tokens = torch.where(gone[:, None, None], torch.nan, features.tokens)
        cached[modality] = Features(tokens, features.mask & ~gone[:, None], ~gone)
    return Batch(cached=cached)


def perturb(model):
    """Weights away from their symmetric start, so that no norm is an identity by luck."""
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.2)
    return model
