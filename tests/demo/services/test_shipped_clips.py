"""Example clips: judged once, added one after the other, refused with the true reason."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mer_core.atlas.clip_id import ClipId, Origin
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.engine import Analysis, refusal
from mer_core.demo.services.shipped_clips import GONE, ShippedClips
from mer_core.demo.session import MAX_CLIPS, Visits
from mer_core.types import Prediction
from tests.demo.clip_ids import recorded

LOUD = ClipId(Origin.EXAMPLE, "mgcma", "loud_fast")
HAPPY = Prediction("happy", {"happy": 1.0}, {}, framework="mgcma")


class FakeAtlases:
    """Clips are put on it by hand."""

    def __init__(self) -> None:
        self.visits = Visits()
        self.sentence = ""
        self.judged: list[Any] = []

    def problem(self, framework: str) -> str:
        return self.sentence

    def judge(
        self, framework: str, reading: Any, earlier: Any
    ) -> tuple[dict[str, Prediction], Any]:
        self.judged.append(reading)
        return {"none": HAPPY}, None

    def remember(self, visit: str | None, analysis: Analysis) -> None:
        if analysis.prediction.emotion:
            number = self.visits.get(visit).analysed
            self.visits.add(
                visit, VisitorClip(recorded(f"c{number}"), "", "mgcma", {}, analysis.inputs)
            )


class FakeEngine:
    """Reads everything but for `answers`; remembers the names of files."""

    def __init__(self) -> None:
        self.analysed: list[str] = []
        self.answers: dict[str, Analysis] = {}
        self.seconds = 0.0

    def analyse(self, audio: str, text: str | None, video: None) -> Analysis:
        time.sleep(self.seconds)
        self.analysed.append(Path(audio).name)
        return self.answers.get(Path(audio).name, Analysis(HAPPY, Path(audio).name))


@pytest.fixture
def atlases() -> FakeAtlases:
    return FakeAtlases()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def clips(atlases: FakeAtlases, engine: FakeEngine) -> ShippedClips:
    return ShippedClips(atlases, engine)  # type: ignore[arg-type]


def test_a_clip_is_judged_once_for_everybody(clips: ShippedClips, engine: FakeEngine) -> None:
    names = dict(clips.choices("mgcma"))
    chosen = names["Example: synthetic: loud and fast"]
    engine.seconds = 0.05
    found: list[VisitorClip] = []
    threads = [threading.Thread(target=lambda: found.append(clips.find(chosen))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engine.analysed == ["loud_fast.flac"]
    assert len(found) == 4
    assert all(clip is found[0] for clip in found)
    assert (found[0].id, found[0].reading) == (chosen, "loud_fast.flac")


def test_a_failure_is_explained_and_tried_again(
    clips: ShippedClips, engine: FakeEngine, atlases: FakeAtlases
) -> None:
    engine.answers["loud_fast.flac"] = Analysis(refusal("loading", "The model is loading."))
    with pytest.raises(ValueError, match="The model is loading"):
        clips.find(LOUD)
    engine.answers.clear()
    atlases.sentence = "Another model runs here."
    with pytest.raises(ValueError, match="Another model runs here"):
        clips.find(LOUD)
    atlases.sentence = ""
    assert clips.find(LOUD).reading == "loud_fast.flac"
    with pytest.raises(ValueError, match=GONE):
        clips.find(ClipId(Origin.EXAMPLE, "mgcma", "gone"))


def test_they_are_added_one_after_the_other(
    clips: ShippedClips, engine: FakeEngine, atlases: FakeAtlases
) -> None:
    for _ in range(3):
        clips.add("mgcma", "ann")
    assert engine.analysed == ["loud_fast.flac", "bright.flac", "slow_low.flac"]
    nothing = Analysis(refusal("silence", "The recording is silent."))
    engine.answers["even.flac"] = nothing
    clips.add("mgcma", "ann")
    assert engine.analysed[3:] == ["even.flac", "contradiction.flac"]
    assert len(atlases.visits.get("ann").clips) == 4


def test_a_full_visit_loses_one_clip_for_one(
    clips: ShippedClips, engine: FakeEngine, atlases: FakeAtlases
) -> None:
    for number in range(MAX_CLIPS):
        atlases.visits.add("ann", VisitorClip(recorded(f"own-{number}"), "", "mgcma", {}))
    clips.add("mgcma", "ann")
    stored = [clip.id.key for clip in atlases.visits.get("ann").clips]
    assert stored[:-1] == [f"own-{number}" for number in range(1, MAX_CLIPS)]
    assert len(engine.analysed) == 1


def test_nothing_is_analysed_that_cannot_be_stored(
    clips: ShippedClips, engine: FakeEngine, atlases: FakeAtlases
) -> None:
    clips.add("mgcma", None)
    atlases.sentence = "Another model runs here."
    clips.add("mgcma", "ann")
    assert engine.analysed == []


def test_every_framework_has_clips_that_exist(clips: ShippedClips) -> None:
    assert len(clips.choices("mgcma")) >= 5
    assert len(clips.choices("foal_net")) >= 3
