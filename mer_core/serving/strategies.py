"""Every alignment strategy's head of one framework, asked about one recording at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mer_core.checkpoints.checkpoint import Checkpoint
from mer_core.checkpoints.errors import ForeignHeadError, MissingHeadError
from mer_core.checkpoints.heads import load_heads
from mer_core.frameworks.descriptor import BEFORE
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.speech_text import SpeechTextScorer
from mer_core.serving.video import VideoScorer
from mer_core.serving.video_inputs import VideoInputs
from mer_core.types import Prediction


class Strategies:
    """All heads stand on the encoders of one scorer: a recording is encoded once for all of them.

    Like a scorer, it may be asked from several threads at once. The encoders run under the lock of
    the scorer that they belong to, each head under its own.

    Args:
        scorer: Whose encoders are shared.
        heads: Strategy → its head on those encoders, `BEFORE` among them.

    Attributes:
        framework: Name of the framework.
        names: Of the strategies, `BEFORE` first.
    """

    def __init__(
        self, scorer: SpeechTextScorer | VideoScorer, heads: Mapping[str, Checkpoint]
    ) -> None:
        self.framework = scorer.name
        self.names = (BEFORE, *(name for name in heads if name != BEFORE))
        self._scorer = scorer
        make = type(scorer)
        self._heads: dict[str, Any] = {  # scorers of the same class
            name: make(
                heads[name].framework.to(scorer.device),
                scorer.name,
                heads[name].config.get("temperatures", {}),
                scorer.device,
            )
            for name in self.names
        }

    @classmethod
    def load(
        cls, folder: Path, scorer: SpeechTextScorer | VideoScorer, needed: Iterable[str] = ()
    ) -> Strategies:
        """Read every head inside `folder`, by the name of its own folder.

        Args:
            folder: Of the heads' folders.
            scorer: Whose encoders they shall stand on.
            needed: Strategies that must be there beside `BEFORE`.

        Raises:
            MissingHeadError: A head is not there, or a file of one.
            ForeignHeadError: One does not fit the scorer.
            CheckpointError: One is damaged.
        """
        heads = load_heads(folder, scorer.framework.encoders())
        if missing := [name for name in dict.fromkeys((BEFORE, *needed)) if name not in heads]:
            raise MissingHeadError(f"{folder.name} holds no head {', '.join(map(repr, missing))}.")
        for name, head in heads.items():
            of = head.config["architecture"]["framework"]
            if of != scorer.name:
                raise ForeignHeadError(f"{name}: a head of {of}, not of {scorer.name}.")
        return cls(scorer, heads)

    def score(self, reading: SpeechTextInputs | VideoInputs) -> dict[str, Prediction]:
        """What every strategy's network says.

        Args:
            reading: A video's for a scorer of videos, a recording's or a text's for the other.

        Returns:
            Strategy → what a scorer with that head alone says, but for what is large and the same
            for all, or slow: `face`, `envelope` and `timeline` are empty.

        Raises:
            ValueError: A reading of the other kind.
        """
        said = self._of_clip(reading) if isinstance(reading, VideoInputs) else self._of(reading)
        return {
            name: replace(prediction, face=None, envelope=None, timeline=())
            for name, prediction in said.items()
        }

    def _of_clip(self, reading: VideoInputs) -> dict[str, Prediction]:
        if not isinstance(self._scorer, VideoScorer):
            raise ValueError(f"{self.framework} judges sound and text, not a video.")
        clip = self._scorer.encode(reading)
        return {n: head.score_encoded(clip, timeline=False) for n, head in self._heads.items()}

    def _of(self, reading: SpeechTextInputs) -> dict[str, Prediction]:
        if not isinstance(self._scorer, SpeechTextScorer):
            raise ValueError(f"{self.framework} judges a video, not sound or text alone.")
        encoded = self._scorer.encode([reading])
        return {name: head.score_encoded(encoded)[0] for name, head in self._heads.items()}
