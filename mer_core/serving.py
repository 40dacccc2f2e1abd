"""`Predictor`: a recording and a text in, a `Prediction` out.

Reading (media, speech activity, text) is apart from judging (the framework), so that a clip
without speech or a text in another script is simply an absent modality with a reason.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mer_core.checkpoint import Checkpoint, load_checkpoint, parameters
from mer_core.judging import Judge
from mer_core.media import MediaError
from mer_core.media.audio import AudioSource
from mer_core.reading import Reader, Reading
from mer_core.types import Prediction

DEFAULT_MODEL = Path(__file__).resolve().parent.parent / "assets" / "default"


class Predictor:
    """One loaded model, ready to be asked. Keeps nothing of what it is given.

    Attributes:
        labels: The categories it can assign.
        framework: Name of the framework, such as `mgcma`.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self._checkpoint = checkpoint
        self._network = checkpoint.framework.to(device)
        self.labels = checkpoint.framework.labels
        self.framework: str = checkpoint.config["architecture"]["framework"]
        encoders = self._network.encoders()
        self._reader = Reader(getattr(encoders.get("text"), "tokenizer", None), tuple(encoders))
        self._judge = Judge(
            self._network, self.framework, checkpoint.config.get("temperatures", {}), device
        )

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str] | None = None,
        device: str = "auto",
        revision: str | None = None,
    ) -> Predictor:
        """Load a model.

        Args:
            source: A checkpoint folder or a Hub id; None is the default that ships with Attune.
            device: `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:N`.
            revision: Branch, tag or commit of a Hub id.

        Raises:
            CheckpointError: There is no such model, or it is not one of ours.
            ValueError: There is no such device.
        """
        chosen = pick_device(device)
        return cls(load_checkpoint(DEFAULT_MODEL if source is None else source, revision), chosen)

    def predict(self, audio: AudioSource | None = None, text: str | None = None) -> Prediction:
        """Judge one recording, one text, or both.

        Args:
            audio: A path, the bytes of a file, or (waveform, sample rate in Hz).
            text: What was said.

        Returns:
            A prediction; its `state` says if there is no label, or one of half the input only.

        Raises:
            MediaError: The input cannot be read, or there is none. Its text is for people.
        """
        return self._judge.judge([self._reader.read(audio, text)])[0]

    def predict_many(
        self, items: Sequence[Mapping[str, Any]], batch_size: int = 16
    ) -> list[Prediction]:
        """Judge many, with the numbers that `predict` gives one by one.

        Args:
            items: Mappings with `audio`, `text` (either may be missing) and, for tables, `name`.
            batch_size: Windows of speech that go through the network at once.

        Returns:
            One prediction an item, in order. An item that cannot be read has the state `refused`,
            its reason in `message` and `error_kind`.
        """
        results: list[Prediction | None] = [None] * len(items)
        readings: list[Reading] = []
        places: list[int] = []
        for place, item in enumerate(items):
            try:
                readings.append(self._reader.read(item.get("audio"), item.get("text")))
                places.append(place)
            except MediaError as error:
                results[place] = refusal(error, self.framework)
        for place, prediction in zip(places, self._judge.judge(readings, batch_size), strict=True):
            results[place] = prediction
        return [
            replace(result, name=str(item.get("name", "")))
            for result, item in zip(results, items, strict=True)
            if result is not None
        ]

    def info(self) -> dict[str, Any]:
        """What is loaded: names, sizes, labels, temperatures and the measured figures."""
        return {
            "model": self._checkpoint.source,
            "framework": self.framework,
            "labels": list(self.labels),
            "modalities": list(self._network.encoders()),
            "parameters": parameters(self._network),
            "encoders": {
                modality: encoder.architecture()["family"]
                for modality, encoder in self._network.encoders().items()
            },
            "temperatures": self._checkpoint.config.get("temperatures", {}),
            "metrics": self._checkpoint.metrics,
        }


def refusal(error: MediaError, framework: str) -> Prediction:
    """The prediction that stands for input which cannot be read."""
    return Prediction(
        emotion=None,
        probabilities={},
        by_modality={"speech": None, "text": None, "both": None},
        state="refused",
        message=error.message,
        error_kind=error.kind,
        framework=framework,
    )


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` takes a GPU where there is one.

    Raises:
        ValueError: There is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise ValueError(f"There is no device {name!r} here; try auto or cpu.") from None
    return device
