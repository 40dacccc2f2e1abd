"""What the lab begins with: the first clips about which strategies differ, really."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.services.openings import LONGEST, Opening, Openings, find_opening
from mer_core.types import SAMPLE_RATE, Prediction
from tests.demo.clip_ids import recorded


def predictions(*emotions: str, halves: int = 2) -> Mapping[str, Prediction]:
    vectors = {m: np.ones(2, np.float32) for m in ("speech", "text")[:halves]}
    return {
        f"strategy {i}": Prediction(emotion, {}, {}, embeddings_after=vectors)
        for i, emotion in enumerate(emotions)
    }


def clip(name: str, *emotions: str, seconds: float = 1.0, halves: int = 2) -> VisitorClip:
    wave = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    reading = SimpleNamespace(waveform=wave)
    return VisitorClip(
        recorded(name), name, "mgcma", predictions(*emotions, halves=halves), reading
    )


class Judge:
    """Strategies differ about the pairs named; counts what it was asked."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs, self.asked = pairs, []

    def __call__(self, clip: VisitorClip, other: VisitorClip) -> Mapping[str, Prediction]:
        self.asked.append((clip.name, other.name))
        return predictions("sad", "happy" if self.asked[-1] in self.pairs else "sad")


def test_a_pair_about_which_strategies_differ_is_found() -> None:
    clips = [clip(name, "sad", "sad") for name in "abcd"]
    judge = Judge(("c", "a"), ("d", "a"))
    assert find_opening(clips, judge) == Opening(recorded("c"), recorded("a"))
    assert ("d", "a") not in judge.asked  # the rest is not judged


def test_a_clip_that_divides_them_by_itself_is_enough() -> None:
    clips = [clip("a", "sad", "sad"), clip("b", "sad", "happy")]
    assert find_opening(clips, Judge()) == Opening(recorded("b"))


def test_where_all_agree_the_first_clip_is_taken() -> None:
    clips = [clip("a", "sad", "sad"), clip("b", "sad", "sad")]
    assert find_opening(clips, Judge()) == Opening(recorded("a"))
    assert find_opening([], Judge()) is None


def test_long_clips_and_single_halves_are_passed_over() -> None:
    clips = [
        clip("long", "sad", "happy", seconds=LONGEST + 0.1),
        clip("half", "sad", "happy", halves=1),
        clip("whole", "sad", "happy"),
    ]
    assert find_opening(clips, Judge()) == Opening(recorded("whole"))


def test_it_is_searched_once() -> None:
    judge, openings = Judge(("b", "a")), Openings()
    clips = [clip(name, "sad", "sad") for name in "ab"]
    first = openings.of("mgcma", clips, judge)
    assert openings.of("mgcma", [], judge) is first
    assert len(judge.asked) == 2


@pytest.mark.slow
def test_the_shipped_model_disagrees_about_what_the_lab_begins_with() -> None:
    """Judged anew, by each strategy's own network and without anything encoded before."""
    from mer_core.demo.engine import Engine
    from mer_core.demo.pages.atlas_content import AtlasContent
    from mer_core.demo.sections.lab_judging import LabJudge, base
    from mer_core.demo.sections.lab_settings import Half, LabSettings
    from mer_core.demo.services.atlases import Atlases
    from mer_core.demo.session import Visits
    from mer_core.serving.predictor import Predictor

    engine = Engine(Predictor.load)
    engine.start()
    atlases = Atlases(engine, Visits())
    content = AtlasContent(atlases, engine)
    judge: Any = LabJudge(atlases.judge, atlases.reader, {})
    for framework in atlases.frameworks:
        heads = atlases.strategies(framework)
        assert heads is not None
        opening = content.opening(framework, judge.mixed)
        assert opening is not None
        first = content.find(str(opening.clip))
        other = content.find(str(opening.other)) if opening.other else None
        settings = LabSettings(other=str(opening.other or ""), half=Half.PARTNER)
        judged = heads.score(base(first, settings, other))
        assert len({prediction.emotion for prediction in judged.values()}) > 1
