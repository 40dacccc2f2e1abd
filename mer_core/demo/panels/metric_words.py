"""Which metrics the page shows where, and what it says of each."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from mer_core.demo.panels.markup import escape
from mer_core.metrics.catalogue import AHEAD, METRICS, RECOGNITION, Metric, Need, Null

MAP_MIXING = "map_mixing"  # of the maps, not of the ablation
_TITLES = {
    "unweighted_accuracy": "unweighted accuracy (UA)",
    "weighted_accuracy": "weighted accuracy (WA)",
    "ece": "calibration error (ECE)",
}
COLUMNS: dict[str, Metric] = {
    **{n: replace(metric, title=_TITLES.get(n, metric.title)) for n, metric in RECOGNITION.items()},
    **METRICS,
    MAP_MIXING: replace(
        METRICS["mixing"],
        title="mixing on the map",
        question="How many of a point's 15 nearest on the map are of the other modality?",
    ),
}
NATURAL = tuple(  # metrics that need natural pairs
    name for name, metric in METRICS.items() if Need.PAIRS in metric.needs
)
# Columns of `AHEAD` → the metric, measured on the same network before its alignment.
AHEAD_OF = {f"before/{name}": name for name in METRICS}

HEADLINE = (
    "unweighted_accuracy",
    "mixing",
    MAP_MIXING,
    "modality_gap",
    "precision_at_5_xy",
    "precision_at_5_yx",
    "silhouette_modality",
    "uniformity_joint",
    "ece",
)

GROUPS: dict[str, tuple[str, ...]] = {
    "Recognition of pairs": ("weighted_accuracy", "macro_f1"),
    "Do the two clouds of embeddings mix?": (
        "distribution_gap",
        "centroid_share",
        "relative_gap_emotion",
        "modality_probe",
        "mmd2_fixed",
        "mmd2",
    ),
    "How widely are they spread?": (
        "uniformity_x",
        "uniformity_y",
        "effective_rank_x",
        "effective_rank_y",
    ),
    "Does an emotion match across modalities?": (
        "precision_at_1",
        "precision_at_5",
        "v_measure",
        "silhouette_emotion",
        "alignment_emotion",
        "foscttm_emotion",
        "w2_ratio_emotion",
    ),
    "The same network before its alignment": AHEAD,
}

# What takes the place of a metric that needs natural pairs.
INSTEAD = {
    "alignment": "alignment_emotion",
    "relative_gap": "relative_gap_emotion",
    "recall_at_1": "precision_at_1",
    "recall_at_5": "precision_at_5",
    "foscttm": "foscttm_emotion",
    "w2_ratio": "w2_ratio_emotion",
}

_SPREAD = "0 means all on one point."
_RANK = "As many directions of equal spread make this number; 0 means all on one point."

# How to read a value, after the metric's question.
MEANINGS = {
    "unweighted_accuracy": "Mean of the categories' recalls.",
    "weighted_accuracy": "Share of right categories.",
    "macro_f1": "Mean of the categories' F1.",
    "ece": "Mean difference of confidence and accuracy; 0 is best.",
    "mixing": "0 means that each modality keeps to itself.",
    MAP_MIXING: "What the eye sees; 0 means that each modality is an island.",
    "modality_gap": "Distance of the centres of the two clouds of embeddings.",
    "distribution_gap": "Distance of the two spreads (Bures); 0 means alike.",
    "centroid_share": "1 means that the clouds differ in place only.",
    "relative_gap_emotion": "0 means together; near 1, far apart and tight.",
    "modality_probe": "Share of right answers; 0.5 is guessing.",
    "mmd2_fixed": "About 0 means alike; may be compared between strategies.",
    "mmd2": "About 0 means alike. Its scale follows the clouds, so it misleads between strategies.",
    "silhouette_modality": "About 0 means mixed, 1 means apart.",
    "uniformity_x": _SPREAD,
    "uniformity_y": _SPREAD,
    "uniformity_joint": _SPREAD,
    "effective_rank_x": _RANK,
    "effective_rank_y": _RANK,
    "v_measure": "1 means that its clusters are the emotions, 0 that they tell nothing of them.",
    "silhouette_emotion": "1 means tight, separate groups.",
    "precision_at_1": "Share of all items.",
    "precision_at_5": "Mean share.",
    "precision_at_5_xy": "Mean share.",
    "precision_at_5_yx": "Mean share.",
    "alignment_emotion": "Mean squared distance; 0 means on one point.",
    "foscttm_emotion": "0.5 is guessing.",
    "w2_ratio_emotion": "W2 (distance of distributions) within one emotion, divided by that to "
    "others; below 1 is closer.",
    "alignment": "Mean squared distance; 0 means on one point.",
    "relative_gap": "0 means together; near 1, far apart and tight.",
    "recall_at_1": "Share of all recordings.",
    "recall_at_5": "Share of all recordings.",
    "mrr": "Mean of 1 / rank; 1 means that it is always the nearest.",
    "foscttm": "Mean share; 0.5 is guessing.",
    "linear_cka": "1 means exactly alike.",
    "mutual_neighbours": "Share of the ten nearest in one modality that are so in the other.",
    "w2_ratio": "W2 (distance of distributions) within one recording, divided by that to others; "
    "below 1 is closer.",
}
NULLS = {
    Null.MODALITIES: "if items had their modality at random",
    Null.EMOTIONS: "if items had their emotion at random",
    Null.PARTNERS: "if halves had their partner at random",
    Null.DIRECTIONS: "if embeddings had their direction at random",
}


class Arrow(NamedTuple):
    """The better direction, for the eye and for screen readers."""

    sign: str
    meaning: str


ARROWS = {
    "higher": Arrow("↑", "higher is better"),
    "lower": Arrow("↓", "lower is better"),
    "": Arrow("", ""),
}


def metric_of(column: str) -> str:
    """The metric that a column of a table holds, before or after alignment."""
    return AHEAD_OF.get(column, column)


def explanation(column: str, lead: str, partner: str) -> str:
    """A metric's question, how to read its value, and what its null line means; or nothing.

    Args:
        column: Of a table.
        lead: What the leading modality carries, such as `voice`.
        partner: What the other carries.
    """
    name = metric_of(column)
    if name not in COLUMNS:
        return ""
    metric = COLUMNS[name]
    question = metric.question.format(x=lead, y=partner)
    return f"{question} {MEANINGS[name]} By chance: {NULLS[metric.null]}."


def tooltip(title: str, after: str, meaning: str) -> str:
    """A metric's title, its meaning shown on hover and on focus; `title` and `after` are markup."""
    return (
        f'<span class="at-tip" tabindex="0"><span class="at-tip-name">{title}</span>{after}'
        f'<span class="at-tip-text" role="tooltip">{escape(meaning)}</span></span>'
    )
