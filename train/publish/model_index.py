"""`metrics.json` as the Hub's `model-index`: what a model scored on what, for its page.

The schema is https://github.com/huggingface/hub-docs/blob/main/modelcard.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from huggingface_hub import EvalResult
from huggingface_hub.repocard_data import eval_results_to_model_index

from mer_core.types import COMBINED
from train.data.pairs import SetKind, SetName

DIGITS = 4  # more than any of our test sets can tell apart


class Task(NamedTuple):
    """A task of the Hub, and what it is here."""

    type: str
    name: str


class Metric(NamedTuple):
    """A metric: its key in `metrics.json`, and what the Hub calls it."""

    key: str
    type: str
    name: str
    args: dict[str, str] | None = None


SPEECH = Task("audio-classification", "Speech emotion recognition")
TASKS = {
    "speech": SPEECH,
    "audio": SPEECH,
    "text": Task("text-classification", "Text emotion recognition"),
    "video": Task("video-classification", "Facial expression recognition"),
    # The Hub has no task for two modalities at once. Both frameworks lead with the voice.
    COMBINED: Task("audio-classification", "Multimodal emotion recognition"),
}
METRICS = (
    Metric("unweighted_accuracy", "recall", "Unweighted accuracy (UA)", {"average": "macro"}),
    Metric("weighted_accuracy", "accuracy", "Weighted accuracy (WA)"),
    Metric("macro_f1", "f1", "Macro-averaged F1", {"average": "macro"}),
    Metric("ece", "ece", "Expected calibration error (ECE)"),
)
PAIRINGS = {
    SetKind.ALONE: "",
    SetKind.PAIRED: ", paired by label",
    SetKind.NATURAL: ", natural pairs",
    SetKind.SPOKEN: ", voices with the neutral sentences that they say",
}
# Halves of these pairs alone are the sets of one modality over again, with other weights.
FUSION_ONLY = {SetKind.PAIRED, SetKind.SPOKEN}


def model_index(name: str, metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entry of one framework, or none if nothing was measured.

    Args:
        name: Of the model.
        metrics: What `metrics.json` holds.

    Raises:
        ValueError: `metrics` is of another shape.
    """
    try:
        results = list(_results(metrics))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"metrics.json of {name} is not as `evaluate` writes it ({error!r}); measure it again."
        ) from error
    return list(eval_results_to_model_index(name, results)) if results else []


def _results(metrics: Mapping[str, Any]) -> Iterator[EvalResult]:
    if not metrics:
        return
    split = metrics["protocol"]["split"].partition(";")[0]  # "test; temperatures and every …"
    for text, branches in metrics["sets"].items():
        name = SetName.parse(text)
        for branch, report in branches.items():
            if name.kind in FUSION_ONLY and branch != COMBINED:
                continue
            task = TASKS[branch if branch in TASKS else name.modality]
            for metric in METRICS:
                value = report[metric.key]
                if value is None or not math.isfinite(value):
                    continue  # such as the ECE of a set without one answer
                yield EvalResult(
                    task_type=task.type,
                    task_name=task.name,
                    dataset_type="+".join(name.corpora),
                    dataset_name=f"{' × '.join(name.corpora)}{PAIRINGS[name.kind]}",
                    dataset_config=f"{name.kind}, {branch}",
                    dataset_split=split,
                    metric_type=metric.type,
                    metric_name=metric.name,
                    metric_value=round(value, DIGITS),
                    metric_args=metric.args,
                )
