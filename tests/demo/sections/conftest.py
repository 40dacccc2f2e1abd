"""Fixtures of the lab: two clips of a visit, and what judges them."""

from __future__ import annotations

import numpy as np
import pytest

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.sections.lab_events import LabHandlers
from mer_core.demo.sections.lab_judging import LabJudge
from mer_core.serving.inputs import SpeechTextInputs
from tests.demo.lab_fakes import BEFORE, C1, C2, NASTY, WORDS, FakeReader, FakeScorer, FakeVisit


@pytest.fixture
def clip() -> VisitorClip:
    wave = np.sin(np.arange(8000) / 20).astype(np.float32) * 0.5
    reading = SpeechTextInputs(wave, None, None, 0.5, WORDS, None)
    return VisitorClip(C1, f"Clip {NASTY}", "mgcma", BEFORE, reading)


@pytest.fixture
def scorer() -> FakeScorer:
    return FakeScorer()


@pytest.fixture
def other(clip: VisitorClip) -> VisitorClip:
    wave = np.sin(np.arange(4000) / 9).astype(np.float32) * 0.25
    reading = SpeechTextInputs(wave, None, None, 0.25, "I hate this", None)
    return VisitorClip(C2, "Clip 2", "mgcma", BEFORE, reading, encoded="encoded other")


@pytest.fixture
def visit(clip: VisitorClip, other: VisitorClip) -> FakeVisit:
    return FakeVisit(clip, other)


@pytest.fixture
def handlers(visit: FakeVisit, scorer: FakeScorer) -> LabHandlers:
    return visit.handlers(scorer)


@pytest.fixture
def judge(scorer: FakeScorer) -> LabJudge:
    return LabJudge(scorer, lambda _: FakeReader(), {"all": "All of them"})
