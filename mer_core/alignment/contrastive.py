"""Contrastive losses over a (B, B) similarity, and their two target matrices.

One function serves three terms: MGCMA's distribution and instance terms (arXiv 2412.20821) and
Foal-Net's audio-video emotion alignment (arXiv 2408.09438). They differ in what is compared and in
the positives: the own pair, or all utterances of the same emotion.

The supervised contrast (Khosla et al. 2020, arXiv 2004.11362) compares a set with itself. Over both
modalities as one set it is the joint contrast, which is ours: there, items of the own modality are
negatives too, so that a modality cannot move away from the other as a whole for free.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Targets = Literal["pair", "label"]  # which pairs are positives


def pair_targets(n: int, device: torch.device | str | None = None) -> Tensor:
    """(n, n) bool, True on the diagonal: only the own pair is positive."""
    return torch.eye(n, dtype=torch.bool, device=device)


def same_label_targets(labels: Tensor) -> Tensor:
    """`labels` (B,) → (B, B) bool, True where two utterances have the same label."""
    return labels[:, None] == labels[None, :]


def targets_of(kind: Targets, labels: Tensor) -> Tensor:
    """`labels` (B,) → (B, B) bool, True = positive, of either kind."""
    if kind == "label":
        return same_label_targets(labels)
    return pair_targets(len(labels), labels.device)


def contrastive_loss(
    similarity: Tensor, targets: Tensor, present: Tensor | None = None, normalise: bool = True
) -> Tensor:
    """Symmetric InfoNCE with any number of positives per row.

    L = -1/2 Σ over both directions of 1/B Σ_i 1/|P_i| Σ_{j ∈ P_i} log softmax_j(similarity_ij).

    Args:
        similarity: (B, B), rows of one modality against columns of the other, already divided by
            the temperature.
        targets: (B, B) bool, True = positive.
        present: (B,) bool, False where the partner is absent; such rows and columns are left out.
        normalise: Divide by the number of positives |P_i|. False sums over them, as in Foal-Net's
            released code, and gives frequent labels more weight.

    Returns:
        A float32 scalar; zero with a graph where fewer than two rows are left.
    """
    similarity, targets = _only_present(similarity, targets, present)
    if len(similarity) < 2:
        return similarity[:0].sum()  # there are no negatives
    rows = _positive_log_loss(similarity, targets, normalise)
    columns = _positive_log_loss(similarity.T, targets.T, normalise)
    return (rows + columns) / 2


def supervised_contrast(similarity: Tensor, labels: Tensor) -> Tensor:
    """Each item against all others of a set; those of its label are positives (SupCon, Eq. 2).

    Args:
        similarity: (N, N) of the set with itself, already divided by the temperature.
        labels: (N,) class indices. An item that is alone with its label adds nothing.

    Returns:
        A float32 scalar; zero with a graph where fewer than two items are left.
    """
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positives = same_label_targets(labels) & ~itself
    return contrastive_loss(similarity.float().masked_fill(itself, -torch.inf), positives)


def joint_contrast(
    embeddings: Sequence[Tensor], present: Sequence[Tensor], labels: Tensor, temperature: float
) -> Tensor:
    """The supervised contrast over the embeddings of all modalities as one set.

    Args:
        embeddings: (B, D) of length 1, one for each modality.
        present: (B,) bool for each, False where the modality is absent; such rows are left out,
            and what is there of the same utterance is not.
        labels: (B,) class indices.
        temperature: Divides the cosines; 0.1 in SupCon. Softer brings the clouds closer.

    Returns:
        A float32 scalar; zero with a graph where fewer than two rows are left.
    """
    kept = torch.cat(list(present))  # (M B,), of M modalities
    rows = torch.cat(list(embeddings))[kept]  # (N, D)
    return supervised_contrast(rows @ rows.T / temperature, labels.repeat(len(present))[kept])


def sigmoid_contrastive_loss(
    logits: Tensor, targets: Tensor, present: Tensor | None = None
) -> Tensor:
    """Binary cross-entropy of every pair, PCME's reading of Sim (arXiv 2101.05068).

    Args:
        logits: (B, B), b - a · W2; their sigmoid is the probability of a match.
        targets: (B, B) bool, True = match.
        present: (B,) bool, False where the partner is absent; such rows and columns are left out.

    Returns:
        A float32 scalar, the mean over pairs; zero with a graph where fewer than two rows are left.
    """
    logits, targets = _only_present(logits, targets, present)
    if len(logits) < 2:
        return logits[:0].sum()
    return F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))


def _only_present(
    similarity: Tensor, targets: Tensor, present: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The present rows and columns; at least float32, whose range exponentials need."""
    similarity = similarity.to(torch.promote_types(similarity.dtype, torch.float32))
    if present is None:
        return similarity, targets
    return similarity[present][:, present], targets[present][:, present]


def _positive_log_loss(similarity: Tensor, targets: Tensor, normalise: bool) -> Tensor:
    """-1/B Σ_i Σ_{j ∈ P_i} log softmax_j(similarity_ij), each row over |P_i| if `normalise`."""
    log_probabilities = torch.log_softmax(similarity, dim=1)  # (B, B)
    loss = -torch.where(targets, log_probabilities, 0.0).sum(dim=1)  # (B,)
    if normalise:
        loss = loss / targets.sum(dim=1).clamp(min=1)
    return loss.mean()
