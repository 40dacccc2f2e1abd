"""Padding that no encoder may read."""

from __future__ import annotations

from dataclasses import replace

import torch

from mer_core.types import Batch


def with_padded_frames(batch: Batch) -> Batch:
    """The same batch with twice as many frames and with 99 in all padding."""
    assert batch.frames is not None
    assert batch.frames_mask is not None
    frames = torch.where(batch.frames_mask[:, :, None, None, None], batch.frames, 99)
    return replace(
        batch,
        frames=torch.cat([frames, torch.full_like(frames, 99)], dim=1),
        frames_mask=torch.cat([batch.frames_mask, batch.frames_mask & False], dim=1),
    )
