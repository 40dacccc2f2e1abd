"""Utterances → one padded batch; padding happens only here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mer_core.types import Batch, Features, Utterance

Tokenize = Callable[[str], list[int]]


def collate(utterances: Sequence[Utterance], tokenize: Tokenize | None = None) -> Batch:
    """Pad B utterances on the right, with masks of what is real and what is present.

    Args:
        utterances: At least one; any modality may be absent.
        tokenize: Text → token ids, or None where no encoder reads text.

    Returns:
        `waveform` (B, S), `input_ids` (B, T), `frames` (B, F, C, H, W) and their masks; S, T and
        F are at least 1. All pictures of a batch must have the same size.
    """
    waveforms: list[Any] = [u.waveform if u.waveform is not None else [] for u in utterances]
    waveform, waveform_mask = pad([torch.as_tensor(np.asarray(w, np.float32)) for w in waveforms])
    fields: dict[str, Any] = {}
    if tokenize is not None:
        ids = [tokenize(u.text) if u.text else [] for u in utterances]
        input_ids, attention_mask = pad([torch.tensor(i, dtype=torch.long) for i in ids])
        fields = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "text_present": attention_mask.any(dim=1),
        }
    frames, frames_mask = pad(_pictures(utterances))
    return Batch(
        frames=frames,
        frames_mask=frames_mask,
        video_present=frames_mask.any(dim=1),
        waveform=waveform,
        waveform_mask=waveform_mask,
        speech_present=waveform_mask.any(dim=1),
        **fields,
    )


def _pictures(utterances: Sequence[Utterance]) -> list[Tensor]:
    """(F, C, H, W) of each utterance; F = 0 if it has no frames."""
    rows = [
        None if u.frames is None else torch.from_numpy(u.frames).permute(0, 3, 1, 2)
        for u in utterances
    ]
    shape = next((row.shape[1:] for row in rows if row is not None), (1, 1, 1))
    return [torch.zeros(0, *shape, dtype=torch.uint8) if row is None else row for row in rows]


def collate_features(rows: Sequence[dict[str, Tensor | None]], widths: dict[str, int]) -> Batch:
    """Pad features computed earlier.

    Args:
        rows: One {modality: (T, D) tokens, or None where absent} per utterance.
        widths: D of every modality; needed where all rows lack it.
    """
    cached = {}
    for modality, width in widths.items():
        empty = torch.zeros(0, width)
        row_tokens = [row.get(modality) for row in rows]
        tokens, mask = pad([empty if t is None else t.float() for t in row_tokens])
        cached[modality] = Features(tokens, mask, mask.any(dim=1))
    return Batch(cached=cached)


def pad(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack (T_i, ...) rows into (B, T, ...) zeros-padded, and the (B, T) mask; T at least 1."""
    length = max(1, *(len(row) for row in rows)) if rows else 1
    padded = rows[0].new_zeros((len(rows), length, *rows[0].shape[1:]))
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
        mask[i, : len(row)] = True
    return padded, mask
