"""Matching: do these two carry the same emotion? Foal-Net's second task (arXiv 2408.09438).

The two modalities of one utterance match. Negatives are hard: of the utterances with another
emotion, similar ones are drawn with a higher probability (as in ALBEF's image-text matching, arXiv
2107.07651).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

DIFFERENT, SAME = 0, 1  # classes of the two-way logits


def hard_negatives(
    similarity: Tensor,
    labels: Tensor,
    present: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """For every row one column of another label, drawn by softmax over the similarities.

    Args:
        similarity: (B, B), rows of one modality against columns of the other, already divided by
            the temperature; no gradient flows into it.
        labels: (B,) class indices.
        present: (B,) bool, False where a modality is absent; such rows are never drawn.
        generator: Of the draws, on the device of `similarity`.

    Returns:
        index (B,) of the columns, and valid (B,) bool, False where there is nothing to draw, as in
        a batch of one label or for an absent row; `index` then points to the row itself.
    """
    scores = similarity.detach()
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    candidates = labels[:, None] != labels[None, :]  # (B, B)
    if present is not None:
        candidates = candidates & present[:, None] & present[None, :]
    valid = candidates.any(dim=1)  # (B,)
    own = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    choices = torch.where(valid[:, None], candidates, own)
    # Other entries may be anything, even NaN, so they are replaced instead of added to.
    scores = torch.where(candidates, scores, 0.0)
    scores = torch.where(choices, scores, -torch.inf)
    index = torch.multinomial(torch.softmax(scores, dim=1), 1, generator=generator)[:, 0]  # (B,)
    return index, valid


def matching_loss(
    positive_logits: Tensor,
    negative_logits: Tensor,
    positives: Tensor | None = None,
    negatives: Tensor | None = None,
) -> Tensor:
    """Two-way cross-entropy over own pairs (`SAME`) and drawn pairs (`DIFFERENT`).

    Args:
        positive_logits: (B, 2) of the own pairs.
        negative_logits: (B, 2) of the drawn pairs.
        positives: (B,) bool, False where the own pair is incomplete.
        negatives: (B,) bool, False where no pair was drawn.

    Returns:
        A scalar, at least float32; zero with a graph where no pair is left.
    """
    if positives is not None:
        positive_logits = positive_logits[positives]
    if negatives is not None:
        negative_logits = negative_logits[negatives]
    logits = torch.cat([positive_logits, negative_logits])  # (N, 2)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    if not len(logits):
        return logits.sum()
    targets = torch.full((len(logits),), DIFFERENT, device=logits.device)
    targets[: len(positive_logits)] = SAME
    return F.cross_entropy(logits, targets)
