"""The atlases behind the pages: maps, every strategy's head, and the clips of a visit on them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mer_core.atlas.analysis.ablation import Ablation
from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.collection import INDEX_FILE, Atlas
from mer_core.atlas.visitor import VisitorClip
from mer_core.checkpoints.shipped import ATLAS
from mer_core.demo.engine import FAILED, LOADING, PATIENCE, Analysis, Engine
from mer_core.demo.services.background import Background, LoadState
from mer_core.demo.session import Visits
from mer_core.frameworks.descriptor import BEFORE, DESCRIPTORS
from mer_core.types import SAMPLE_RATE, Occlusions, Prediction

if TYPE_CHECKING:  # they import torch, which the page must not wait for
    from mer_core.serving.inputs import SpeechTextReader
    from mer_core.serving.speech_text import SpeechTextScorer
    from mer_core.serving.strategies import Strategies
    from mer_core.serving.video import VideoScorer
    from mer_core.serving.video_inputs import VideoReader

ABLATION_FILE = "ablation.json"
EDITABLE_SECONDS = 30.0  # a longer clip is on the maps, but its sound is not stored for the lab
QUOTED = 40  # characters of a clip's words in its name

# Why clips cannot be placed, for a visitor; the operator's terminal has the details.
FOREIGN = (
    "Your clips cannot be placed on these maps, which were made with another model than the one "
    "running here; the maps and the table show the model that comes with Attune."
)
MISSING = (
    "Your clips cannot be placed on these maps because files are missing from this installation; "
    "you can still explore the maps and the table."
)
DAMAGED = (
    "Your clips cannot be placed on these maps because files of this installation are damaged; "
    "you can still explore the maps and the table."
)
BROKEN = (
    "Your clips cannot be placed on these maps because something went wrong on our side; "
    "the terminal that runs this page says more."
)


@dataclass(frozen=True)
class Heads:
    """Result of loading the heads; with a model, each framework with maps is in one of the two.

    Attributes:
        strategies: Framework → its heads.
        refused: Framework → why it has none, for a visitor.
    """

    strategies: Mapping[str, Strategies]
    refused: Mapping[str, str]


class Atlases:
    """Maps are read at once; heads are loaded after the model, in the background.

    Args:
        engine: The model.
        visits: Where the clips are stored.
        folder: One atlas per framework, in folders of their names.
    """

    def __init__(self, engine: Engine, visits: Visits, folder: Path = ATLAS) -> None:
        self._engine, self._folder = engine, folder
        self.visits = visits
        self._heads = Background(self._load_heads, "strategies")
        # They go with their clip.
        self._parts: WeakKeyDictionary[VisitorClip, Any] = WeakKeyDictionary()
        self._occlusions: WeakKeyDictionary[VisitorClip, dict[str, Occlusions]] = (
            WeakKeyDictionary()
        )
        self.atlas = cache(self._load_atlas)
        self.ablation = cache(self._load_ablation)
        self.frameworks = tuple(name for name in DESCRIPTORS if self._readable(name))

    def start(self) -> None:
        """Begin to load the heads, once the model is loaded."""
        self._heads.start()

    def strategies(self, framework: str) -> Strategies | None:
        """The framework's heads, or None without any; waits for them."""
        self.start()
        self._heads.wait(PATIENCE)
        heads = self._heads.value
        return None if heads is None else heads.strategies.get(framework)

    def reader(self, framework: str) -> SpeechTextReader | VideoReader:
        """What reads a changed clip again."""
        assert self._engine.model is not None, "a clip was read, so there is a model"
        return self._engine.model.readers[framework]

    def problem(self, framework: str) -> str:
        """Why clips cannot be placed, in words; empty where they can, or soon can."""
        if self._engine.state is LoadState.FAILED:
            return FAILED
        if not self._heads.state.ended:
            return "" if self._engine.state is LoadState.READY else LOADING
        heads = self._heads.value
        return BROKEN if heads is None else heads.refused.get(framework, "")

    @property
    def ended(self) -> bool:
        """Whether the heads are loaded, or never will be."""
        return self._heads.state.ended or self._engine.state is LoadState.FAILED

    def judge(
        self, framework: str, inputs: Any, earlier: Sequence[Any] = ()
    ) -> tuple[Mapping[str, Prediction], Any]:
        """Strategy → its prediction for a clip that was read, and the clip behind the encoders.

        Empty and None without heads.

        Args:
            framework: Whose strategies, in its atlas' order.
            inputs: Of the clip.
            earlier: Clips behind the encoders, whose halves are not encoded again.
        """
        heads = self.strategies(framework)
        if heads is None:
            return {}, None
        encoded = heads.encode(inputs, earlier)
        predictions = heads.score_encoded(encoded)
        charts = self.atlas(framework).charts
        return {name: predictions[name] for name in charts if name in predictions}, encoded

    def occlusions(self, clip: VisitorClip, strategy: str) -> Mapping[str, Occlusions]:
        """What words and moments of a clip change: without alignment, and under a strategy.

        Empty where nothing can be left out, and of a clip that was not stored. Computed once.
        """
        loaded = self._heads.value
        heads = None if loaded is None else loaded.strategies.get(clip.framework)
        if heads is None or clip.encoded is None:
            return {}
        if clip not in self._parts:
            self._parts[clip] = heads.parts(clip.encoded)
        parts = self._parts[clip]
        found = self._occlusions.setdefault(clip, {})
        for name in (BEFORE, strategy) if parts is not None else ():
            if name not in found:
                found[name] = heads.occlusions(name, parts)
        return {name: found[name] for name in (BEFORE, strategy) if name in found}

    def remember(self, visit: str | None, analysis: Analysis) -> None:
        """Put an analysed clip on the maps of its visit, if it can be placed."""
        prediction = analysis.prediction
        if visit is None or analysis.inputs is None or prediction.emotion is None:
            return
        if prediction.framework not in self.frameworks:
            return
        stored = stored_inputs(analysis.inputs)
        inputs = analysis.inputs if stored is None else stored
        predictions, encoded = self.judge(prediction.framework, inputs, [analysis.encoded])
        if not predictions:
            return
        number = self.visits.get(visit).analysed + 1
        clip = VisitorClip(
            id=ClipId.new(prediction.framework),
            name=clip_name(number, prediction),
            framework=prediction.framework,
            predictions=predictions,
            reading=stored,
            number=number,
            encoded=None if stored is None else encoded,
        )
        for strategy in self.atlas(clip.framework).charts:
            clip.places(self.atlas(clip.framework), strategy)
        self.visits.add(visit, clip)

    def _readable(self, framework: str) -> bool:
        """Whether there are maps; the operator's terminal names damaged ones."""
        if not (self._folder / framework / INDEX_FILE).is_file():
            return False
        try:
            self.atlas(framework)
            self.ablation(framework)
        except ValueError as error:
            print(f"Maps of {framework}: {error}", file=sys.stderr, flush=True)
            return False
        return True

    def _load_atlas(self, framework: str) -> Atlas:
        return Atlas.load(self._folder / framework)

    def _load_ablation(self, framework: str) -> Ablation:
        return Ablation.load(self._folder / framework / ABLATION_FILE)

    def _load_heads(self) -> Heads:
        """Every head, once the model is loaded; none without a model."""
        while not self._engine.wait(PATIENCE):
            pass
        if self._engine.model is None:
            return Heads({}, {})
        scorers = self._engine.model.scorers
        strategies, refused = {}, {}
        for framework in self.frameworks:
            result = self._load_strategies(scorers.get(framework), framework)
            if isinstance(result, str):
                refused[framework] = result
            else:
                strategies[framework] = result
        return Heads(strategies, refused)

    def _load_strategies(
        self, scorer: SpeechTextScorer | VideoScorer | None, framework: str
    ) -> Strategies | str:
        """A framework's heads on the encoders of a scorer, or why there are none."""
        from mer_core.checkpoints.errors import CheckpointError, ForeignHeadError, MissingHeadError
        from mer_core.serving.strategies import Strategies

        try:
            if scorer is None:
                raise ForeignHeadError("the model has no such framework.")
            needed = self.atlas(framework).strategies
            return Strategies.load(self._folder / framework, scorer, needed)
        except CheckpointError as error:
            print(f"Strategies of {framework}: {error}", file=sys.stderr, flush=True)
            if isinstance(error, ForeignHeadError):
                return FOREIGN
            return MISSING if isinstance(error, MissingHeadError) else DAMAGED


def clip_name(number: int, prediction: Prediction) -> str:
    """A clip's name for people, such as `Clip 2: I can't believe you…`."""
    words = " ".join((prediction.text or "").split())
    if not words:
        return f"Clip {number}"
    return f"Clip {number}: {words if len(words) <= QUOTED else words[: QUOTED - 1] + '…'}"


def stored_inputs(inputs: Any) -> Any:
    """A clip's inputs as the visit stores them: without pictures for people; None of a long clip.

    Args:
        inputs: `SpeechTextInputs` or `VideoInputs`.
    """
    from mer_core.serving.video_inputs import VideoInputs  # imports torch

    if inputs.waveform is not None and len(inputs.waveform) > EDITABLE_SECONDS * SAMPLE_RATE:
        return None
    if not isinstance(inputs, VideoInputs) or inputs.track is None:
        return inputs
    track = inputs.track
    bare = replace(track, thumbnails=track.thumbnails[:0], preview=track.preview[:0, :0])
    return replace(inputs, track=bare)
