"""The contradiction lab: what the knobs change, what is drawn, and how failures are told."""

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
from mer_core.demo.sections.lab import SENTENCES, build_lab
from mer_core.demo.sections.lab_handlers import CHOOSE, LabHandlers
from mer_core.demo.sections.lab_knobs import Knobs, describe, to_changes
from mer_core.media import MediaError
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.types import Prediction
from tests.demo.conftest import chances
from tests.demo.markup_page import Page

ROOT = Path(__file__).resolve().parents[3]
NASTY = "<script>alert(1)</script>\"'"
SAID = "we won"


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
    reading = SpeechTextInputs(wave, None, None, 0.5, SAID, None)
    return VisitorClip("c1", f"Clip {NASTY}", "mgcma", BEFORE, reading)


class FakeScorer:
    """Angry words make the strategy `all` angry; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, framework: str, reading: Any) -> Mapping[str, Prediction]:
        self.asked.append(reading)
        angry = "hate" in (reading.text or "")
        return {"none": prediction("happy"), "all": prediction("angry" if angry else "happy")}


@pytest.fixture
def scorer() -> FakeScorer:
    return FakeScorer()


class Kept:
    """The clips of a visit, and what the lab last kept of them."""

    def __init__(self, *clips: VisitorClip) -> None:
        self.clips = {clip.id: clip for clip in clips}
        self.changed: list[VisitorClip | None] = []

    def find(self, chosen: str, request: Any) -> VisitorClip:
        if chosen not in self.clips:
            raise ValueError("It is no longer here.")
        return self.clips[chosen]

    def keep(self, changed: VisitorClip | None, request: Any) -> None:
        self.changed.append(changed)


@pytest.fixture
def kept(clip: VisitorClip) -> Kept:
    return Kept(clip)


@pytest.fixture
def handlers(kept: Kept, scorer: FakeScorer) -> LabHandlers:
    return LabHandlers(scorer, lambda _: FakeReader(), kept.find, kept.keep, {"all": "All of them"})


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
    page = Page(render_lab({NASTY: odd}, {NASTY: odd}, {NASTY: NASTY}, NASTY))
    assert not [tag for tag, _ in page.tags if tag == "script"]


def test_knobs_at_rest_change_nothing(clip: VisitorClip, handlers: LabHandlers) -> None:
    assert to_changes(clip, Knobs(SAID)).text is None
    assert to_changes(clip, Knobs(SAID)).snr_db is None
    answer = handlers.answer(clip, Knobs(f" {SAID} "))
    assert answer.clip is None
    assert "Nothing is changed" in answer.html


def test_other_words_are_judged_anew(
    clip: VisitorClip, handlers: LabHandlers, scorer: FakeScorer
) -> None:
    answer = handlers.answer(clip, Knobs("I hate this"))
    (asked,) = scorer.asked
    assert asked.text == "I hate this"
    np.testing.assert_array_equal(asked.waveform, clip.reading.waveform)
    assert answer.hint == "The words are other ones."
    assert answer.clip is not None
    assert (answer.clip.id, answer.clip.framework) == ("c1~lab", "mgcma")
    assert answer.clip.predictions["all"].emotion == "angry"
    assert answer.clip._places is not clip._places  # it stands elsewhere
    assert "1 of 2" in answer.html


def test_each_knob_does_what_it_says(clip: VisitorClip) -> None:
    knobs = Knobs(SAID, mute_partner=True, noise=30, gain=-12)
    changes = to_changes(clip, knobs)
    assert changes.mute == {"text"}
    assert (changes.snr_db, changes.gain_db) == (10, -12)
    assert describe(clip, knobs) == (
        "The words are muted; noise is 10 dB below the voice; the sound is 12 dB quieter."
    )
    assert to_changes(clip, Knobs(SAID, noise=40)).snr_db == 0
    assert "as loud as the voice" in describe(clip, Knobs(SAID, noise=40))
    assert "without clipping" in describe(clip, Knobs(SAID, gain=20))
    assert to_changes(clip, Knobs("", mute_lead=True)).mute == {"speech"}


def test_of_a_video_words_mean_nothing(clip: VisitorClip) -> None:
    by_modality: dict[str, Any] = {"audio": None, "video": None, "both": None}
    watched = {"none": replace(BEFORE["none"], by_modality=by_modality)}
    film = VisitorClip("v", "Film", "foal_net", watched, replace(clip.reading, text=None))
    assert to_changes(film, Knobs("some words")).text is None
    assert to_changes(film, Knobs(mute_partner=True)).mute == {"video"}
    assert describe(film, Knobs(mute_partner=True)) == "The face is muted."


def test_a_change_that_cannot_be_judged_is_a_sentence(
    clip: VisitorClip, handlers: LabHandlers, capsys: pytest.CaptureFixture[str]
) -> None:
    for knobs, expected in (
        (Knobs("x" * 101), "Too <long>."),
        (Knobs(SAID, mute_lead=True, mute_partner=True), "Nothing is left to judge"),
        (Knobs(SAID, gain=float("nan")), "gain_db must be"),
        (Knobs(SAID, noise=1e9), "snr_db must be"),
    ):
        answer = handlers.answer(clip, knobs)
        page = Page(answer.html)
        assert expected in page.text
        assert len(page.having(class_="at-lab-card")) == 2
        assert answer.clip is None
    visit = Kept(clip)
    broken = LabHandlers(lambda *_: 1 // 0, lambda _: FakeReader(), visit.find, visit.keep, {})  # type: ignore[arg-type,return-value]
    assert "went wrong on our side" in broken.answer(clip, Knobs("new")).html
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_events_tell_a_real_change_from_a_look(
    handlers: LabHandlers, scorer: FakeScorer, kept: Kept
) -> None:
    *controls, cards, hint, owner, version = handlers.open("c1", "")
    assert controls[0]["value"] == SAID
    assert (kept.changed, hint, version) == ([None], "", f"{owner} ")
    assert "Nothing is changed" in cards
    assert handlers.open("c1", version)[0] == gr.skip()
    still = (None, False, False, 0, 0, owner)
    (left,) = handlers.apply("c1", SAID, *still, version)
    assert not scorer.asked
    working, _, done = handlers.apply("c1", SAID, SENTENCES[2], False, False, 0, 0, owner, version)
    assert working[:2] == (SENTENCES[2], None)  # fills the box and lets go
    assert "Judging" in working[3]
    assert kept.changed[-1] is not None
    assert kept.changed[-1].id == "c1~lab"
    assert done[4] != version
    (again,) = handlers.apply("c1", SENTENCES[2], *still, done[4])
    assert again == left == tuple(gr.skip() for _ in range(5))
    *_, back = handlers.apply("c1", SAID, *still, done[4])
    assert (kept.changed[-1], back[4]) == (None, version)


def test_an_answer_that_nobody_asks_for_any_more_leaves_no_star(
    handlers: LabHandlers, scorer: FakeScorer, kept: Kept
) -> None:
    """Gradio does not go on with an event that another one cancels."""
    *_, owner, version = handlers.open("c1", "")
    running = handlers.apply("c1", SENTENCES[2], None, False, False, 0, 0, owner, version)
    next(running)
    next(running)  # judged by now
    assert len(scorer.asked) == 1
    running.close()
    assert kept.changed == [None]


def test_controls_that_were_set_for_something_else_judge_nothing(
    handlers: LabHandlers, scorer: FakeScorer, kept: Kept
) -> None:
    """Gradio sends what waited behind a cancelled event: the new clip, the old controls."""
    *_, old, _ = handlers.open("c1", "")
    *_, version = handlers.reset("c1")
    (answer,) = handlers.apply("c1", "I hate this", None, True, False, 9, 0, old, version)
    assert answer == tuple(gr.skip() for _ in range(5))
    assert scorer.asked == []
    assert set(kept.changed) == {None}


@pytest.mark.parametrize(
    ("changes", "usable"),
    [({}, [True, True]), ({"text": None}, [True, False]), ({"waveform": None}, [False, True])],
)
def test_only_a_half_that_is_there_can_be_muted(
    clip: VisitorClip, scorer: FakeScorer, changes: dict[str, None], usable: list[bool]
) -> None:
    half = VisitorClip("h", "Clip", "mgcma", BEFORE, replace(clip.reading, **changes))
    visit = Kept(half)
    handlers = LabHandlers(scorer, lambda framework: None, visit.find, visit.keep, {})
    _, _, *mutes = handlers.reset("h")[:4]
    assert [mute["interactive"] for mute in mutes] == usable


def test_a_clip_that_was_removed_is_said_to_be(handlers: LabHandlers) -> None:
    (answer,) = handlers.apply("gone", "x", None, False, False, 0, 0, "c1/1", "c1/1 ")
    assert "It is no longer here." in answer[3]
    assert "It is no longer here." in handlers.open("gone", "")[-3]
    assert CHOOSE in handlers.open(None, "")[-3]


def test_the_section_is_built(handlers: LabHandlers) -> None:
    with gr.Blocks() as demo:
        lab = build_lab(handlers)
    assert lab.clip.elem_id == "lab-clip"
    events = [f for f in demo.fns.values() if f.name == "apply"]
    assert len(events) == 1
    assert events[0].trigger_mode == "always_last"
    assert events[0].concurrency_id == "model"
    cancelling = [f.targets for f in demo.fns.values() if events[0]._id in f.cancels]
    assert {name for targets in cancelling for _, name in targets} == {"change", "click"}
    fired = {name for _, name in events[0].targets}
    assert fired == {"submit", "blur", "input", "release"}
    assert all(f.api_visibility == "private" for f in demo.fns.values())


@pytest.mark.slow
def test_importing_the_sections_leaves_torch_and_umap_alone() -> None:
    code = (
        "import sys, mer_core.demo.sections.lab_handlers, mer_core.demo.sections.refit; "
        "print(*(m for m in ('torch', 'umap', 'numba', 'cv2') if m in sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == []
