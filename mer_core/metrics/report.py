"""All alignment metrics of two clouds of embeddings, and what each of them needs.

Some metrics measure whether row i of one modality is near row i of the other. They are meaningful
for recordings with both modalities, but not where partners were drawn by label; there they are
None, and metrics over all pairs of one emotion replace them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from mer_core.alignment.gaussians import Gaussians
from mer_core.metrics.alignment import (
    Floats,
    alignment,
    check_common_space,
    foscttm,
    gaussian_points,
    linear_cka,
    mean_reciprocal_rank,
    modality_gap,
    modality_probe_accuracy,
    normalised,
    precision_at,
    recall_at,
    same_emotion,
    same_emotion_alignment,
    same_emotion_foscttm,
    silhouette,
    squared_mmd,
    uniformity,
    w2_ratio,
)

GaussianPair = tuple[Gaussians[Floats], Gaussians[Floats]]


class Need(Flag):
    """What a metric may need besides embeddings and labels."""

    NOTHING = 0
    PAIRS = auto()
    GAUSSIANS = auto()


NEEDS_NATURAL_PAIRS = (
    "asks for recordings whose modalities belong together; "
    "partners drawn by label are arbitrary within it"
)
NEEDS_GAUSSIANS = "asks for Gaussians, which only distribution alignment makes"
REASONS = {
    Need.PAIRS: NEEDS_NATURAL_PAIRS,
    Need.GAUSSIANS: NEEDS_GAUSSIANS,
    Need.PAIRS | Need.GAUSSIANS: f"{NEEDS_GAUSSIANS}, and {NEEDS_NATURAL_PAIRS}",
}


@dataclass(frozen=True)
class Metric:
    """A metric's name in tables, its better direction and its requirements.

    Attributes:
        title: With `{x}` and `{y}` in place of the modalities' names.
        better: `lower`, `higher`, or empty where neither is better.
        needs: `NOTHING`, or a key of `REASONS`.
    """

    title: str
    better: Literal["lower", "higher", ""]
    needs: Need = Need.NOTHING


METRICS: dict[str, Metric] = {
    "modality_gap": Metric("modality gap", "lower"),
    "modality_probe": Metric("modality probe", "lower"),
    "mmd2": Metric("MMD²", "lower"),
    "silhouette_modality": Metric("silhouette by modality", "lower"),
    "uniformity_x": Metric("uniformity, {x}", ""),
    "uniformity_y": Metric("uniformity, {y}", ""),
    "uniformity_joint": Metric("uniformity, joint", ""),
    "silhouette_emotion": Metric("silhouette by emotion", "higher"),
    "precision_at_1": Metric("P@1, same emotion", "higher"),
    "precision_at_5": Metric("P@5, same emotion", "higher"),
    "precision_at_5_xy": Metric("P@5 {x}→{y}", "higher"),
    "precision_at_5_yx": Metric("P@5 {y}→{x}", "higher"),
    "alignment_emotion": Metric("alignment, same emotion", "lower"),
    "foscttm_emotion": Metric("FOSCTTM, same emotion", "lower"),
    "w2_ratio_emotion": Metric("W2 same / other emotion", "lower", Need.GAUSSIANS),
    "alignment": Metric("alignment", "lower", Need.PAIRS),
    "recall_at_1": Metric("R@1", "higher", Need.PAIRS),
    "recall_at_5": Metric("R@5", "higher", Need.PAIRS),
    "mrr": Metric("MRR", "higher", Need.PAIRS),
    "foscttm": Metric("FOSCTTM", "lower", Need.PAIRS),
    "linear_cka": Metric("linear CKA", "higher", Need.PAIRS),
    "w2_ratio": Metric("W2 paired / unpaired", "lower", Need.PAIRS | Need.GAUSSIANS),
}

# Metrics of the clouds before alignment that tables show beside those after it.
AHEAD = (
    "before/modality_gap",
    "before/modality_probe",
    "before/silhouette_modality",
    "before/uniformity_joint",
    "before/precision_at_5",
    "before/silhouette_emotion",
)


def alignment_report(
    x: ArrayLike,
    y: ArrayLike,
    labels_x: ArrayLike,
    labels_y: ArrayLike,
    *,
    natural: bool,
    gaussians: GaussianPair | None = None,
) -> dict[str, float | None]:
    """Every metric of `METRICS`; None where what it needs is missing (see `REASONS`).

    Args:
        x: (N, D) embeddings of one modality; they are scaled to length 1.
        y: (M, D) embeddings of the other modality, in the same space.
        labels_x: (N,) class indices, with two classes or more in common with `labels_y`.
        labels_y: (M,) class indices.
        natural: Whether row i of `x` and row i of `y` are of one recording.
        gaussians: Of the same utterances, if distribution alignment is on.

    Raises:
        ValueError: An array is not (N, D) or not finite, the clouds differ in width or share too
            few emotions, pairs are incomplete, or the Gaussians are not of these utterances.
    """
    x, y = normalised(x, "x"), normalised(y, "y")
    labels = np.asarray(labels_x), np.asarray(labels_y)
    _check(x, y, labels, natural)
    if gaussians is not None:
        _check_gaussians(gaussians, (len(x), len(y)))
    report: dict[str, float | None] = dict.fromkeys(METRICS)
    report |= _clouds(x, y) | _by_emotion(x, y, *labels)
    if natural:
        report |= pairs_report(x, y)
    if gaussians is not None:
        report["w2_ratio_emotion"] = w2_ratio(*gaussians, same_emotion(*labels))
        if natural:
            report["w2_ratio"] = w2_ratio(*gaussians, np.eye(len(x), dtype=bool))
    return report


def _clouds(x: Floats, y: Floats) -> dict[str, float | None]:
    """Distance and spread of the two clouds."""
    rows = np.concatenate([x, y])
    return {
        "modality_gap": modality_gap(x, y),
        "modality_probe": modality_probe_accuracy(x, y),
        "mmd2": squared_mmd(x, y),
        "silhouette_modality": silhouette(rows, np.repeat([0, 1], [len(x), len(y)])),
        "uniformity_x": uniformity(x),
        "uniformity_y": uniformity(y),
        "uniformity_joint": uniformity(rows),
    }


def pairs_report(x: Floats, y: Floats) -> dict[str, float]:
    """The metrics of natural pairs in `METRICS`, averaged over both directions.

    Args:
        x: (N, D) rows of length 1 (`normalised`).
        y: (N, D) likewise; row i is the partner of row i of `x`.
    """
    return {
        "alignment": alignment(x, y),
        "recall_at_1": (recall_at(x, y, 1) + recall_at(y, x, 1)) / 2,
        "recall_at_5": (recall_at(x, y, 5) + recall_at(y, x, 5)) / 2,
        "mrr": (mean_reciprocal_rank(x, y) + mean_reciprocal_rank(y, x)) / 2,
        "foscttm": foscttm(x, y),
        "linear_cka": linear_cka(x, y),
    }


def _by_emotion(x: Floats, y: Floats, labels_x: Any, labels_y: Any) -> dict[str, float | None]:
    """How close the same emotion is in the other modality."""
    there = {k: precision_at(x, y, labels_x, labels_y, k) for k in (1, 5)}
    back = {k: precision_at(y, x, labels_y, labels_x, k) for k in (1, 5)}
    joint = np.concatenate([x, y]), np.concatenate([labels_x, labels_y])
    return {
        "silhouette_emotion": silhouette(*joint),
        "precision_at_1": (there[1] + back[1]) / 2,
        "precision_at_5": (there[5] + back[5]) / 2,
        "precision_at_5_xy": there[5],
        "precision_at_5_yx": back[5],
        "alignment_emotion": same_emotion_alignment(x, y, labels_x, labels_y),
        "foscttm_emotion": same_emotion_foscttm(x, y, labels_x, labels_y),
    }


def _check(x: Floats, y: Floats, labels: tuple[Any, Any], natural: bool) -> None:
    check_common_space(x, y)
    if (labels[0].shape, labels[1].shape) != ((len(x),), (len(y),)):
        raise ValueError("Every embedding needs one label.")
    if natural and len(x) != len(y):
        raise ValueError(f"Natural pairs need as many of each, not {len(x)} and {len(y)}.")
    if len(np.intersect1d(*labels)) < 2:
        raise ValueError("Two emotions or more must occur in both modalities.")


def _check_gaussians(gaussians: GaussianPair, expected: tuple[int, int]) -> None:
    points = [gaussian_points(part) for part in gaussians]
    check_common_space(*points)
    counts = len(points[0]), len(points[1])
    if counts != expected:
        raise ValueError(f"{counts} Gaussians do not belong to {expected} embeddings.")
