"""One recording scored by the heads of all alignment strategies of a framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mer_core.checkpoints.checkpoint import Checkpoint
from mer_core.checkpoints.errors import ForeignHeadError, MissingHeadError
from mer_core.checkpoints.heads import load_heads
from mer_core.frameworks.descriptor import BEFORE
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.occlusion import Parts, encode_parts, explainable, occlusions
from mer_core.serving.speech_text import Encoded, SpeechTextScorer
from mer_core.serving.video import EncodedVideo, VideoScorer
from mer_core.serving.video_inputs import VideoInputs
from mer_core.types import Occlusions, Prediction


class Strategies:
    """Heads that share the encoders of one scorer: a recording is encoded once for all of them.

    Safe to use from several threads: the encoders run under the scorer's lock, each head under its
    own.

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
        """Read every head inside `folder`, by the name of its subfolder.

        Args:
            folder: Of the heads' folders.
            scorer: Whose encoders the heads will use.
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

    def score(self, inputs: SpeechTextInputs | VideoInputs) -> dict[str, Prediction]:
        """One prediction for each strategy: `encode`, then `score_encoded`.

        Raises:
            ValueError: Inputs of the other kind.
        """
        return self.score_encoded(self.encode(inputs))

    def encode(
        self,
        inputs: SpeechTextInputs | VideoInputs,
        earlier: Sequence[Encoded | EncodedVideo] = (),
    ) -> Encoded | EncodedVideo:
        """What all heads score.

        Args:
            inputs: As the scorer takes them.
            earlier: Other results of this; a half that is in one of them is not encoded again.

        Raises:
            ValueError: Inputs of the other kind.
        """
        scorer = self._scorer
        if isinstance(inputs, VideoInputs):
            if not isinstance(scorer, VideoScorer):
                raise ValueError(f"{self.framework} judges sound and text, not a video.")
            videos = [one for one in earlier if isinstance(one, EncodedVideo)]
            return scorer.encode(inputs, videos)
        if not isinstance(scorer, SpeechTextScorer):
            raise ValueError(f"{self.framework} judges a video, not sound or text alone.")
        recordings = [one for one in earlier if isinstance(one, Encoded)]
        return scorer.encode([inputs], earlier=recordings)

    def score_encoded(self, encoded: Encoded | EncodedVideo) -> dict[str, Prediction]:
        """Strategy → the prediction of a scorer with that head.

        `face` and `envelope`, which are large and the same for all, and `timeline`, which is slow,
        are left empty.
        """
        if isinstance(encoded, EncodedVideo):
            predictions = {
                name: head.score_encoded(encoded, timeline=False)
                for name, head in self._heads.items()
            }
        else:
            predictions = {n: head.score_encoded(encoded)[0] for n, head in self._heads.items()}
        return {
            name: replace(prediction, face=None, envelope=None, timeline=())
            for name, prediction in predictions.items()
        }

    def parts(self, encoded: Encoded | EncodedVideo) -> Parts | None:
        """What may be left out of a clip, for `occlusions`; None of a video, and if nothing may."""
        scorer = self._scorer
        if not isinstance(scorer, SpeechTextScorer) or not isinstance(encoded, Encoded):
            return None
        return encode_parts(scorer, encoded) if explainable(*encoded.inputs) else None

    def occlusions(self, strategy: str, parts: Parts) -> Occlusions:
        """What single words and moments change under one strategy."""
        return occlusions(self._heads[strategy], parts)
