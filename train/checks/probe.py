"""Reads every file of some examples once: can it be decoded, how long is it, what is in it?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from mer_core.data import Example, VideoSpan
from mer_core.files import sha256
from mer_core.media import MediaError, load_audio
from mer_core.media.film import film_seconds, load_stretch
from mer_core.types import SAMPLE_RATE
from train.checks.findings import Probe
from train.data.portraits import archive_of, read_pictures
from train.data.recordings import INT16

File = Path | VideoSpan  # a sound or a picture, or a stretch of a film
FileKind = TypeVar("FileKind", Path, VideoSpan)
Probes = dict[File, Probe]
EDGE_SECONDS = 0.5  # at either end of a film that is decoded: all of it would take hours


def probe_files(examples: Sequence[Example]) -> Probes:
    """Each file and stretch of film that the examples name → what it holds."""
    sounds = _unique(e.path for e in examples)
    pictures = _unique(e.image for e in examples)
    films = _unique(e.video for e in examples)
    total = len(sounds) + len(pictures) + len(films)
    found: Probes = {}
    with tqdm(total=total, desc="check", unit="file", mininterval=1.0, disable=not total) as bar:
        for file, probe in _probed(sounds, pictures, films):
            found[file] = probe
            bar.update()
    return found


def _unique(files: Iterable[FileKind | None]) -> list[FileKind]:
    return list(dict.fromkeys(file for file in files if file is not None))


def _probed(
    sounds: Sequence[Path], pictures: Sequence[Path], films: Sequence[VideoSpan]
) -> Iterator[tuple[File, Probe]]:
    for path in sounds:
        yield path, probe_sound(path)
    yield from _probed_pictures(pictures)
    hashed = cache(sha256)  # a scene has many stretches
    for span in films:
        yield span, _probe_film(span, hashed)


def probe_sound(path: Path) -> Probe:
    """A recording, decoded whole."""
    try:
        waveform = load_audio(path)
    except MediaError as error:
        return Probe(problem=str(error))
    samples = (waveform * INT16).astype(np.int16)
    return Probe(
        seconds=len(samples) / SAMPLE_RATE,
        content=hashlib.sha256(samples.tobytes()).hexdigest(),
        silent=not samples.any(),
    )


def _probed_pictures(paths: Sequence[Path]) -> Iterator[tuple[Path, Probe]]:
    there = [path for path in paths if (archive_of(path) or path).is_file()]
    for path in set(paths) - set(there):
        yield path, Probe(problem="There is no such file.")
    for path, picture in read_pictures(there):
        if picture is None:
            yield path, Probe(problem="This is no picture.")
        else:
            yield path, Probe(content=hashlib.sha256(picture.tobytes()).hexdigest())


def _probe_film(span: VideoSpan, hashed: Callable[[Path], str]) -> Probe:
    """A stretch of a film, decoded at both ends."""
    try:
        length = film_seconds(span.path)
        end = span.end if span.end is not None else length
        load_stretch(span.path, span.start, _sooner(span.start + EDGE_SECONDS, end))
        if end is not None and end - span.start > 2 * EDGE_SECONDS:
            load_stretch(span.path, end - EDGE_SECONDS, end)
    except MediaError as error:
        return Probe(problem=str(error))
    content = f"{hashed(span.path)} {span.start} {span.end} {span.side}"
    return Probe(seconds=None if end is None else end - span.start, content=content)


def _sooner(time: float, end: float | None) -> float:
    return time if end is None else min(time, end)
