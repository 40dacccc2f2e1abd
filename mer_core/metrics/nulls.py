"""Null lines: what each metric gives where there is nothing to find.

Each metric of `METRICS` names what its null line leaves to chance (`Null`): which modality an item
is of, its emotion, its partner, or the direction of its embedding; the clouds are otherwise the
same. The value is the mean over all ways to do so where that has a closed form, else the mean over
`SHUFFLES` seeded ones. It is not always the worst value: for a gap, it is what remains when the
modality makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import hyp0f1

from mer_core.metrics.catalogue import METRICS
from mer_core.metrics.clouds import Clouds, Floats, centred, squared_distances
from mer_core.metrics.gap import (
    centroid_share,
    distribution_gap,
    modality_gap,
    relative_to_width,
    same_emotion_relative_gap,
)
from mer_core.metrics.mixing import random_mixing
from mer_core.metrics.structure import (
    MUTUAL,
    UNIFORMITY_T,
    clusters,
    effective_rank,
    silhouette,
    v_measure,
)

SHUFFLES = 20


def null_report(clouds: Clouds, seed: int = 0) -> dict[str, float | None]:
    """The null line of every metric of `METRICS`; None where `clouds_report` has no such metric.

    Args:
        clouds: What is measured.
        seed: Of the shuffles.
    """
    nulls: dict[str, float | None] = dict.fromkeys(METRICS)
    nulls |= _without_modalities(clouds, seed) | _without_emotions(clouds, seed)
    nulls |= _without_directions(clouds, seed)
    if clouds.natural:
        nulls |= pairs_nulls(clouds.x, clouds.y)
    if clouds.gaussians is not None:
        nulls["w2_ratio_emotion"] = 1.0
        if clouds.natural:
            nulls["w2_ratio"] = 1.0
    return nulls


def _without_modalities(clouds: Clouds, seed: int) -> dict[str, float]:
    """Which modality an item is of is left to chance; every item keeps its emotion."""
    labels = clouds.labels_x, clouds.labels_y
    shuffled = [
        {
            "modality_gap": modality_gap(x, y),
            "distribution_gap": distribution_gap(x, y),
            "centroid_share": centroid_share(x, y),
            "relative_gap_emotion": same_emotion_relative_gap(x, y, *labels),
            "silhouette_modality": silhouette(np.concatenate([x, y]), clouds.modality),
        }
        for x, y in _modalities_dealt(clouds, seed)
    ]
    means = {name: float(np.mean([values[name] for values in shuffled])) for name in shuffled[0]}
    mixed = random_mixing(clouds.modality)
    return means | {"mixing": mixed, "modality_probe": 0.5, "mmd2": 0.0, "mmd2_fixed": 0.0}


def _modalities_dealt(clouds: Clouds, seed: int) -> Iterator[tuple[Floats, Floats]]:
    """`SHUFFLES` times, two clouds of which the items of one emotion were dealt anew."""
    generator = np.random.default_rng(seed)
    rows, labels = clouds.joint, clouds.labels
    places = np.argsort(labels, kind="stable")
    for _ in range(SHUFFLES):
        dealt = np.empty_like(rows)
        dealt[places] = rows[np.lexsort((generator.random(len(rows)), labels))]
        yield dealt[: len(clouds.x)], dealt[len(clouds.x) :]


def _without_emotions(clouds: Clouds, seed: int) -> dict[str, float]:
    """Which emotion an item has is left to chance; each modality keeps as many of each."""
    classes = np.union1d(clouds.labels_x, clouds.labels_y)
    shares = [(own[:, None] == classes).mean(axis=0) for own in (clouds.labels_x, clouds.labels_y)]
    same = float(shares[0] @ shares[1])  # probability that two items have the same emotion
    found = clusters(clouds.joint, len(classes))
    generator = np.random.default_rng(seed)
    dealt = [
        np.concatenate([generator.permutation(own) for own in (clouds.labels_x, clouds.labels_y)])
        for _ in range(SHUFFLES)
    ]
    precision = ("precision_at_1", "precision_at_5", "precision_at_5_xy", "precision_at_5_yx")
    return dict.fromkeys(precision, same) | {
        "v_measure": float(np.mean([v_measure(labels, found) for labels in dealt])),
        "silhouette_emotion": float(np.mean([silhouette(clouds.joint, own) for own in dealt])),
        "alignment_emotion": float(squared_distances(clouds.x, clouds.y).mean()),
        "foscttm_emotion": 0.5,
    }


def _without_directions(clouds: Clouds, seed: int) -> dict[str, float]:
    """Every embedding points anywhere, with equal probability."""
    width = clouds.x.shape[1]
    # Of the cosine u of two random directions, the mean of exp(2 t u) is 0F1(D / 2; t²).
    spread = float(np.log(hyp0f1(width / 2, UNIFORMITY_T**2)) - 2.0 * UNIFORMITY_T)
    generator = np.random.default_rng(seed)
    return {
        **dict.fromkeys(("uniformity_x", "uniformity_y", "uniformity_joint"), spread),
        "effective_rank_x": effective_rank(_directions(clouds.x.shape, generator)),
        "effective_rank_y": effective_rank(_directions(clouds.y.shape, generator)),
    }


def _directions(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    rows = generator.normal(size=shape)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def pairs_nulls(x: Floats, y: Floats) -> dict[str, float]:
    """The null lines of `pairs_report`, of the same (N, D) rows: means over all permutations.

    That is: which item of the other modality is an item's partner is left to chance.
    """
    count = len(x)
    apart = float(squared_distances(x, y).mean())
    # Of centred Gram matrices K and L, the mean of tr(K P L Pᵀ) is tr(K) tr(L) / (N - 1).
    scales = [
        float(np.square(z).sum() / norm) if (norm := np.linalg.norm(z.T @ z)) > 0 else 0.0
        for z in (centred(x), centred(y))
    ]
    return {
        "alignment": apart,
        "relative_gap": relative_to_width(apart, x, y),
        "recall_at_1": 1.0 / count,
        "recall_at_5": min(1.0, 5.0 / count),
        "mrr": float(np.mean(1.0 / np.arange(1, count + 1))),
        "foscttm": 0.5,
        "linear_cka": scales[0] * scales[1] / (count - 1),
        "mutual_neighbours": min(MUTUAL, count - 1) / (count - 1),
    }
