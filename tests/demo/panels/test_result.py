"""A whole prediction: what is drawn in every state, and that foreign text is escaped."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mer_core.demo.panels.result import render_details, render_verdict, render_video_details
from mer_core.demo.panels.video_timeline import MAX_THUMBNAILS, clip_length
from mer_core.types import CrossAttention, FaceTrack, Occlusions, Prediction, State
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import NASTY, pictures


def whole(prediction: Prediction) -> Page:
    return Page(render_verdict(prediction) + render_details(prediction))


def whole_video(prediction: Prediction) -> Page:
    return Page(render_verdict(prediction) + render_video_details(prediction))


def assert_inert(page: Page) -> None:
    """No script, no event handler, and no style that leaves its attribute."""
    assert not [tag for tag, _ in page.tags if tag == "script"]
    assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on")]
    styles = [attrs["style"] or "" for _, attrs in page.tags if "style" in attrs]
    assert not [style for style in styles if set(style) & set("<>\"'&")]


def test_a_result_shows_category_confidence_and_every_number(agreeing: Prediction) -> None:
    page = whole(agreeing)
    for expected in ("Happy", "81% confidence", "Voice alone", "Words alone", "Both together"):
        assert expected in page.text
    widths = [a["style"] for a in page.having(class_="at-fill")]
    assert len(widths) == 4 + 3 * 4
    assert widths[1] == "inline-size:81.0%"
    assert len(page.having(class_="at-effects")) == 1
    assert "Category the model assigns" in page.text


def test_one_modality_shows_what_to_add(words_only: Prediction, voice_only: Prediction) -> None:
    assert "Add a recording" in whole(words_only).text
    assert "Type what was said" in whole(voice_only).text
    assert not whole(words_only).having(class_="at-modality")
    assert "at-wave" not in render_details(words_only)
    assert "at-wave" in render_details(voice_only)


@pytest.mark.parametrize("state", sorted(set(State) - {State.OK}))
def test_without_a_label_there_is_a_message_and_no_category(state: State) -> None:
    page = whole(Prediction(None, {}, {}, state, "Because <b>."))
    assert "Because <b>." in page.text
    assert not page.having(class_="at-emotion")
    assert not page.having(class_="at-fill")
    assert not [tag for tag, _ in page.tags if tag == "b"]


def test_half_of_the_input_is_explained_not_asked_for(
    words_only: Prediction, voice_only: Prediction, silent: Prediction
) -> None:
    """A silent clip with words, and a voice with words that the model cannot read."""
    quiet = replace(
        words_only, state=State.SILENCE, message="Silent.", duration=3.0, envelope=silent.envelope
    )
    assert "Add a recording" not in whole(quiet).text
    assert "at-wave" not in render_details(quiet)
    foreign = replace(voice_only, state=State.UNREADABLE_TEXT, message="It reads English.")
    assert "Type what was said" not in whole(foreign).text
    assert "at-wave" in render_details(foreign)


def test_silence_draws_nothing(silent: Prediction) -> None:
    assert render_details(silent) == ""


def test_everything_foreign_is_escaped(agreeing: Prediction, long: Prediction) -> None:
    odd: Any = {NASTY: 0.9, "sad": 0.1}
    found = agreeing.occlusions
    assert found is not None
    hostile = replace(
        agreeing,
        emotion=NASTY,
        probabilities=odd,
        by_modality={"speech": odd, "text": odd, NASTY: odd},
        message=NASTY,
        occlusions=replace(found, emotion=NASTY, words=(NASTY, "\u202ereversed", "𝔘𝔫𝔦")),
        timeline=tuple(replace(w, emotion=NASTY, probabilities=odd) for w in long.timeline),
    )
    page = whole(hostile)
    assert_inert(page)
    assert not pictures(page)


def test_the_longest_input_stays_light(agreeing: Prediction) -> None:
    words, moments = 40, 24
    random = np.random.default_rng(0)
    huge = replace(
        agreeing,
        duration=30.0,
        envelope=random.random(1_500).astype(np.float32),
        text=" ".join(f"word{i}" for i in range(90)),
        occlusions=Occlusions(
            "happy",
            {"both": 0.5},
            tuple(f"word{i}" for i in range(words)),
            {"both": random.random(words).astype(np.float32)},
            np.linspace(0, 30, moments + 1, dtype=np.float32),
            {"both": random.random(moments).astype(np.float32)},
        ),
    )
    drawn = render_details(huge)
    assert len(drawn) < 50_000
    assert "Only the first 40 words were left out" in Page(drawn).text


def test_a_video_shows_voice_face_and_both(watched: Prediction) -> None:
    page = whole_video(watched)
    for expected in ("Happy", "81% confidence", "Voice alone", "Face alone", "Both together"):
        assert expected in page.text
    assert [a["data-modality"] for a in page.having(class_="at-modality")] == [
        "audio", "video", "both",
    ]  # fmt: skip
    assert "Voice, face and both" in page.text
    assert "Category the model assigns" in page.text


def test_pictures_are_part_of_the_page_and_of_no_disk(
    watched: Prediction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("builtins.open", lambda *_, **__: pytest.fail("a file was opened"))
    markup = render_verdict(watched) + render_video_details(watched)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
    assert pictures(Page(markup))
    assert all(str(p["src"]).startswith("data:image/jpeg;") for p in pictures(Page(markup)))
    assert not re.findall(r"https?://|/tmp|file=|url\(", markup)


def test_without_a_face_the_voice_is_shown(faceless: Prediction) -> None:
    page = whole_video(faceless)
    assert "No face was found; this is the voice alone. The model assigns sad" in page.text
    assert not pictures(page)
    assert not page.having(class_="at-film")
    assert not page.having(role="meter")
    assert not page.having(class_="at-fold")
    assert page.having(class_="at-columns")
    assert page.having(class_="at-wave")


def test_without_sound_the_face_is_shown(soundless: Prediction) -> None:
    page = whole_video(soundless)
    assert "no sound; this is the face alone. The model assigns happy" in page.text
    assert page.having(class_="at-film")
    assert not page.having(class_="at-wave")
    assert not page.having(role="meter")
    assert clip_length(soundless) == 4.0


@pytest.mark.parametrize(
    ("state", "title"),
    [
        (State.NO_FACE, "Neither voice nor face found"),
        (State.NO_SOUND, "Neither voice nor face found"),
        (State.NO_SPEECH, "Neither voice nor face found"),
        (State.SILENCE, "Neither voice nor face found"),
        (State.REFUSED, "This could not be analysed"),
    ],
)  # fmt: skip
def test_with_both_halves_missing_there_is_no_label(
    watched: Prediction, state: State, title: str
) -> None:
    """Even if a face or windows were handed over."""
    missing: Any = {"audio": None, "video": None, "both": None}
    nothing = replace(
        watched, emotion=None, probabilities={}, by_modality=missing, state=state, message="Why."
    )
    page = whole_video(nothing)
    assert title in page.text
    assert "Why." in page.text
    for kind in ("at-emotion", "at-fill", "at-meter", "at-film", "at-columns", "at-fold"):
        assert not page.having(class_=kind)
    assert not pictures(page)


def test_everything_foreign_of_a_video_is_escaped(watched: Prediction) -> None:
    odd: Any = {NASTY: 0.9, "sad": 0.1}
    hostile = replace(
        watched,
        emotion=NASTY,
        probabilities=odd,
        by_modality={"audio": odd, "video": odd, NASTY: odd},
        message=NASTY,
        timeline=tuple(replace(w, emotion=NASTY, probabilities=odd) for w in watched.timeline),
    )
    page = whole_video(hostile)
    assert_inert(page)
    assert all(str(p["src"]).startswith("data:image/jpeg;") for p in pictures(page))


def test_the_longest_clip_stays_light(watched: Prediction) -> None:
    frames = 60 * 25
    rng = np.random.default_rng(0)
    times = np.arange(frames, dtype=np.float32) / 25
    face = FaceTrack(
        times,
        np.full((frames, 4), 0.25, dtype=np.float32),
        np.ones(frames, dtype=bool),
        rng.integers(0, 255, (frames, 96, 96, 3), dtype=np.uint8),
        rng.integers(0, 255, (1080, 1920, 3), dtype=np.uint8),
        700,
    )
    steps = 3000
    crossing = CrossAttention(
        np.linspace(0, 60, steps + 1, dtype=np.float32),
        times,
        rng.random((steps, frames), dtype=np.float32),
        rng.random((frames, steps), dtype=np.float32),
    )
    drawn = render_video_details(
        replace(
            watched, duration=60.0, face=face, cross_attention=crossing,
            timeline=tuple(replace(watched.timeline[0], start=i, end=i + 1) for i in range(60)),
            envelope=rng.random(3000, dtype=np.float32),
        )
    )  # fmt: skip
    assert len(drawn) < 700_000
    assert len(pictures(Page(drawn))) == MAX_THUMBNAILS + 1


def test_words_and_face_are_named_everywhere(watched: Prediction) -> None:
    """The nouns of a framework of text and video, which no paper has and ours supports."""
    names = {"audio": "text", "video": "video", "both": "both"}
    by_modality = {names[name]: p for name, p in watched.by_modality.items()}
    page = whole_video(replace(watched, by_modality=by_modality))
    for expected in (
        "Words and face each suggest happy", "Words and face agree", "Words, face and both",
        "Words alone", "Face alone", "no words or face", "Rows: words, columns: face",
    ):  # fmt: skip
        assert expected in page.text
    assert "oice" not in page.text
    alone = replace(watched, by_modality={**by_modality, "text": None, "both": None}, match=None)
    alone = replace(alone, cross_attention=None)
    assert "From the face alone" in whole_video(alone).text
    assert "Type what was said to see words and face side by side." in whole_video(alone).text
    missing: Any = dict.fromkeys(by_modality)
    nothing = replace(watched, emotion=None, by_modality=missing, state=State.NO_FACE)
    assert "Neither words nor face found" in whole_video(nothing).text
