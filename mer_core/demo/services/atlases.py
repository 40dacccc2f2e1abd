"""The atlases behind the pages: maps, every strategy's head, and the clips of a visit on them."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from mer_core.atlas.analysis.ablation import Ablation
from mer_core.atlas.collection import INDEX_FILE, Atlas
from mer_core.atlas.visitor import VisitorClip
from mer_core.checkpoints.shipped import ATLAS
from mer_core.demo.engine import FAILED, LOADING, PATIENCE, Engine, Examined
from mer_core.demo.services.background import Background
from mer_core.demo.session import Visits
from mer_core.types import SAMPLE_RATE, Prediction

ABLATION_FILE = "ablation.json"
ORDER = ("mgcma", "foal_net")  # on the page
KEPT_SECONDS = 30.0  # of a clip that can be judged again; a longer one keeps its place alone
QUOTED = 40  # characters of a clip's words in its name

# Why clips have no place, as a visitor reads it; the operator's terminal says more.
FOREIGN = (
    "The model that runs here is not the one that these maps were made with, so your clips have "
    "no place on them; the maps and the table are those of the shipped model."
)
MISSING = (
    "Files that place clips on these maps are missing from this installation, so it can show the "
    "maps and the table only."
)
DAMAGED = (
    "Files that place clips on these maps are damaged or unreadable in this installation, so it "
    "can show the maps and the table only."
)
BROKEN = (
    "Clips cannot be placed on these maps because of an error on our side; the terminal that runs "
    "this page says more."
)


@dataclass(frozen=True)
class Heads:
    """What came of loading the heads; with a model, every framework with maps is in one of the two.

    Attributes:
        strategies: Framework → its `Strategies`.
        refused: Framework → why it has none, for a visitor.
    """

    strategies: Mapping[str, Any]
    refused: Mapping[str, str]


class Atlases:
    """Maps are read at once; heads are loaded behind the model, in the background.

    Args:
        engine: The model.
        visits: Where the clips are kept.
        folder: One atlas a framework, in folders of their names.
    """

    def __init__(self, engine: Engine, visits: Visits, folder: Path = ATLAS) -> None:
        self._engine, self._folder = engine, folder
        self.visits = visits
        self._heads = Background(self._load, "strategies")
        self.atlas = cache(self._atlas)
        self.ablation = cache(self._ablation)
        self.frameworks = tuple(name for name in ORDER if self._readable(name))

    def start(self) -> None:
        """Begin to load the heads, once the model is there."""
        self._heads.start()

    def strategies(self, framework: str) -> Any:
        """The framework's `Strategies`, or None where there are none; waits for them."""
        self.start()
        self._heads.wait(PATIENCE)
        heads = self._heads.value
        return None if heads is None else heads.strategies.get(framework)

    def reader(self, framework: str) -> Any:
        """What reads a changed clip again."""
        return self._engine.model.readers[framework]

    def trouble(self, framework: str) -> str:
        """Why clips cannot be placed, in words; empty where they can, or soon can."""
        if self._engine.state == "failed":
            return FAILED
        if self._heads.state in ("waiting", "loading"):
            return LOADING if self._engine.state != "ready" else ""
        heads = self._heads.value
        return BROKEN if heads is None else heads.refused.get(framework, "")

    def score(self, framework: str, reading: Any) -> Mapping[str, Prediction]:
        """Strategy → what its head says of a clip that was read, in the atlas' order.

        Empty without heads.
        """
        heads = self.strategies(framework)
        found = {} if heads is None else heads.score(reading)
        return {name: found[name] for name in self.atlas(framework).charts if name in found}

    def remember(self, visit: str | None, examined: Examined) -> None:
        """Put an analysed clip on the maps of its visit, if it has anything to place."""
        prediction = examined.prediction
        if visit is None or examined.reading is None or prediction.emotion is None:
            return
        if prediction.framework not in self.frameworks:
            return
        predictions = self.score(prediction.framework, examined.reading)
        if not predictions:
            return
        number = self.visits.get(visit).analysed + 1
        clip = VisitorClip(
            id=secrets.token_hex(4),
            number=number,
            name=name_of(number, prediction),
            framework=prediction.framework,
            predictions=predictions,
            reading=kept(examined.reading),
        )
        for strategy in self.atlas(clip.framework).charts:
            clip.places(self.atlas(clip.framework), strategy)
        self.visits.add(visit, clip)

    def _readable(self, framework: str) -> bool:
        """Whether there are maps; what is wrong with damaged ones is said to the operator."""
        if not (self._folder / framework / INDEX_FILE).is_file():
            return False
        try:
            self.atlas(framework)
            self.ablation(framework)
        except ValueError as error:
            print(f"Maps of {framework}: {error}", file=sys.stderr, flush=True)
            return False
        return True

    def _atlas(self, framework: str) -> Atlas:
        return Atlas.load(self._folder / framework)

    def _ablation(self, framework: str) -> Ablation:
        return Ablation.load(self._folder / framework / ABLATION_FILE)

    def _load(self) -> Heads:
        """Every head, once there is a model; without one there is nothing to put them on."""
        while not self._engine.wait(PATIENCE):
            pass
        if self._engine.model is None:
            return Heads({}, {})
        scorers = getattr(self._engine.model, "scorers", {})
        strategies, refused = {}, {}
        for framework in self.frameworks:
            found = self._strategies_on(scorers.get(framework), framework)
            if isinstance(found, str):
                refused[framework] = found
            else:
                strategies[framework] = found
        return Heads(strategies, refused)

    def _strategies_on(self, scorer: Any, framework: str) -> Any:
        """A framework's `Strategies` on the encoders of a scorer, or why there are none."""
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


def name_of(number: int, prediction: Prediction) -> str:
    """What a visitor reads beside a star: `Clip 2: I can't believe you…`."""
    words = " ".join((prediction.text or "").split())
    if not words:
        return f"Clip {number}"
    return f"Clip {number}: {words if len(words) <= QUOTED else words[: QUOTED - 1] + '…'}"


def kept(reading: Any) -> Any:
    """A reading as it is kept: without pictures for people, and not at all where it is long."""
    waveform = reading.waveform
    if waveform is not None and len(waveform) > KEPT_SECONDS * SAMPLE_RATE:
        return None
    track = getattr(reading, "track", None)
    if track is None:
        return reading
    bare = replace(track, thumbnails=track.thumbnails[:0], preview=track.preview[:0, :0])
    return replace(reading, track=bare)
