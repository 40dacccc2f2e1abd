"""The contradiction lab: what the controls change, what is drawn, how failures are explained."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.lab import agreement, lab_summary, render_lab
from mer_core.demo.panels.markup import escape
from mer_core.demo.sections.lab import build_lab
from mer_core.demo.sections.lab_controls import SENTENCES
from mer_core.demo.sections.lab_events import CHOOSE, TOO_FEW, LabClips, LabHandlers, LabVersion
from mer_core.demo.sections.lab_judging import LabJudge
from mer_core.demo.sections.lab_settings import Half, LabSettings, describe, to_changes
from mer_core.demo.services.openings import Opening
from mer_core.media import MediaError
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.types import Prediction
from tests.demo.clip_ids import recorded
from tests.demo.conftest import LABELS, chances
from tests.demo.coroutines import finished
from tests.demo.markup_page import Page

ROOT = Path(__file__).resolve().parents[3]
NASTY = "<script>alert(1)</script>\"'"
WORDS = "we won"
C1, C2 = recorded("c1"), recorded("c2")


def prediction(emotion: str | None, share: float = 0.7, **more: Any) -> Prediction:
    vectors = {"speech": np.ones(3, np.float32), "text": np.ones(3, np.float32)}
    by_modality: dict[str, Any] = {"speech": None, "text": None, "both": None}
    if emotion is None:
        return Prediction(None, {}, by_modality, **more)
    return Prediction(
        emotion, chances(emotion, share), by_modality, embeddings_after=vectors, **more
    )


BEFORE = {"none": prediction("happy"), "all": prediction("happy", 0.4)}


class FakeReader:
    """Reads words; refuses long ones in words."""

    def read(self, audio: Any, text: str | None) -> SpeechTextInputs:
        if text and len(text) > 100:
            raise MediaError("text_too_long", "Too <long>.")
        waveform = None if audio is None else audio[0]
        return SpeechTextInputs(waveform, None, None, None, text, None)


@pytest.fixture
def clip() -> VisitorClip:
    wave = np.sin(np.arange(8000) / 20).astype(np.float32) * 0.5
    reading = SpeechTextInputs(wave, None, None, 0.5, WORDS, None)
    return VisitorClip(C1, f"Clip {NASTY}", "mgcma", BEFORE, reading)


class FakeScorer:
    """Angry words make the strategy `all` angry; keeps what it was judged."""

    def __init__(self) -> None:
        self.inputs: list[Any] = []

    def __call__(
        self, framework: str, inputs: Any, earlier: Any
    ) -> tuple[Mapping[str, Prediction], Any]:
        self.inputs.append(inputs)
        self.earlier = list(earlier)
        angry = "hate" in (inputs.text or "")
        judged = {"none": prediction("happy"), "all": prediction("angry" if angry else "happy")}
        return judged, f"encoded {len(self.inputs)}"


@pytest.fixture
def scorer() -> FakeScorer:
    return FakeScorer()


class FakeVisit:
    """The clips of a visit, and what the lab stored as changed."""

    def __init__(self, *clips: VisitorClip) -> None:
        self.clips = {str(clip.id): clip for clip in clips}
        self.changed: list[VisitorClip | None] = []

    def find(self, chosen: str, request: Any) -> VisitorClip:
        if chosen not in self.clips:
            raise ValueError("It is no longer here.")
        return self.clips[chosen]

    def store_changed(self, changed: VisitorClip | None, request: Any) -> None:
        self.changed.append(changed)

    def handlers(self, scorer: Any, opening: Opening | None = None) -> LabHandlers:
        """The lab over these clips."""
        judge = LabJudge(scorer, lambda _: FakeReader(), {"all": "All of them"})
        clips = LabClips(
            self.find, lambda *_: [(one.name, key) for key, one in self.clips.items()],
            lambda _: self.changed[-1] if self.changed else None, self.store_changed,
            lambda: True, lambda _: opening,
        )  # fmt: skip
        return LabHandlers(judge, clips)


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


def at_rest(words: str = WORDS, **moved: Any) -> LabSettings:
    """The controls as a clip is opened, but for what was moved."""
    return LabSettings.of({"words": words, "categories": LABELS, **moved})


def opened(handlers: LabHandlers, version: LabVersion | None, clip_id: Any = C1) -> Any:
    """The last answer to a clip that was chosen."""

    async def last() -> Any:
        return [update async for update in handlers.open(str(clip_id), version, "mgcma")][-1]

    return finished(last())


def test_cards_show_both_clips_and_every_flip() -> None:
    after = {"none": prediction("happy", 0.5), "all": prediction("angry", 0.7)}
    page = Page(render_lab(BEFORE, after, {"all": "All of them"}))
    assert "1 of 2 strategies now assigns another category" in page.text
    assert len(page.having(class_="at-lab-card")) == 2
    assert len(page.having(class_="at-lab-flips")) == 1
    assert "All of them" in page.text
    assert "Happy→ becomes Angry" in page.text
    was = [a["style"] for a in page.having(class_="at-lab-was") if "style" in a]
    now = [a["style"] for a in page.having(class_="at-lab-is") if "style" in a]
    assert was[1] == "inline-size:70.0%"
    assert now[1] == "inline-size:50.0%"
    assert len(was) == len(now) == 8
    assert "from 70%→ to 50%" in page.text


@pytest.mark.parametrize(
    ("emotions", "expected"),
    [
        (("happy", "happy"), "stays the same under all 2"),
        (("sad", "angry"), "All 2 strategies now assign another"),
        ((None, None), "No strategy can assign a category"),
    ],
)
def test_the_summary_counts(emotions: tuple[str | None, ...], expected: str) -> None:
    after = dict(zip(BEFORE, map(prediction, emotions), strict=True))
    assert expected in lab_summary(BEFORE, after)
    assert "Nothing is changed" in lab_summary(BEFORE, None)


def test_without_a_category_there_is_one_sentence() -> None:
    gone = prediction(None, state="no_speech", message="No <b>speech</b> was found.")
    page = Page(render_lab(BEFORE, dict.fromkeys(BEFORE, gone), {}))
    assert len(page.having(data_testid="lab-note")) == 1
    assert "No <b>speech</b> was found." in page.text
    assert page.text.count("no category") == 2
    assert len(page.having(class_="at-lab-is")) == 1  # in the legend only


def test_everything_foreign_is_escaped() -> None:
    odd = replace(prediction("happy"), emotion=NASTY, message=NASTY, probabilities={NASTY: 1.0})
    page = Page(render_lab({NASTY: odd}, {NASTY: odd}, {NASTY: escape(NASTY)}, NASTY))
    assert not [tag for tag, _ in page.tags if tag == "script"]


def test_controls_at_rest_change_nothing(clip: VisitorClip, judge: LabJudge) -> None:
    assert to_changes(clip, LabSettings(WORDS)).text is None
    assert to_changes(clip, LabSettings(WORDS)).snr_db is None
    answer = judge.answer(clip, LabSettings(f" {WORDS} "))
    assert answer.clip is None
    assert "Nothing is changed" in answer.html


def test_other_words_are_judged_anew(
    clip: VisitorClip, judge: LabJudge, scorer: FakeScorer
) -> None:
    answer = judge.answer(clip, LabSettings("I hate this"))
    (judged,) = scorer.inputs
    assert judged.text == "I hate this"
    np.testing.assert_array_equal(judged.waveform, clip.reading.waveform)
    assert answer.summary == "The words are different."
    assert answer.clip is not None
    assert (answer.clip.id, answer.clip.framework) == (C1.as_changed(), "mgcma")
    assert answer.clip.predictions["all"].emotion == "angry"
    assert answer.clip._places is not clip._places  # it is elsewhere
    assert answer.clip.origin is clip  # from where its trail leads
    assert "1 of 2" in answer.html


def test_each_control_does_what_it_says(clip: VisitorClip) -> None:
    settings = LabSettings(WORDS, mute_partner=True, noise=30, gain=-12)
    changes = to_changes(clip, settings)
    assert changes.mute == {"text"}
    assert (changes.snr_db, changes.gain_db) == (10, -12)
    assert describe(clip, settings) == (
        "The words are muted; noise is 10 dB below the voice; the sound is 12 dB quieter."
    )
    assert to_changes(clip, LabSettings(WORDS, noise=40)).snr_db == 0
    assert "as loud as the voice" in describe(clip, LabSettings(WORDS, noise=40))
    assert "without clipping" in describe(clip, LabSettings(WORDS, gain=20))
    assert to_changes(clip, LabSettings("", mute_lead=True)).mute == {"speech"}


def test_of_a_video_words_mean_nothing(clip: VisitorClip) -> None:
    by_modality: dict[str, Any] = {"audio": None, "video": None, "both": None}
    watched = {"none": replace(BEFORE["none"], by_modality=by_modality)}
    film = VisitorClip(
        recorded("v", "foal_net"), "Film", "foal_net", watched, replace(clip.reading, text=None)
    )
    assert to_changes(film, LabSettings("some words")).text is None
    assert to_changes(film, LabSettings(mute_partner=True)).mute == {"video"}
    assert describe(film, LabSettings(mute_partner=True)) == "The face is muted."


def test_a_change_that_cannot_be_judged_is_a_sentence(
    clip: VisitorClip, judge: LabJudge, capsys: pytest.CaptureFixture[str]
) -> None:
    for settings, expected in (
        (LabSettings("x" * 101), "Too <long>."),
        (LabSettings(WORDS, mute_lead=True, mute_partner=True), "Nothing is left to judge"),
        (LabSettings(WORDS, gain=float("nan")), "gain_db must be"),
        (LabSettings(WORDS, noise=1e9), "snr_db must be"),
    ):
        answer = judge.answer(clip, settings)
        page = Page(answer.html)
        assert expected in page.text
        assert len(page.having(class_="at-lab-card")) == 2
        assert answer.clip is None
    broken: Any = LabJudge(lambda *_: 1 // 0, lambda _: FakeReader(), {})  # type: ignore[arg-type]
    assert "went wrong on our side" in broken.answer(clip, LabSettings("new")).html
    assert "ZeroDivisionError" in capsys.readouterr().err


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


def test_agreement_is_said_plainly() -> None:
    same = {name: prediction("sad") for name in "abc"}
    assert agreement(same) == "All 3 strategies assign the same category: sad."
    assert agreement({**same, "d": prediction("happy"), "e": prediction(None)}) == (
        "The strategies differ: 3 sad, 1 happy, 1 no category."
    )


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
