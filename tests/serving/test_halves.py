"""One clip with a half of another: every field and every reason comes from the right one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mer_core.serving.halves import with_half_of
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.video_inputs import VideoInputs
from mer_core.types import SAMPLE_RATE, FaceTrack, State


def recording(name: str, seconds: float = 1.0, reasons: tuple[State, ...] = ()) -> SpeechTextInputs:
    wave: Any = None if State.SILENCE in reasons else np.full(int(seconds * SAMPLE_RATE), 0.1)
    text = None if State.UNREADABLE_TEXT in reasons else f"words of {name}"
    parts: Any = (f"activity of {name}", f"envelope of {name}")
    tokens: Any = f"tokens of {name}"
    return SpeechTextInputs(wave, *parts, seconds, text, tokens, reasons)


def film(seconds: float, voice_seconds: float, reasons: tuple[State, ...] = ()) -> VideoInputs:
    times = np.linspace(0, seconds, 5, dtype=np.float32)
    seen = np.ones(5, bool)
    black = np.zeros((5, 8, 8, 3), np.uint8)
    track = FaceTrack(times, np.ones((5, 4), np.float32), seen, black, black[0], 0)
    wave: Any = np.full(int(voice_seconds * SAMPLE_RATE), voice_seconds, np.float32)
    activity: Any = f"activity of {seconds}"
    face = None if State.NO_FACE in reasons else np.full((5, 4, 4, 3), int(seconds), np.uint8)
    return VideoInputs(seconds, wave, activity, track, face, times, reasons, f"said in {seconds}")


def test_a_recording_gets_the_other_voice_and_keeps_its_words() -> None:
    own, other = recording("A"), recording("B", 2.0)
    mixed = with_half_of(own, other, "speech")
    assert mixed.waveform is other.waveform
    assert (mixed.activity, mixed.envelope) == (other.activity, other.envelope)
    assert (mixed.duration, mixed.text, mixed.tokens) == (2.0, "words of A", "tokens of A")
    back = with_half_of(other, own, "text")  # the same mixture, from the other side
    assert back.waveform is mixed.waveform
    assert (back.text, back.tokens, back.duration) == (mixed.text, mixed.tokens, mixed.duration)


def test_reasons_follow_their_half() -> None:
    silent = recording("A", reasons=(State.SILENCE,))
    foreign = recording("B", reasons=(State.UNREADABLE_TEXT,))
    assert with_half_of(silent, foreign, "speech").reasons == ()
    assert with_half_of(foreign, recording("C"), "text").reasons == ()
    assert with_half_of(foreign, recording("C"), "speech").reasons == (State.UNREADABLE_TEXT,)


def test_a_video_lasts_as_long_as_its_longer_half() -> None:
    long, short = film(4.0, 4.0), film(2.0, 1.5)
    voice = with_half_of(long, short, "audio")
    assert (voice.waveform is short.waveform, voice.pictures is long.pictures) == (True, True)
    assert (voice.text, voice.activity, voice.duration) == ("said in 2.0", "activity of 2.0", 4.0)
    face = with_half_of(long, short, "video")
    assert (face.waveform is long.waveform, face.pictures is short.pictures) == (True, True)
    assert (face.text, face.duration, face.times[-1]) == ("said in 4.0", 4.0, 2.0)


def test_a_half_that_is_not_there_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="has no voice"):
        with_half_of(recording("A"), recording("B", reasons=(State.SILENCE,)), "speech")
    with pytest.raises(ValueError, match="has no face"):
        with_half_of(film(1, 1), film(1, 1, (State.NO_FACE,)), "video")
    mixed: Any = film(1.0, 1.0)
    with pytest.raises(ValueError, match="of the same kind"):
        with_half_of(recording("A"), mixed, "speech")
    with pytest.raises(ValueError, match="of the same kind"):
        with_half_of(recording("A"), recording("B"), "video")
