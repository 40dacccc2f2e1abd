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


def with_padded_waveform(batch: Batch) -> Batch:
    """The same batch, twice as long, with 99.0 in all padding."""
    assert batch.waveform is not None
    assert batch.waveform_mask is not None
    waveform = torch.where(batch.waveform_mask, batch.waveform, 99.0)
    return replace(
        batch,
        waveform=torch.cat([waveform, torch.full_like(waveform, 99.0)], dim=1),
        waveform_mask=torch.cat([batch.waveform_mask, batch.waveform_mask & False], dim=1),
    )
