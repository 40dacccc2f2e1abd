"""Which metrics there are: their names in tables, the questions they answer, and what they need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Literal


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


class Null(Enum):
    """What is left to chance for a metric's null line: its value where there is nothing to find."""

    MODALITIES = "which modality an item is of"
    EMOTIONS = "which emotion an item has"
    PARTNERS = "which item of the other modality is an item's partner"
    DIRECTIONS = "in which direction each embedding points"


@dataclass(frozen=True)
class Metric:
    """A metric's name in tables, what it asks, its better direction, null line and requirements.

    Attributes:
        title: With `{x}` and `{y}` in place of the modalities' names.
        question: That it answers, in one sentence; `{x}` and `{y}` as in the title.
        better: `lower`, `higher`, or empty where neither is better.
        null: What its null line leaves to chance (`mer_core.metrics.nulls`).
        needs: `NOTHING`, or a key of `REASONS`.
    """

    title: str
    question: str
    better: Literal["lower", "higher", ""]
    null: Null
    needs: Need = Need.NOTHING


_SPREAD = "How widely are the embeddings of {x} spread over the sphere?"
_RANK = "In how many directions are the embeddings of {x} spread?"
_PRECISION = "How many of the five nearest items of the other modality have the same emotion?"

_CLOUDS = {
    "mixing": Metric(
        "mixing",
        "How many of an item's 15 nearest are of the other modality?",
        "higher",
        Null.MODALITIES,
    ),
    "modality_gap": Metric(
        "modality gap", "How far apart are the clouds' centres?", "lower", Null.MODALITIES
    ),
    "distribution_gap": Metric(
        "distribution gap",
        "How differently are the clouds spread, once their centres are moved together?",
        "lower",
        Null.MODALITIES,
    ),
    "centroid_share": Metric(
        "centres' share of the gap",
        "How much of the gap would moving the centres together close?",
        "",
        Null.MODALITIES,
    ),
    "relative_gap_emotion": Metric(
        "relative gap, same emotion",
        "How far is an emotion from itself in the other modality, compared with the width of the "
        "clouds?",
        "lower",
        Null.MODALITIES,
    ),
    "modality_probe": Metric(
        "modality probe",
        "Can a linear classifier tell which modality an item is of?",
        "lower",
        Null.MODALITIES,
    ),
    "mmd2_fixed": Metric(
        "MMD², fixed bandwidth",
        "How much do the distributions of the clouds differ, on a scale that all strategies share?",
        "lower",
        Null.MODALITIES,
    ),
    "mmd2": Metric(
        "MMD², own bandwidth",
        "Do the distributions of these two clouds differ at all, on their own scale?",
        "lower",
        Null.MODALITIES,
    ),
    "silhouette_modality": Metric(
        "silhouette by modality",
        "Is an item nearer to its own modality than to the other?",
        "lower",
        Null.MODALITIES,
    ),
    "uniformity_x": Metric("uniformity, {x}", _SPREAD, "", Null.DIRECTIONS),
    "uniformity_y": Metric("uniformity, {y}", _SPREAD.replace("{x}", "{y}"), "", Null.DIRECTIONS),
    "uniformity_joint": Metric(
        "uniformity, joint",
        "How widely are all embeddings spread over the sphere, or did they collapse?",
        "",
        Null.DIRECTIONS,
    ),
    "effective_rank_x": Metric("effective rank, {x}", _RANK, "", Null.DIRECTIONS),
    "effective_rank_y": Metric(
        "effective rank, {y}", _RANK.replace("{x}", "{y}"), "", Null.DIRECTIONS
    ),
}
_EMOTIONS = {
    "v_measure": Metric(
        "V-measure",
        "Does k-means on both modalities together find the emotions?",
        "higher",
        Null.EMOTIONS,
    ),
    "silhouette_emotion": Metric(
        "silhouette by emotion",
        "Is an item nearer to its own emotion than to the others, whatever its modality?",
        "higher",
        Null.EMOTIONS,
    ),
    "precision_at_1": Metric(
        "P@1, same emotion",
        "How often has the nearest item of the other modality the same emotion?",
        "higher",
        Null.EMOTIONS,
    ),
    "precision_at_5": Metric("P@5, same emotion", _PRECISION, "higher", Null.EMOTIONS),
    "precision_at_5_xy": Metric(
        "P@5 {x}→{y}",
        "How many of the five nearest items of {y} have the emotion of an item of {x}?",
        "higher",
        Null.EMOTIONS,
    ),
    "precision_at_5_yx": Metric(
        "P@5 {y}→{x}",
        "How many of the five nearest items of {x} have the emotion of an item of {y}?",
        "higher",
        Null.EMOTIONS,
    ),
    "alignment_emotion": Metric(
        "alignment, same emotion",
        "How far are items of one emotion from each other across the modalities?",
        "lower",
        Null.EMOTIONS,
    ),
    "foscttm_emotion": Metric(
        "FOSCTTM, same emotion",
        "How often is an item of another emotion nearer than one of the same?",
        "lower",
        Null.EMOTIONS,
    ),
    "w2_ratio_emotion": Metric(
        "W2 same / other emotion",
        "Are the Gaussians of one emotion nearer to each other than to those of the others?",
        "lower",
        Null.EMOTIONS,
        Need.GAUSSIANS,
    ),
}
_PAIRS = {
    "alignment": Metric(
        "alignment",
        "How far apart are the two halves of a recording?",
        "lower",
        Null.PARTNERS,
        Need.PAIRS,
    ),
    "relative_gap": Metric(
        "relative gap",
        "How far apart are the two halves of a recording, compared with the width of the clouds?",
        "lower",
        Null.PARTNERS,
        Need.PAIRS,
    ),
    "recall_at_1": Metric(
        "R@1",
        "How often is a recording's own other half the nearest?",
        "higher",
        Null.PARTNERS,
        Need.PAIRS,
    ),
    "recall_at_5": Metric(
        "R@5",
        "How often is a recording's own other half among the five nearest?",
        "higher",
        Null.PARTNERS,
        Need.PAIRS,
    ),
    "mrr": Metric(
        "MRR",
        "How early in the order of distance comes a recording's own other half?",
        "higher",
        Null.PARTNERS,
        Need.PAIRS,
    ),
    "foscttm": Metric(
        "FOSCTTM",
        "How many items are nearer than a recording's own other half?",
        "lower",
        Null.PARTNERS,
        Need.PAIRS,
    ),
    "linear_cka": Metric(
        "linear CKA",
        "Do both modalities arrange the recordings alike, all in all?",
        "higher",
        Null.PARTNERS,
        Need.PAIRS,
    ),
    "mutual_neighbours": Metric(
        "mutual neighbours",
        "Do recordings have the same neighbours in both modalities?",
        "higher",
        Null.PARTNERS,
        Need.PAIRS,
    ),
    "w2_ratio": Metric(
        "W2 paired / unpaired",
        "Are the Gaussians of a recording's halves nearer to each other than to the others'?",
        "lower",
        Null.PARTNERS,
        Need.PAIRS | Need.GAUSSIANS,
    ),
}
METRICS: dict[str, Metric] = _CLOUDS | _EMOTIONS | _PAIRS

# Metrics of the clouds before alignment that tables show beside those after it.
AHEAD = (
    "before/mixing",
    "before/modality_gap",
    "before/modality_probe",
    "before/silhouette_modality",
    "before/uniformity_joint",
    "before/precision_at_5",
    "before/silhouette_emotion",
)

# Of recognition, on the same pairs.
RECOGNITION: dict[str, Metric] = {
    "unweighted_accuracy": Metric(
        "UA",
        "How many items of a category are recognised, each category counting the same?",
        "higher",
        Null.EMOTIONS,
    ),
    "weighted_accuracy": Metric(
        "WA",
        "How many items are recognised, each item counting the same?",
        "higher",
        Null.EMOTIONS,
    ),
    "macro_f1": Metric(
        "macro-F1",
        "How good are precision and recall together, each category counting the same?",
        "higher",
        Null.EMOTIONS,
    ),
    "ece": Metric(
        "ECE",
        "How far is the model's confidence from how often it is right?",
        "lower",
        Null.EMOTIONS,
    ),
}
