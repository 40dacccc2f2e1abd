"""A framework's reader and scorer, made from its checkpoint."""

from __future__ import annotations

from typing import Any

import torch

from mer_core.checkpoints.checkpoint import Checkpoint
from mer_core.checkpoints.weights import parameters
from mer_core.frameworks.base import Framework
from mer_core.media import MediaError
from mer_core.serving.inputs import SpeechTextReader
from mer_core.serving.speech_text import SpeechTextScorer
from mer_core.serving.video import VideoScorer
from mer_core.serving.video_inputs import VideoReader
from mer_core.types import Prediction, State


class SpeechTextPipeline:
    """Reader and scorer of a framework of speech, text or both."""

    def __init__(self, name: str, checkpoint: Checkpoint, device: torch.device) -> None:
        self.scorer = SpeechTextScorer(
            checkpoint.framework, name, checkpoint.config.get("temperatures", {}), device
        )
        encoders = checkpoint.framework.encoders().values()
        modalities = tuple(encoder.modality for encoder in encoders)
        tokenizers = [encoder.tokenizer for encoder in encoders if encoder.tokenizer]
        self.reader = SpeechTextReader(tokenizers[0] if tokenizers else None, modalities)


class VideoPipeline:
    """Reader and scorer of a framework of a face, alone or with a voice or words."""

    def __init__(
        self, name: str, checkpoint: Checkpoint, device: torch.device, detector: str | None
    ) -> None:
        self.scorer = VideoScorer(
            checkpoint.framework, name, checkpoint.config.get("temperatures", {}), device
        )
        by_modality = {e.modality: e for e in checkpoint.framework.encoders().values()}
        face, text = by_modality["video"], by_modality.get("text")
        assert face.view is not None
        assert face.picture_size is not None
        self.reader = VideoReader(
            face.view,
            face.picture_size,
            detector,
            hears="speech" in by_modality,
            tokenizer=text.tokenizer if text else None,
        )


def facts(checkpoint: Checkpoint) -> dict[str, Any]:
    """What a framework is made of, and its measured figures."""
    encoders = checkpoint.framework.encoders()
    return {
        "modalities": list(encoders),
        "parameters": parameters(checkpoint.framework),
        "encoders": {name: each.architecture()["family"] for name, each in encoders.items()},
        "temperatures": checkpoint.config.get("temperatures", {}),
        "metrics": checkpoint.metrics,
    }


def reads_video(framework: Framework) -> bool:
    """Whether one of its encoders does."""
    return any(encoder.modality == "video" for encoder in framework.encoders().values())


def refusal(error: MediaError, scorer: SpeechTextScorer | VideoScorer | None) -> Prediction:
    """The prediction for input that cannot be read, by the scorer it was meant for."""
    return Prediction(
        emotion=None,
        probabilities={},
        by_modality=dict.fromkeys(scorer.conditions) if scorer else {},
        state=State.REFUSED,
        message=error.message,
        error_kind=error.kind,
        framework=scorer.name if scorer else "",
    )
