"""Predictions to render, one a situation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mer_core.types import (
    ENVELOPE_RATE,
    CrossAttention,
    FaceTrack,
    FloatArray,
    Occlusions,
    Prediction,
    Window,
)

LABELS = ("angry", "happy", "neutral", "sad")


def chances(first: str, share: float) -> dict[str, float]:
    rest = (1 - share) / (len(LABELS) - 1)
    return {label: share if label == first else rest for label in LABELS}


def array(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float32)


@pytest.fixture
def agreeing() -> Prediction:
    """Two seconds of speech and three words, both happy; of the words, one counts."""
    return Prediction(
        emotion="happy",
        probabilities=chances("happy", 0.81),
        by_modality={
            "speech": chances("happy", 0.7),
            "text": chances("happy", 0.76),
            "both": chances("happy", 0.81),
        },
        framework="mgcma",
        duration=2.0,
        occlusions=Occlusions(
            "happy",
            {"both": 0.81, "speech": 0.7, "text": 0.76},
            ("we", "won", "today"),
            {"both": array(0.8, 0.31, 0.82), "text": array(0.75, 0.2, 0.76)},
            array(0, 0.5, 1, 1.5, 2),
            {"both": array(0.8, 0.6, 0.9, 0.81), "speech": array(0.7, 0.4, 0.8, 0.7)},
        ),
        envelope=np.linspace(0, 0.8, 2 * ENVELOPE_RATE, dtype=np.float32),
        text="we won today",
    )


@pytest.fixture
def disagreeing(agreeing: Prediction) -> Prediction:
    by_modality = {
        "speech": chances("angry", 0.62), "text": chances("happy", 0.7),
        "both": chances("angry", 0.58),
    }  # fmt: skip
    return replace(
        agreeing, emotion="angry", probabilities=chances("angry", 0.58), by_modality=by_modality
    )


@pytest.fixture
def words_only() -> Prediction:
    sad = chances("sad", 0.64)
    found = Occlusions(
        "sad", {"text": 0.64}, ("I", "miss", "her"), {"text": array(0.63, 0.2, 0.6)}, array(), {}
    )
    by_modality = {"speech": None, "text": sad, "both": None}
    return Prediction("sad", sad, by_modality, text="I miss her", occlusions=found)


@pytest.fixture
def voice_only(agreeing: Prediction) -> Prediction:
    happy = chances("happy", 0.81)
    return replace(
        agreeing,
        by_modality={"speech": happy, "text": None, "both": None},
        occlusions=Occlusions(
            "happy", {"speech": 0.81}, (), {}, array(0, 1, 2), {"speech": array(0.8, 0.82)}
        ),
        text=None,
    )


@pytest.fixture
def silent() -> Prediction:
    return Prediction(
        None, {}, {"speech": None, "text": None, "both": None}, "silence",
        "The recording is silent.", duration=3.0, envelope=np.zeros(150, dtype=np.float32),
    )  # fmt: skip


@pytest.fixture
def long(voice_only: Prediction) -> Prediction:
    """12 s in windows of 4 s every 2 s; the third one holds no speech."""
    windows = tuple(
        Window(2.0 * i, 2.0 * i + 4, None, {})
        if i == 2
        else Window(2.0 * i, 2.0 * i + 4, emotion, chances(emotion, 0.6))
        for i, emotion in enumerate(("neutral", "angry", "", "sad", "sad"))
    )
    return replace(
        voice_only, duration=12.0, timeline=windows, envelope=np.ones(600, dtype=np.float32) * 0.5
    )


@pytest.fixture
def face() -> FaceTrack:
    """Four seconds at 5 pictures a second; no face in the third second."""
    times = np.arange(20, dtype=np.float32) / 5
    found = (times < 2) | (times >= 3)
    boxes = np.where(found[:, None], [[0.25, 0.2, 0.5, 0.6]], 0).astype(np.float32)
    thumbnails = np.zeros((20, 96, 96, 3), dtype=np.uint8)
    thumbnails[found] = (np.arange(20, dtype=np.uint8) * 10)[found, None, None, None]
    preview = np.full((240, 320, 3), 90, dtype=np.uint8)
    return FaceTrack(times, boxes, found, thumbnails, preview, 6)


@pytest.fixture
def watched(face: FaceTrack) -> Prediction:
    """A happy face with a happy voice; the third second is empty."""
    steps = np.full((8, 20), 0.02, dtype=np.float32)
    steps[np.arange(8), np.arange(8) * 2] = 0.62
    windows = tuple(
        Window(float(i), float(i + 1), None, {})
        if i == 2
        else Window(float(i), float(i + 1), "happy", chances("happy", 0.6))
        for i in range(4)
    )
    return Prediction(
        emotion="happy",
        probabilities=chances("happy", 0.81),
        by_modality={
            "audio": chances("happy", 0.7),
            "video": chances("happy", 0.76),
            "both": chances("happy", 0.81),
        },
        framework="foal_net",
        duration=4.0,
        timeline=windows,
        envelope=np.linspace(0, 0.8, 4 * ENVELOPE_RATE, dtype=np.float32),
        face=face,
        match=0.81,
        cross_attention=CrossAttention(
            np.linspace(0, 4, 9, dtype=np.float32), face.times, steps,
            np.full((20, 8), 0.125, dtype=np.float32),
        ),
    )  # fmt: skip


@pytest.fixture
def faceless(watched: Prediction) -> Prediction:
    voice = chances("sad", 0.6)
    return replace(
        watched,
        emotion="sad",
        probabilities=voice,
        by_modality={"audio": voice, "video": None, "both": None},
        state="no_face",
        message="No face was found; this is the voice alone.",
        face=None,
        match=None,
        cross_attention=None,
    )


@pytest.fixture
def soundless(watched: Prediction) -> Prediction:
    seen = chances("happy", 0.7)
    return replace(
        watched,
        by_modality={"audio": None, "video": seen, "both": None},
        state="no_sound",
        message="The video has no sound; this is the face alone.",
        duration=None,
        envelope=None,
        match=None,
        cross_attention=None,
    )
