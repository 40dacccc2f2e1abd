"""Which metrics the page shows where, and each in one simple sentence."""

from __future__ import annotations

from mer_core.metrics.report import AHEAD

# Title and the better direction, as in `alignment_report.METRICS`.
RECOGNITION: dict[str, tuple[str, str]] = {
    "unweighted_accuracy": ("unweighted accuracy (UA)", "higher"),
    "weighted_accuracy": ("weighted accuracy (WA)", "higher"),
    "macro_f1": ("macro-F1", "higher"),
    "ece": ("calibration error (ECE)", "lower"),
}

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
    "Do the clouds meet?": ("modality_probe", "mmd2", "uniformity_x", "uniformity_y"),
    "Is an emotion found in the other modality?": (
        "precision_at_1",
        "precision_at_5",
        "silhouette_emotion",
        "alignment_emotion",
        "foscttm_emotion",
        "w2_ratio_emotion",
    ),
    "The same network, ahead of its alignment": AHEAD,
}

# What takes the place of a metric that needs natural pairs.
INSTEAD = {
    "alignment": "alignment_emotion",
    "recall_at_1": "precision_at_1",
    "recall_at_5": "precision_at_5",
    "foscttm": "foscttm_emotion",
    "w2_ratio": "w2_ratio_emotion",
}

MEANINGS = {
    "unweighted_accuracy": "Share of right categories, each category counting the same.",
    "weighted_accuracy": "Share of right categories, each item counting the same.",
    "macro_f1": "Precision and recall in one number, each category counting the same.",
    "ece": "How far stated confidence is from how often the model is right; 0 is honest.",
    "modality_gap": "Distance between the centres of the two clouds; 0 means they share one.",
    "modality_probe": "How often a straight cut tells the modalities apart; 0.5 is guessing.",
    "mmd2": "How different the two clouds are as a whole; about 0 means alike.",
    "silhouette_modality": "How separate the two modalities are; about 0 means mixed.",
    "uniformity_x": "How widely this modality is spread; 0 means all on one point.",
    "uniformity_y": "How widely this modality is spread; 0 means all on one point.",
    "uniformity_joint": "How widely all points are spread; 0 means all on one point: a collapse.",
    "silhouette_emotion": "How separate the emotions are; 1 means tight, separate groups.",
    "precision_at_1": "How often the nearest item of the other modality has the same emotion.",
    "precision_at_5": "Share of the five nearest of the other modality with the same emotion.",
    "precision_at_5_xy": "Share of the five nearest of the other modality with the same emotion.",
    "precision_at_5_yx": "Share of the five nearest of the other modality with the same emotion.",
    "alignment_emotion": "Mean squared distance of items of one emotion across modalities.",
    "foscttm_emotion": "Chance that another emotion is nearer than the same one; 0.5 is guessing.",
    "w2_ratio_emotion": "Distance of Gaussians of one emotion, over that of others; below 1: near.",
    "alignment": "Mean squared distance of the two halves of one recording.",
    "recall_at_1": "How often the nearest item of the other modality is the clip's own half.",
    "recall_at_5": "How often the own half is among the five nearest.",
    "mrr": "Mean of 1 / rank of the own half; 1 means it is always the nearest.",
    "foscttm": "Share of items that are closer than the own half; 0 is best, 0.5 is guessing.",
    "linear_cka": "Whether both modalities arrange the clips alike; 1 means just the same.",
    "w2_ratio": "Distance of Gaussians of one recording, over that of others; below 1: nearer.",
}
