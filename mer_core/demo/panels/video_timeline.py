"""A clip over time: the face that was followed, moment by moment, above the categories.

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

from mer_core.demo.panels.markup import percent, seconds
from mer_core.demo.panels.timeline import legend, strip, table
from mer_core.types import ByteArray, FaceTrack, Prediction

MOMENTS = 12  # pictures in the film at most, so that they stay recognisable on a phone
EVERY = 0.5  # seconds between two of them at least
PREVIEW_SIDE = 480  # pixels of the preview's longer side
THUMBNAIL_SIDE = 96
QUALITY = 82  # of the JPEG pictures
NOTHING = "nothing to judge"  # what an empty window is called
SPARSE = 0.6  # share of pictures with a face below which the page says so


@dataclass(frozen=True)
class Moment:
    """One cell of the film.

    Attributes:
        start: Seconds.
        end: Seconds.
        frame: Index of the picture that stands for it, or None if no face was seen.
    """

    start: float
    end: float
    frame: int | None


def video_timeline_figure(prediction: Prediction) -> str:
    """The preview beside film and timeline; nothing without a category or anything to draw."""
    duration = clip_length(prediction)
    if prediction.emotion is None or not duration:
        return ""
    face = prediction.face
    if not prediction.timeline and face is None:
        return ""
    windows = prediction.timeline
    key = f"{legend(windows, NOTHING)}{table(windows, NOTHING)}" if windows else ""
    return (
        '<section class="at-card" aria-label="Timeline">'
        '<h2 class="at-title">Second by second</h2>'
        f'<p class="at-caption">The category in each second; taller means more probable, hatched '
        f"means {NOTHING}.</p>"
        f'<div class="at-scene">{"" if face is None else preview(face)}'
        f'<div class="at-takes">{"" if face is None else film(face, duration)}'
        f"{strip(prediction, duration, NOTHING)}{key}</div></div></section>"
    )


def clip_length(prediction: Prediction) -> float:
    """Seconds that the drawing spans: the longest of sound, windows and pictures."""
    ends = [prediction.duration or 0.0, *(window.end for window in prediction.timeline)]
    if prediction.face is not None and prediction.face.times.size:
        ends.append(float(prediction.face.times[-1]))
    return max(ends)


def moments(face: FaceTrack, duration: float) -> list[Moment]:
    """Equal stretches of the clip, each with the found frame nearest to its middle."""
    gap = float(np.diff(face.times).max()) if face.times.size > 1 else 0.0
    count = max(1, min(MOMENTS, math.floor(duration / max(EVERY, gap))))
    edges = np.linspace(0.0, duration, count + 1)
    return [
        Moment(start, end, _nearest(face, start, end)) for start, end in pairwise(edges.tolist())
    ]


def film(face: FaceTrack, duration: float) -> str:
    """Thumbnails on the time axis; a moment without a face stays visibly empty."""
    cells = "".join(_cell(face, moment) for moment in moments(face, duration))
    return f'<ol class="at-film" aria-label="The face, moment by moment">{cells}</ol>'


def preview(face: FaceTrack) -> str:
    """One picture of the clip with a box around the face."""
    if not face.preview.size:
        return ""
    index = face.preview_index
    moment = seconds(float(face.times[index]))
    source = data_uri(face.preview, PREVIEW_SIDE)
    share = float(np.mean(face.found))
    seen = f" It was seen in {percent(share)} of the pictures." if share < SPARSE else ""
    return (
        '<figure class="at-preview"><div class="at-frame">'
        f'<img src="{source}" alt="Picture from the clip at {moment}">'
        f"{_box(face)}</div>"
        f"<figcaption>The face that was followed, at {moment}.{seen}</figcaption></figure>"
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


def _cell(face: FaceTrack, moment: Moment) -> str:
    if moment.frame is None:
        said = f"No face from {seconds(moment.start)} to {seconds(moment.end)}"
        return f'<li class="at-blank"><span class="at-hidden">{said}</span></li>'
    at = seconds(float(face.times[moment.frame]))
    source = data_uri(face.thumbnails[moment.frame], THUMBNAIL_SIDE)
    return f'<li><img src="{source}" alt="Face at {at}"></li>'


def _box(face: FaceTrack) -> str:
    if not face.found[face.preview_index]:
        return ""
    left, top, width, height = (float(v) for v in face.boxes[face.preview_index])
    return (
        f'<span class="at-box" aria-hidden="true" style="left:{100 * left:.2f}%;'
        f'top:{100 * top:.2f}%;width:{100 * width:.2f}%;height:{100 * height:.2f}%"></span>'
    )
