"""A video over time: the followed face in thumbnails above the category of every second.

Pictures are part of the page itself (data URIs): none is ever written to disk or has an address.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image

from mer_core.demo.panels.markup import caption, card, percent, seconds
from mer_core.demo.panels.nouns import modalities, noun
from mer_core.demo.panels.timeline import windows_figure, windows_key
from mer_core.types import ByteArray, FaceTrack, Prediction

MAX_THUMBNAILS = 12  # in a row, so that they stay recognisable on a phone
SPACING = 0.5  # seconds between two of them at least
PREVIEW_SIDE = 480  # pixels of the preview's longer side
THUMBNAIL_SIDE = 96
QUALITY = 82  # of the JPEG pictures
SPARSE = 0.6  # share of frames with a face below which the page says so


@dataclass(frozen=True)
class Slot:
    """The part of the clip that one thumbnail covers.

    Attributes:
        start: Seconds.
        end: Seconds.
        frame: Index of the frame that is shown, or None if no face was found.
    """

    start: float
    end: float
    frame: int | None


def video_timeline_figure(prediction: Prediction) -> str:
    """The preview beside thumbnails and timeline; empty without a category, or face and windows."""
    duration = clip_length(prediction)
    if prediction.emotion is None or not duration:
        return ""
    face, windows = prediction.face, prediction.timeline
    if not windows and face is None:
        return ""
    empty = f"no {' or '.join(map(noun, modalities(prediction)))}"
    meaning = (
        f"The category of each second. Taller means more probable, hatched means {empty} was found."
    )
    return card(
        "Second by second",
        f'{caption(meaning)}<div class="at-scene">{"" if face is None else preview(face)}'
        f'<div class="at-takes">{"" if face is None else thumbnails(face, duration)}'
        f"{windows_figure(prediction, duration, empty)}"
        f"{windows_key(windows, empty) if windows else ''}</div></div>",
        label="Timeline",
    )


def clip_length(prediction: Prediction) -> float:
    """Seconds that the drawing spans: the longest of sound, windows and frames."""
    ends = [prediction.duration or 0.0, *(window.end for window in prediction.timeline)]
    if prediction.face is not None and prediction.face.times.size:
        ends.append(float(prediction.face.times[-1]))
    return max(ends)


def slots(face: FaceTrack, duration: float) -> list[Slot]:
    """Equal parts of the clip, each with the frame of the face nearest to its middle."""
    gap = float(np.diff(face.times).max()) if face.times.size > 1 else 0.0
    count = max(1, min(MAX_THUMBNAILS, math.floor(duration / max(SPACING, gap))))
    edges = np.linspace(0.0, duration, count + 1)
    return [Slot(start, end, _nearest(face, start, end)) for start, end in pairwise(edges.tolist())]


def thumbnails(face: FaceTrack, duration: float) -> str:
    """Thumbnails on the time axis; a part without a face stays visibly empty."""
    cells = "".join(_thumbnail(face, slot) for slot in slots(face, duration))
    return f'<ol class="at-film" aria-label="The face over time">{cells}</ol>'


def preview(face: FaceTrack) -> str:
    """One frame of the clip with a box around the face."""
    if not face.preview.size:
        return ""
    index = face.preview_index
    moment = seconds(float(face.times[index]))
    source = data_uri(face.preview, PREVIEW_SIDE)
    share = float(np.mean(face.found))
    sparse = f" It was found in {percent(share)} of the frames." if share < SPARSE else ""
    return (
        '<figure class="at-preview"><div class="at-frame">'
        f'<img src="{source}" alt="Picture from the clip at {moment}">'
        f"{_box(face)}</div>"
        f"<figcaption>The face that was followed, at {moment}.{sparse}</figcaption></figure>"
    )


def data_uri(picture: ByteArray, side: int) -> str:
    """(H, W, 3) uint8 RGB as a JPEG inside the page, its longer side at most `side` pixels."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((side, side))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode('ascii')}"


def _nearest(face: FaceTrack, start: float, end: float) -> int | None:
    inside = face.found & (face.times >= start) & (face.times < end)
    if not inside.any():
        return None
    distance = np.where(inside, np.abs(face.times - (start + end) / 2), np.inf)
    return int(np.argmin(distance))


def _thumbnail(face: FaceTrack, slot: Slot) -> str:
    if slot.frame is None:
        label = f"No face from {seconds(slot.start)} to {seconds(slot.end)}"
        return f'<li class="at-blank"><span class="at-hidden">{label}</span></li>'
    moment = seconds(float(face.times[slot.frame]))
    source = data_uri(face.thumbnails[slot.frame], THUMBNAIL_SIDE)
    return f'<li><img src="{source}" alt="Face at {moment}"></li>'


def _box(face: FaceTrack) -> str:
    if not face.found[face.preview_index]:
        return ""
    left, top, width, height = (float(v) for v in face.boxes[face.preview_index])
    return (
        f'<span class="at-box" aria-hidden="true" style="left:{100 * left:.2f}%;'
        f'top:{100 * top:.2f}%;width:{100 * width:.2f}%;height:{100 * height:.2f}%"></span>'
    )
