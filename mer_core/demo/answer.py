"""A prediction as plain JSON, for programs that call the page's API."""

from __future__ import annotations

from typing import Any

from mer_core.demo.panels.sentence import summary
from mer_core.types import Prediction

Map = dict[str, float]


def as_json(prediction: Prediction) -> dict[str, Any]:
    """Names and numbers only; the same fields as the command line, and a sentence."""
    refused = prediction.state == "refused"
    error = {"kind": prediction.error_kind, "message": prediction.message} if refused else None
    return {
        "emotion": prediction.emotion,
        "probabilities": _rounded(prediction.probabilities),
        "by_modality": {
            name: None if chances is None else _rounded(chances)
            for name, chances in prediction.by_modality.items()
        },
        "state": prediction.state,
        "message": prediction.message,
        "error": error,
        "sentence": summary(prediction),
        "framework": prediction.framework,
        "duration": None if prediction.duration is None else round(prediction.duration, 3),
        "timeline": [
            {
                "start": round(window.start, 3),
                "end": round(window.end, 3),
                "emotion": window.emotion,
                "probabilities": _rounded(window.probabilities),
            }
            for window in prediction.timeline
        ],
    }


def _rounded(probabilities: Map) -> Map:
    return {name: round(float(chance), 6) for name, chance in probabilities.items()}
