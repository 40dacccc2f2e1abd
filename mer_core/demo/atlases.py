"""The atlases behind the pages: maps, every strategy's head, and the clips of a visit on them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from mer_core.atlas.ablation import Ablation
from mer_core.atlas.collection import INDEX_FILE, Atlas
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.background import Background
from mer_core.demo.engine import FAILED, LOADING, PATIENCE, Engine, Examined
from mer_core.demo.visits import Visits
from mer_core.types import SAMPLE_RATE, Prediction

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "atlas"
ABLATION_FILE = "ablation.json"
ORDER = ("mgcma", "foal_net")  # on the page
KEPT_SECONDS = 30.0  # of a clip that can be judged again; a longer one keeps its place alone
QUOTED = 40  # characters of a clip's words in its name

FOREIGN = (
    "The model that runs here is not the one that these maps were made with, so your clips have "
    "no place on them. The maps and the table are those of the shipped model."
)


class Atlases:
    """Maps are read when first asked for; heads are loaded behind the model, in the background.

    Args:
        engine: The model.
        visits: Where the clips are kept.
        folder: One atlas a framework, in folders of their names.
    """

    def __init__(self, engine: Engine, visits: Visits, folder: Path = FOLDER) -> None:
        self._engine, self._folder = engine, folder
        self.visits = visits
        self.frameworks = tuple(n for n in ORDER if (folder / n / INDEX_FILE).is_file())
        self._heads = Background(self._load, "strategies")
        self.atlas = cache(self._atlas)
        self.ablation = cache(self._ablation)

    def start(self) -> None:
        """Begin to load the heads, once the model is there."""
        self._heads.start()

    def strategies(self, framework: str) -> Any:
        """The framework's `Strategies`, or None where there are none; waits for them."""
        self.start()
        self._heads.wait(PATIENCE)
        return (self._heads.value or {}).get(framework)

    def reader(self, framework: str) -> Any:
        """What reads a changed clip again."""
        return self._engine.model.readers[framework]

    def trouble(self, framework: str) -> str:
        """Why clips cannot be placed, in words; empty where they can, or soon can."""
        if self._engine.state == "failed":
            return FAILED
        if self._heads.state in ("waiting", "loading"):
            return LOADING if self._engine.state != "ready" else ""
        return "" if framework in (self._heads.value or {}) else FOREIGN

    def judge(self, framework: str, reading: Any) -> Mapping[str, Prediction]:
        """Strategy → what its head says of a clip that was read, in the atlas' order.

        Empty without heads.
        """
        heads = self.strategies(framework)
        found = {} if heads is None else heads.judge(reading)
        return {name: found[name] for name in self.atlas(framework).charts if name in found}

    def remember(self, visit: str | None, examined: Examined) -> None:
        """Put an analysed clip on the maps of its visit, if it has anything to place."""
        prediction = examined.prediction
        if visit is None or examined.reading is None or prediction.emotion is None:
            return
        if prediction.framework not in self.frameworks:
            return
        predictions = self.judge(prediction.framework, examined.reading)
        if not predictions:
            return
        number = self.visits.get(visit).analysed + 1
        clip = VisitorClip(
            id=secrets.token_hex(4),
            name=name_of(number, prediction),
            framework=prediction.framework,
            predictions=predictions,
            reading=kept(examined.reading),
        )
        for strategy in self.atlas(clip.framework).charts:
            clip.places(self.atlas(clip.framework), strategy)
        self.visits.add(visit, clip)

    def _atlas(self, framework: str) -> Atlas:
        return Atlas.load(self._folder / framework)

    def _ablation(self, framework: str) -> Ablation:
        return Ablation.load(self._folder / framework / ABLATION_FILE)

    def _load(self) -> dict[str, Any]:
        """Heads by framework, of those whose encoders are the model's."""
        self._engine.wait(PATIENCE)
        judges = getattr(self._engine.model, "judges", {})
        from mer_core.checkpoint import CheckpointError  # imports torch
        from mer_core.strategies import Strategies

        found = {}
        for framework in self.frameworks:
            if framework in judges:
                try:
                    found[framework] = Strategies.load(self._folder / framework, judges[framework])
                except CheckpointError:  # `trouble` says so
                    continue
        return found


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
