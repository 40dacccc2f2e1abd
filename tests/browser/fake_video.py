"""A stand-in for the voice-and-face framework: real pictures and faces, invented categories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import av
import cv2
import numpy as np

from mer_core.types import ENVELOPE_RATE, CrossAttention, FaceTrack, FloatArray, Prediction, Window

LABELS = ("angry", "happy", "neutral", "sad")
RATE = 5  # pictures a second that are looked at
SIDE = 96
LOUD = 0.22  # mean level from which a voice is angry

Chances = Callable[[int, float], dict[str, float]]


@dataclass(frozen=True)
class Picture:
    """One frame with its face, if there is one."""

    time: float
    rgb: np.ndarray
    box: tuple[int, int, int, int] | None


def pictures_of(path: str) -> list[Picture]:
    """`RATE` frames a second, each searched for its largest face."""
    finder = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")
    made: list[Picture] = []
    with av.open(path) as container:
        for frame in container.decode(video=0):
            if made and (frame.time or 0.0) < made[-1].time + 1 / RATE - 1e-3:
                continue
            rgb = frame.to_ndarray(format="rgb24")
            grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
            found = finder.detectMultiScale(grey, 1.2, 3, minSize=(60, 60))
            box = max(map(tuple, found), key=lambda b: b[2]) if len(found) else None
            made.append(Picture(float(frame.time or 0.0), rgb, box))
    return made


def track_of(pictures: list[Picture]) -> FaceTrack | None:
    """The faces as the real model hands them over."""
    found = np.array([picture.box is not None for picture in pictures])
    if not found.any():
        return None
    boxes = np.zeros((len(pictures), 4), dtype=np.float32)
    thumbnails = np.zeros((len(pictures), SIDE, SIDE, 3), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        if picture.box is not None:
            x, y, w, h = picture.box
            height, width = picture.rgb.shape[:2]
            boxes[index] = x / width, y / height, w / width, h / height
            thumbnails[index] = cv2.resize(picture.rgb[y : y + h, x : x + w], (SIDE, SIDE))
    middle = int(np.flatnonzero(found)[found.sum() // 2])
    times = np.array([picture.time for picture in pictures], dtype=np.float32)
    return FaceTrack(times, boxes, found, thumbnails, pictures[middle].rgb, middle)


def crossing_of(seconds: float, frames: FloatArray) -> CrossAttention:
    """A soft diagonal both ways."""
    steps = max(int(seconds * 25), 2)
    edges = np.linspace(0, seconds, steps + 1, dtype=np.float32)
    middles = (edges[:-1] + edges[1:]) / 2
    near = np.exp(-(((middles[:, None] - frames[None]) / 0.3) ** 2)) + 0.02
    across, back = near / near.sum(1, keepdims=True), near.T / near.T.sum(1, keepdims=True)
    return CrossAttention(edges, frames, across.astype(np.float32), back.astype(np.float32))


def watched(
    path: str, envelope: FloatArray | None, sound_note: str, chances: Chances
) -> Prediction:
    """Loud is angry, quiet is sad, every face is happy; a quiet voice matches it."""
    pictures = pictures_of(path)
    face = track_of(pictures)
    heard = envelope is not None and float(envelope.max()) > 0.02
    level = float(envelope.mean()) if envelope is not None and heard else 0.0
    voice = chances(0 if level > LOUD else 1, 0.62) if heard else None
    seen = chances(1, 0.71) if face is not None else None
    parts = [part for part in (voice, seen) if part]
    seconds = pictures[-1].time + 1 / RATE
    state = "ok" if voice and seen else "no_face" if voice else "no_sound"
    notes = {"no_face": "No face was found in the video.", "no_sound": sound_note, "ok": ""}
    if not parts:
        nothing = "Neither a face nor a voice was found."
        empty = {"audio": None, "video": None, "both": None}
        return Prediction(None, {}, empty, "no_face", nothing, framework="foal_net")
    both = {label: float(np.mean([part[label] for part in parts])) for label in LABELS}
    return Prediction(
        emotion=max(both, key=lambda label: both[label]),
        probabilities=both,
        by_modality={"audio": voice, "video": seen, "both": both if len(parts) == 2 else None},
        state=state,
        message=notes[state],
        framework="foal_net",
        duration=seconds,
        timeline=seconds_of(seconds, envelope if heard else None, face, chances),
        envelope=envelope if heard else None,
        face=face,
        match=None if len(parts) < 2 else 0.22 if level > LOUD else 0.81,
        cross_attention=crossing_of(seconds, face.times) if face and heard else None,
    )


def seconds_of(
    seconds: float, envelope: FloatArray | None, face: FaceTrack | None, chances: Chances
) -> tuple[Window, ...]:
    """One window a second; empty without voice and face."""
    windows = []
    for start in range(max(int(np.ceil(seconds - 0.25)), 1)):
        end = min(start + 1.0, seconds)
        here = slice(start * ENVELOPE_RATE, int(end * ENVELOPE_RATE))
        piece = np.zeros(0) if envelope is None else envelope[here]
        level = float(piece.mean()) if piece.size else 0.0
        there = face is not None and face.found[(face.times >= start) & (face.times < end)].any()
        label = 0 if level > LOUD else 1 if there else 3
        named = bool(there or level > 0.02)
        share = 0.45 + min(level, 0.3)
        windows.append(
            Window(float(start), end, LABELS[label] if named else None,
                   chances(label, share) if named else {})
        )  # fmt: skip
    return tuple(windows)
