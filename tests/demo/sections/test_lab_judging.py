"""What the controls of the contradiction lab change, and how failures are explained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.sections.lab_judging import LabJudge
from mer_core.demo.sections.lab_settings import LabSettings, describe, to_changes
from tests.demo.clip_ids import recorded
from tests.demo.lab_fakes import BEFORE, C1, WORDS, FakeReader, FakeScorer
from tests.demo.markup_page import Page


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
