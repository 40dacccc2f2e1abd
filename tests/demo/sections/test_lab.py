"""The contradiction lab: what its events answer."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.sections.lab import build_lab
from mer_core.demo.sections.lab_controls import SENTENCES
from mer_core.demo.sections.lab_events import CHOOSE, TOO_FEW, LabHandlers, LabVersion
from mer_core.demo.sections.lab_settings import Half, LabSettings
from mer_core.demo.services.openings import Opening
from tests.demo.clip_ids import recorded
from tests.demo.conftest import LABELS
from tests.demo.coroutines import finished
from tests.demo.lab_fakes import BEFORE, C1, C2, WORDS, FakeScorer, FakeVisit, at_rest, opened
from tests.demo.markup_page import Page

ROOT = Path(__file__).resolve().parents[3]


def test_only_a_real_change_is_judged(
    handlers: LabHandlers, scorer: FakeScorer, visit: FakeVisit
) -> None:
    first = opened(handlers, None)
    opening, version = first["opening"], first["version"]
    assert first["words"]["value"] == WORDS
    assert first["categories"]["value"] == list(LABELS)
    assert [value for _, value in first["other"]["choices"]] == ["", str(C2)]
    assert (visit.changed, first["hint"]) == ([None], "")
    assert version == LabVersion(C1, opening, LabSettings(WORDS))
    assert "Nothing is changed" in first["cards"]
    assert opened(handlers, version) == {}
    (left,) = handlers.apply(str(C1), at_rest(), None, opening, version)
    assert not scorer.inputs
    working, _, done = handlers.apply(str(C1), at_rest(), SENTENCES[2], opening, version)
    assert (working["words"], working["swap"]) == (SENTENCES[2], None)  # fills the box, empties
    assert "Judging" in working["hint"]
    assert visit.changed[-1] is not None
    assert visit.changed[-1].id == C1.as_changed()
    assert done["version"] != version
    swapped = at_rest(SENTENCES[2])
    (again,) = handlers.apply(str(C1), swapped, None, opening, done["version"])
    assert left == {"hint": ""}
    assert again == {"hint": done["hint"]}  # gradio reports some choices twice
    *_, back = handlers.apply(str(C1), at_rest(), None, opening, done["version"])
    assert (visit.changed[-1], back["version"]) == (None, version)


def test_a_cancelled_answer_leaves_no_star(
    handlers: LabHandlers, scorer: FakeScorer, visit: FakeVisit
) -> None:
    """Gradio does not go on with an event that another one cancels."""
    first = opened(handlers, None)
    running = handlers.apply(str(C1), at_rest(), SENTENCES[2], first["opening"], first["version"])
    next(running)
    next(running)  # judged by now
    assert len(scorer.inputs) == 1
    running.close()
    assert visit.changed == [None]


def test_controls_set_for_another_clip_judge_nothing(
    handlers: LabHandlers, scorer: FakeScorer, visit: FakeVisit
) -> None:
    """Gradio sends what waited behind a cancelled event: the new clip, the old controls."""
    old = opened(handlers, None)["opening"]
    version = handlers.reset(str(C1))["version"]
    moved = at_rest("I hate this", mute_lead=True, noise=9)
    (answer,) = handlers.apply(str(C1), moved, None, old, version)
    assert answer == {}
    assert scorer.inputs == []
    assert set(visit.changed) == {None}


def test_halves_are_swapped_with_another_clip(
    handlers: LabHandlers, scorer: FakeScorer, visit: FakeVisit, clip: VisitorClip,
    other: VisitorClip,
) -> None:  # fmt: skip
    first = opened(handlers, None)
    opening, version = first["opening"], first["version"]
    taken = at_rest(other=str(C2), half="partner")
    working, _, done = handlers.apply(str(C1), taken, None, opening, version)
    assert working["words"] == "I hate this"  # those that are judged now
    (judged,) = scorer.inputs
    assert (judged.waveform is clip.reading.waveform, judged.text) == (True, "I hate this")
    assert scorer.earlier == ["encoded other"]  # the words were encoded with the other clip
    assert "The words are from “Clip 2”." in done["hint"]
    assert visit.changed[-1] is not None
    assert visit.changed[-1].origin is clip
    voice = at_rest("I hate this", other=str(C2), half="lead")
    working, _, done = handlers.apply(str(C1), voice, None, opening, done["version"])
    assert working["words"] == WORDS  # its own again
    assert scorer.inputs[-1].waveform is other.reading.waveform
    assert scorer.inputs[-1].text == WORDS
    assert scorer.earlier == ["encoded other", "encoded 1"]
    assert "The voice is from “Clip 2”." in done["hint"]
    typed = at_rest("own words", other=str(C2), half="lead")
    *_, done = handlers.apply(str(C1), typed, None, opening, done["version"])
    assert (scorer.inputs[-1].text, scorer.inputs[-1].waveform is other.reading.waveform) == (
        "own words", True,
    )  # fmt: skip
    still = at_rest("own words")
    *_, done = handlers.apply(str(C1), still, None, opening, done["version"])
    assert scorer.inputs[-1].text == "own words"  # another voice changes no words
    assert scorer.inputs[-1].waveform is clip.reading.waveform


def test_categories_are_restricted_without_judging_again(
    handlers: LabHandlers, scorer: FakeScorer, visit: FakeVisit
) -> None:
    first = opened(handlers, None)
    opening, version = first["opening"], first["version"]
    two = at_rest(categories=["sad", "angry"])
    *_, done = handlers.apply(str(C1), two, None, opening, version)
    page = Page(done["cards"])
    assert scorer.inputs == []
    assert "happy" not in page.text.lower()
    assert page.text.count("50%") == 2 * len(BEFORE)  # they were equally probable
    assert "Only angry and sad may be assigned." in done["hint"]
    (few,) = handlers.apply(str(C1), at_rest(categories=["sad"]), None, opening, done["version"])
    assert set(few) == {"hint"}
    assert TOO_FEW in few["hint"]
    *_, done = handlers.apply(
        str(C1), at_rest("I hate this", categories=["sad", "angry"]), None, opening, version
    )
    assert visit.changed[-1] is not None
    assert {p.emotion for p in visit.changed[-1].predictions.values()} <= {"sad", "angry"}


@pytest.mark.parametrize("second", [C2, None])
def test_the_lab_begins_with_what_the_model_disagrees_about(
    visit: FakeVisit, scorer: FakeScorer, second: Any
) -> None:
    handlers = visit.handlers(scorer, Opening(C1, second))

    async def begun() -> Any:
        return [update async for update in handlers.open(None, None, "mgcma")]

    searching, first = finished(begun())
    assert "Looking for clips" in searching["hint"]
    assert first["clip"]["value"] == str(C1)
    assert first["version"].clip == C1
    assert opened(handlers, first["version"]) == {}  # the dropdown's own change opens nothing
    if second is None:
        assert "Nothing is changed" in first["cards"]
        assert visit.changed == [None]
        return
    assert (first["other"]["value"], first["half"]["value"]) == (str(C2), "partner")
    # In the nouns of the clip's framework, whichever framework's clip was open before.
    assert first["half"]["choices"] == [("Its voice", "lead"), ("Its words", "partner")]
    assert first["words"]["value"] == "I hate this"
    assert "1 of 2 strategies" in first["cards"]
    assert "The strategies differ: 1 happy, 1 angry." in first["cards"]
    assert first["version"].settings == LabSettings("I hate this", str(C2), Half.PARTNER)
    assert visit.changed[-1] is not None


def test_without_anything_to_begin_with_a_clip_is_asked_for(
    visit: FakeVisit, scorer: FakeScorer
) -> None:
    handlers = visit.handlers(scorer)

    async def begun() -> Any:
        return [update async for update in handlers.begin("mgcma")][-1]

    last = finished(begun())
    assert CHOOSE in last["hint"]
    assert last["version"] is None


@pytest.mark.parametrize(
    ("changes", "enabled"),
    [({}, [True, True]), ({"text": None}, [True, False]), ({"waveform": None}, [False, True])],
)
def test_only_a_half_that_is_there_can_be_muted(
    clip: VisitorClip, scorer: FakeScorer, changes: dict[str, None], enabled: list[bool]
) -> None:
    half = VisitorClip(recorded("h"), "Clip", "mgcma", BEFORE, replace(clip.reading, **changes))
    visit = FakeVisit(half)
    controls = visit.handlers(scorer).reset(str(half.id))
    mutes = (controls["mute_lead"], controls["mute_partner"])
    assert [mute["interactive"] for mute in mutes] == enabled


def test_a_removed_clip_is_explained(handlers: LabHandlers) -> None:
    version = LabVersion(C1, "1", LabSettings())
    (answer,) = handlers.apply("gone", at_rest("x"), None, "1", version)
    assert "It is no longer here." in answer["hint"]
    (answer,) = handlers.apply(str(C1), at_rest(other="gone"), None, "1", version)
    assert "It is no longer here." in answer["hint"]
    assert "It is no longer here." in opened(handlers, None, "gone")["hint"]


def test_the_section_is_built(handlers: LabHandlers) -> None:
    with gr.Blocks() as demo:
        lab = build_lab(handlers, gr.State("mgcma"))
    assert lab.clip.elem_id == "lab-clip"
    ((key, event),) = [(key, f) for key, f in demo.fns.items() if f.name == "apply"]
    assert event.trigger_mode == "always_last"
    assert event.concurrency_id == "model"
    cancelling = [f.targets for f in demo.fns.values() if key in f.cancels]
    assert {name for targets in cancelling for _, name in targets} == {"change", "click"}
    fired = {name for _, name in event.targets}
    assert fired == {"submit", "blur", "input", "release"}
    assert all(f.api_visibility == "private" for f in demo.fns.values())


@pytest.mark.slow
def test_importing_the_sections_leaves_torch_and_umap_alone() -> None:
    code = (
        "import sys, mer_core.demo.sections.lab, mer_core.demo.sections.refit; "
        "print(*(m for m in ('torch', 'umap', 'numba', 'cv2') if m in sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == []
