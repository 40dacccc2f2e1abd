"""Which metrics the page shows where, and each in one simple sentence."""

from __future__ import annotations

from typing import NamedTuple

from mer_core.demo.panels.markup import escape
from mer_core.metrics.report import AHEAD, METRICS, Metric, Need

RECOGNITION = {
    "unweighted_accuracy": Metric("unweighted accuracy (UA)", "higher"),
    "weighted_accuracy": Metric("weighted accuracy (WA)", "higher"),
    "macro_f1": Metric("macro-F1", "higher"),
    "ece": Metric("calibration error (ECE)", "lower"),
}
COLUMNS = {**RECOGNITION, **METRICS}
NATURAL = tuple(  # metrics that need natural pairs
    name for name, metric in METRICS.items() if Need.PAIRS in metric.needs
)
# Columns of `AHEAD` → the metric, measured on the same network before its alignment.
AHEAD_OF = {f"before/{name}": name for name in METRICS}

HEADLINE = (
    "unweighted_accuracy",
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
        "modality_probe",
        "mmd2",
        "uniformity_x",
        "uniformity_y",
    ),
    "Does an emotion match across modalities?": (
        "precision_at_1",
        "precision_at_5",
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
    "recall_at_1": "precision_at_1",
    "recall_at_5": "precision_at_5",
    "foscttm": "foscttm_emotion",
    "w2_ratio": "w2_ratio_emotion",
}

_SPREAD = "How widely this modality's embeddings are spread; 0 means all on one point."
_P_AT_5 = "Share of the five nearest items of the other modality that have the same emotion."

MEANINGS = {
    "unweighted_accuracy": "Share of right categories; each category counts the same.",
    "weighted_accuracy": "Share of right categories; each item counts the same.",
    "macro_f1": "Precision and recall in one number; each category counts the same.",
    "ece": "How far the model's confidence is from how often it is right; 0 is best.",
    "modality_gap": "Distance between the centres of the two clouds of embeddings.",
    "modality_probe": "How often a linear classifier names an item's modality; 0.5 is guessing.",
    "mmd2": "How much the two clouds differ overall; about 0 means alike.",
    "silhouette_modality": "How separate the two modalities are; about 0 means mixed.",
    "uniformity_x": _SPREAD,
    "uniformity_y": _SPREAD,
    "uniformity_joint": "How widely all embeddings are spread; 0 means that they collapsed onto "
    "one point.",
    "silhouette_emotion": "How separate the emotions are; 1 means tight, separate groups.",
    "precision_at_1": "How often the nearest item of the other modality has the same emotion.",
    "precision_at_5": _P_AT_5,
    "precision_at_5_xy": _P_AT_5,
    "precision_at_5_yx": _P_AT_5,
    "alignment_emotion": "Mean squared distance of items of one emotion across modalities.",
    "foscttm_emotion": "How often an item of another emotion is closer than one of the same; 0.5 "
    "is guessing.",
    "w2_ratio_emotion": "W2 (distance of distributions) within one emotion, divided by that to "
    "others; below 1 is closer.",
    "alignment": "Mean squared distance of the two halves of one recording.",
    "recall_at_1": "How often the nearest item of the other modality is the clip's own half.",
    "recall_at_5": "How often the clip's own half is among the five nearest.",
    "mrr": "Mean of 1 / rank of the clip's own half; 1 means that it is always the nearest.",
    "foscttm": "Share of items that are closer than the clip's own half; 0.5 is guessing.",
    "linear_cka": "Whether both modalities arrange the clips alike; 1 means exactly alike.",
    "w2_ratio": "W2 (distance of distributions) within one recording, divided by that to others; "
    "below 1 is closer.",
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


def tooltip(title: str, after: str, meaning: str) -> str:
    """A metric's title, its meaning shown on hover and on focus; `title` and `after` are markup."""
    return (
        f'<span class="at-tip" tabindex="0"><span class="at-tip-name">{title}</span>{after}'
        f'<span class="at-tip-text" role="tooltip">{escape(meaning)}</span></span>'
    )
