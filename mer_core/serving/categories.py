"""A prediction as if the model could only choose among some of its categories."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from mer_core.types import Prediction, Window

FEWEST = 2  # categories: with one there is nothing to choose


def restricted(prediction: Prediction, categories: Collection[str]) -> Prediction:
    """The softmax over the chosen categories' logits alone; their ratios stay as they are.

    Args:
        prediction: Of all categories; without a label it stays the same.
        categories: At least `FEWEST` of its own; others are ignored.

    Raises:
        ValueError: Fewer than `FEWEST` of the prediction's categories are left.
    """
    if prediction.emotion is None:
        return prediction
    left = [name for name in prediction.probabilities if name in categories]
    if len(left) < FEWEST:
        raise ValueError(f"Choose at least {FEWEST} categories.")
    probabilities = _renormalised(prediction.probabilities, left)
    return replace(
        prediction,
        emotion=_first(probabilities),
        probabilities=probabilities,
        by_modality={
            modality: None if named is None else _renormalised(named, left)
            for modality, named in prediction.by_modality.items()
        },
        timeline=tuple(_window(window, left) for window in prediction.timeline),
    )


def _window(window: Window, left: list[str]) -> Window:
    if window.emotion is None:
        return window
    probabilities = _renormalised(window.probabilities, left)
    return replace(window, emotion=_first(probabilities), probabilities=probabilities)


def _renormalised(probabilities: Mapping[str, float], left: list[str]) -> dict[str, float]:
    # Probabilities of which double precision left nothing count as equal.
    tiny = np.finfo(np.float64).tiny
    total = sum(max(probabilities[name], tiny) for name in left)
    return {name: max(probabilities[name], tiny) / total for name in left}


def _first(probabilities: Mapping[str, float]) -> str:
    return max(probabilities, key=lambda name: probabilities[name])
