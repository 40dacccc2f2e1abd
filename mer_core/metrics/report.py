"""All alignment metrics of two clouds of embeddings.

Some metrics measure whether row i of one modality is near row i of the other. They are meaningful
for recordings with both modalities, but not where partners were drawn by label; there they are
None, and metrics over all pairs of one emotion replace them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mer_core.metrics.alignment import (
    alignment,
    foscttm,
    mean_reciprocal_rank,
    precision_at,
    recall_at,
    same_emotion_alignment,
    same_emotion_foscttm,
    w2_ratio,
)
from mer_core.metrics.catalogue import METRICS
from mer_core.metrics.clouds import Clouds, Floats, GaussianPair, same_emotion
from mer_core.metrics.gap import (
    FIXED_BANDWIDTH,
    centroid_share,
    distribution_gap,
    modality_gap,
    modality_probe_accuracy,
    relative_gap,
    same_emotion_relative_gap,
    squared_mmd,
)
from mer_core.metrics.mixing import mixing
from mer_core.metrics.structure import (
    clusters,
    effective_rank,
    linear_cka,
    mutual_neighbours,
    silhouette,
    uniformity,
    v_measure,
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
    """`clouds_report` of two arrays.

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
    return clouds_report(Clouds.of(x, y, labels_x, labels_y, natural=natural, gaussians=gaussians))


def clouds_report(clouds: Clouds) -> dict[str, float | None]:
    """Every metric of `METRICS`; None where what it needs is missing (see `REASONS`)."""
    report: dict[str, float | None] = dict.fromkeys(METRICS)
    report |= _meeting(clouds) | _spread(clouds) | _by_emotion(clouds)
    if clouds.natural:
        report |= pairs_report(clouds.x, clouds.y)
    if clouds.gaussians is not None:
        same = same_emotion(clouds.labels_x, clouds.labels_y)
        report["w2_ratio_emotion"] = w2_ratio(*clouds.gaussians, same)
        if clouds.natural:
            report["w2_ratio"] = w2_ratio(*clouds.gaussians, np.eye(len(clouds.x), dtype=bool))
    return report


def _meeting(clouds: Clouds) -> dict[str, float]:
    """Whether the two clouds meet."""
    x, y = clouds.x, clouds.y
    return {
        "mixing": mixing(clouds.joint, clouds.modality),
        "modality_gap": modality_gap(x, y),
        "distribution_gap": distribution_gap(x, y),
        "centroid_share": centroid_share(x, y),
        "relative_gap_emotion": same_emotion_relative_gap(x, y, clouds.labels_x, clouds.labels_y),
        "modality_probe": modality_probe_accuracy(x, y),
        "mmd2_fixed": squared_mmd(x, y, FIXED_BANDWIDTH),
        "mmd2": squared_mmd(x, y),
        "silhouette_modality": silhouette(clouds.joint, clouds.modality),
    }


def _spread(clouds: Clouds) -> dict[str, float]:
    """How widely each of the two is spread, and both together."""
    return {
        "uniformity_x": uniformity(clouds.x),
        "uniformity_y": uniformity(clouds.y),
        "uniformity_joint": uniformity(clouds.joint),
        "effective_rank_x": effective_rank(clouds.x),
        "effective_rank_y": effective_rank(clouds.y),
    }


def _by_emotion(clouds: Clouds) -> dict[str, float]:
    """How close the same emotion is, in the other modality and in both together."""
    there = clouds.x, clouds.y, clouds.labels_x, clouds.labels_y
    back = clouds.y, clouds.x, clouds.labels_y, clouds.labels_x
    precision = {k: (precision_at(*there, k), precision_at(*back, k)) for k in (1, 5)}
    found = clusters(clouds.joint, len(np.unique(clouds.labels)))
    return {
        "v_measure": v_measure(clouds.labels, found),
        "silhouette_emotion": silhouette(clouds.joint, clouds.labels),
        "precision_at_1": sum(precision[1]) / 2,
        "precision_at_5": sum(precision[5]) / 2,
        "precision_at_5_xy": precision[5][0],
        "precision_at_5_yx": precision[5][1],
        "alignment_emotion": same_emotion_alignment(*there),
        "foscttm_emotion": same_emotion_foscttm(*there),
    }


def pairs_report(x: Floats, y: Floats) -> dict[str, float]:
    """The metrics of natural pairs in `METRICS`, averaged over both directions.

    Args:
        x: (N, D) rows of length 1 (`normalised`).
        y: (N, D) likewise; row i is the partner of row i of `x`.
    """
    return {
        "alignment": alignment(x, y),
        "relative_gap": relative_gap(x, y),
        "recall_at_1": (recall_at(x, y, 1) + recall_at(y, x, 1)) / 2,
        "recall_at_5": (recall_at(x, y, 5) + recall_at(y, x, 5)) / 2,
        "mrr": (mean_reciprocal_rank(x, y) + mean_reciprocal_rank(y, x)) / 2,
        "foscttm": foscttm(x, y),
        "linear_cka": linear_cka(x, y),
        "mutual_neighbours": mutual_neighbours(x, y),
    }
