"""Pictures of examples' films: the followed face, or the whole picture, at even intervals.

Each film is decoded once and its pictures are stored in a file of their own, so that memory does
not grow with the corpus and an interrupted run goes on where it was. A face is followed as in the
app (five frames per second, `mer_core.media.faces`), in the speaker's half of a split screen only.

A film in which no face is found has no pictures. Its video half is then absent as if the recording
had none: a pair is trained on its other half, an example of video alone is left out, and an
evaluation counts it as refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mer_core.data import Example, Side, VideoSpan
from mer_core.media import MediaError
from mer_core.media.face_crops import crop_faces, whole_frames
from mer_core.media.face_detectors import FaceDetector, default_detector
from mer_core.media.faces import track_face
from mer_core.media.film import load_stretch
from mer_core.media.video import Video
from mer_core.types import ByteArray
from train.config import SourceConfig
from train.files import cached, unreadable

VERSION = 1  # part of the cache's keys; another number where the same film gives other pictures


@dataclass(frozen=True)
class Framing:
    """Which pictures are taken of a film; see `SourceConfig`."""

    picture: str
    size: int
    frames: int

    @classmethod
    def of(cls, source: SourceConfig) -> Framing:
        """As a source of video says."""
        return cls(source.picture, source.picture_size, source.frames)


class Films:
    """The pictures of some examples' films; stored in `cache` if given, else kept in memory."""

    def __init__(
        self, examples: Sequence[Example], framing: Framing, cache: Path | None = None
    ) -> None:
        self.framing, self._cache = framing, cache
        self._memory: dict[VideoSpan, ByteArray] = {}
        self._faceless: set[VideoSpan] = set()
        spans = {e.video for e in examples if e.video is not None}
        ordered = sorted(spans, key=lambda span: (str(span.path), span.start, span.side))
        bar = tqdm(ordered, desc="films", unit="film", mininterval=1.0, disable=not ordered)
        for span in bar:
            pictures = self._stored(span, _read_shape)  # the pixels are read when they are wanted
            if not len(pictures):
                self._faceless.add(span)
            if cache is None:
                self._memory[span] = pictures

    def has_pictures(self, span: VideoSpan) -> bool:
        """Whether a face was found, or none was looked for."""
        return span not in self._faceless

    def pictures(self, span: VideoSpan) -> ByteArray | None:
        """(F, size, size, 3) of one film, F up to `framing.frames`; None where no face is found."""
        if not self.has_pictures(span):
            return None
        return self._memory[span] if span in self._memory else self._stored(span, _read)

    def _stored(self, span: VideoSpan, read: Callable[[Path], ByteArray]) -> ByteArray:
        """As `pictures`; none of them where no face is found."""
        path = self._cache / "films" / f"{self._key(span)}.npz" if self._cache else None
        return cached(path, lambda: self._decode(span), read=read, write=_write)

    def _key(self, span: VideoSpan) -> str:
        how = [VERSION, *vars(self.framing).values()]
        size = span.path.stat().st_size if span.path.exists() else 0
        what = [str(span.path), size, span.start, span.end, span.side]
        return hashlib.sha256(json.dumps([*how, *what]).encode()).hexdigest()[:20]

    def _decode(self, span: VideoSpan) -> ByteArray:
        try:
            video = load_stretch(span.path, span.start, span.end, least=self.framing.frames)
        except MediaError as error:
            raise unreadable(span.path, error) from None
        return pictures_of(half(video, span.side), self.framing, self._detector)

    @cached_property
    def _detector(self) -> FaceDetector:
        return default_detector()


def half(video: Video, side: Side) -> Video:
    """The part of a film's picture that shows the speaker."""
    middle = video.frames.shape[2] // 2
    if side is Side.LEFT:
        return replace(video, frames=video.frames[:, :, :middle])
    return replace(video, frames=video.frames[:, :, middle:]) if side is Side.RIGHT else video


def pictures_of(video: Video, framing: Framing, detector: FaceDetector) -> ByteArray:
    """(F, size, size, 3): the pictures of a film, evenly chosen; none without a face."""
    if framing.picture == "whole":
        chosen = evenly(len(video.frames), framing.frames)
        return whole_frames(replace(video, frames=video.frames[chosen]), framing.size)
    faces = crop_faces(video, track_face(video, detector), framing.size)
    return faces[evenly(len(faces), framing.frames)]


def evenly(available: int, wanted: int) -> NDArray[np.int64]:
    """The middle one of each of `wanted` equal parts; all of them if there are not more."""
    if available <= wanted:
        return np.arange(available)
    return ((np.arange(wanted) + 0.5) * available / wanted).astype(np.int64)


def _read(path: Path) -> ByteArray:
    with np.load(path) as archive:
        return np.asarray(archive["pictures"])


def _read_shape(path: Path) -> ByteArray:
    """As `_read`, without the pixels, which the start of a run does not need."""
    with np.load(path) as archive:
        return np.broadcast_to(np.uint8(0), tuple(archive["shape"]))


def _write(pictures: ByteArray, path: Path) -> None:
    with path.open("wb") as file:  # NumPy would append `.npz` to a name
        np.savez(file, pictures=pictures, shape=pictures.shape)
