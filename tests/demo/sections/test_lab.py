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
from mer_core.demo.panels.lab import lab_summary, render_lab
from mer_core.demo.panels.markup import escape
from mer_core.demo.sections.lab import SENTENCES, build_lab
from mer_core.demo.sections.lab_events import CHOOSE, LabHandlers, LabVersion
from mer_core.demo.sections.lab_settings import LabSettings, describe, to_changes
from mer_core.media import MediaError
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.types import Prediction
from tests.demo.clip_ids import recorded
from tests.demo.conftest import chances
from tests.demo.markup_page import Page

ROOT = Path(__file__).resolve().parents[3]
NASTY = "<script>alert(1)</script>\"'"
WORDS = "we won"
C1 = recorded("c1")


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

    def __call__(self, framework: str, inputs: Any) -> Mapping[str, Prediction]:
        self.inputs.append(inputs)
        angry = "hate" in (inputs.text or "")
        return {"none": prediction("happy"), "all": prediction("angry" if angry else "happy")}


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


@pytest.fixture
def visit(clip: VisitorClip) -> FakeVisit:
    return FakeVisit(clip)


@pytest.fixture
def handlers(visit: FakeVisit, scorer: FakeScorer) -> LabHandlers:
    return LabHandlers(
        scorer, lambda _: FakeReader(), visit.find, visit.store_changed, {"all": "All of them"}
    )


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


def test_controls_at_rest_change_nothing(clip: VisitorClip, handlers: LabHandlers) -> None:
    assert to_changes(clip, LabSettings(WORDS)).text is None
    assert to_changes(clip, LabSettings(WORDS)).snr_db is None
    answer = handlers.answer(clip, LabSettings(f" {WORDS} "))
    assert answer.clip is None
    assert "Nothing is changed" in answer.html


def test_other_words_are_judged_anew(
    clip: VisitorClip, handlers: LabHandlers, scorer: FakeScorer
) -> None:
    answer = handlers.answer(clip, LabSettings("I hate this"))
    (judged,) = scorer.inputs
    assert judged.text == "I hate this"
    np.testing.assert_array_equal(judged.waveform, clip.reading.waveform)
    assert answer.summary == "The words are different."
    assert answer.clip is not None
    assert (answer.clip.id, answer.clip.framework) == (C1.as_changed(), "mgcma")
    assert answer.clip.predictions["all"].emotion == "angry"
    assert answer.clip._places is not clip._places  # it is elsewhere
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
    clip: VisitorClip, handlers: LabHandlers, capsys: pytest.CaptureFixture[str]
) -> None:
    for settings, expected in (
        (LabSettings("x" * 101), "Too <long>."),
        (LabSettings(WORDS, mute_lead=True, mute_partner=True), "Nothing is left to judge"),
        (LabSettings(WORDS, gain=float("nan")), "gain_db must be"),
        (LabSettings(WORDS, noise=1e9), "snr_db must be"),
    ):
        answer = handlers.answer(clip, settings)
        page = Page(answer.html)
        assert expected in page.text
        assert len(page.having(class_="at-lab-card")) == 2
        assert answer.clip is None
    visit = FakeVisit(clip)
    broken = LabHandlers(
        lambda *_: 1 // 0, lambda _: FakeReader(), visit.find, visit.store_changed, {}
    )  # type: ignore[arg-type,return-value]
    assert "went wrong on our side" in broken.answer(clip, LabSettings("new")).html
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_only_a_real_change_is_judged(
    handlers: LabHandlers, scorer: FakeScorer, visit: FakeVisit
) -> None:
    opened = handlers.open(str(C1), None)
    opening, version = opened["opening"], opened["version"]
    assert opened["words"]["value"] == WORDS
    assert (visit.changed, opened["hint"]) == ([None], "")
    assert version == LabVersion(C1, opening, LabSettings(WORDS))
    assert "Nothing is changed" in opened["cards"]
    assert handlers.open(str(C1), version) == {}
    still = (None, False, False, 0, 0, opening)
    (left,) = handlers.apply(str(C1), WORDS, *still, version)
    assert not scorer.inputs
    moved = (SENTENCES[2], False, False, 0, 0, opening)
    working, _, done = handlers.apply(str(C1), WORDS, *moved, version)
    assert (working["words"], working["swap"]) == (SENTENCES[2], None)  # fills the box, empties
    assert "Judging" in working["hint"]
    assert visit.changed[-1] is not None
    assert visit.changed[-1].id == C1.as_changed()
    assert done["version"] != version
    (again,) = handlers.apply(str(C1), SENTENCES[2], *still, done["version"])
    assert again == left == {}
    *_, back = handlers.apply(str(C1), WORDS, *still, done["version"])
    assert (visit.changed[-1], back["version"]) == (None, version)


def test_a_cancelled_answer_leaves_no_star(
    handlers: LabHandlers, scorer: FakeScorer, visit: FakeVisit
) -> None:
    """Gradio does not go on with an event that another one cancels."""
    opened = handlers.open(str(C1), None)
    still = (None, False, False, 0, 0, opened["opening"], opened["version"])
    running = handlers.apply(str(C1), SENTENCES[2], *still)
    next(running)
    next(running)  # judged by now
    assert len(scorer.inputs) == 1
    running.close()
    assert visit.changed == [None]


def test_controls_set_for_another_clip_judge_nothing(
    handlers: LabHandlers, scorer: FakeScorer, visit: FakeVisit
) -> None:
    """Gradio sends what waited behind a cancelled event: the new clip, the old controls."""
    old = handlers.open(str(C1), None)["opening"]
    version = handlers.reset(str(C1))["version"]
    (answer,) = handlers.apply(str(C1), "I hate this", None, True, False, 9, 0, old, version)
    assert answer == {}
    assert scorer.inputs == []
    assert set(visit.changed) == {None}


@pytest.mark.parametrize(
    ("changes", "enabled"),
    [({}, [True, True]), ({"text": None}, [True, False]), ({"waveform": None}, [False, True])],
)
def test_only_a_half_that_is_there_can_be_muted(
    clip: VisitorClip, scorer: FakeScorer, changes: dict[str, None], enabled: list[bool]
) -> None:
    half = VisitorClip(recorded("h"), "Clip", "mgcma", BEFORE, replace(clip.reading, **changes))
    visit = FakeVisit(half)
    handlers = LabHandlers(scorer, lambda framework: None, visit.find, visit.store_changed, {})
    controls = handlers.reset(str(half.id))
    mutes = (controls["mute_lead"], controls["mute_partner"])
    assert [mute["interactive"] for mute in mutes] == enabled


def test_a_removed_clip_is_explained(handlers: LabHandlers) -> None:
    version = LabVersion(C1, "1", LabSettings())
    (answer,) = handlers.apply("gone", "x", None, False, False, 0, 0, "1", version)
    assert "It is no longer here." in answer["hint"]
    assert "It is no longer here." in handlers.open("gone", None)["hint"]
    assert CHOOSE in handlers.open(None, None)["hint"]


def test_the_section_is_built(handlers: LabHandlers) -> None:
    with gr.Blocks() as demo:
        lab = build_lab(handlers)
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
