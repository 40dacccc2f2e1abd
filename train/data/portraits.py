"""Pictures of faces in memory, and the short "clips" that training makes of them.

FER2013 holds single pictures. Where a framework wants video, a clip is a short sequence of crops
of one picture that drift a little, as a face tracker's do. Every figure on such clips says so: they
hold no facial motion.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mer_core.data import Example
from mer_core.types import ByteArray
from train.files import cached

SIDE = 48  # pixels, of FER2013
DRIFT_SHIFT, DRIFT_ZOOM, DRIFT_ANGLE = 1.5, 0.04, 2.5  # pixels, share, degrees; one std a clip


class Portraits:
    """Grey pictures of some examples; decoded once and stored in `cache` if given."""

    def __init__(self, examples: Sequence[Example], cache: Path | None = None) -> None:
        paths = sorted({e.image for e in examples if e.image is not None})
        key = hashlib.sha256("\n".join(map(str, paths)).encode()).hexdigest()[:16]
        stored = cache / f"portraits-{key}.npz" if cache else None
        pictures = cached(stored, lambda: decode(paths), read=_read, write=_write) if paths else ()
        self._pictures: dict[Path, ByteArray] = dict(zip(paths, pictures, strict=True))

    def picture(self, path: Path) -> ByteArray:
        """(SIDE, SIDE) of one example."""
        return self._pictures[path]

    def clip(self, path: Path, frames: int, generator: np.random.Generator) -> ByteArray:
        """(frames, SIDE, SIDE, 1): drifting crops of one picture, after a random walk."""
        walk = np.cumsum(generator.standard_normal((frames, 4)), axis=0) / np.sqrt(frames)
        return np.stack([drifted(self.picture(path), step) for step in walk])[..., None]


def decode(paths: Sequence[Path]) -> ByteArray:
    """(N, SIDE, SIDE) grey pictures from files, or from within zips.

    Raises:
        ValueError: A file is not a picture that can be decoded.
    """
    pictures = np.zeros((len(paths), SIDE, SIDE), np.uint8)
    for row, (path, picture) in zip(pictures, read_pictures(paths), strict=True):
        if picture is None:
            raise ValueError(f"{path.name} is not a picture.")
        row[:] = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return pictures


def read_pictures(paths: Sequence[Path]) -> Iterator[tuple[Path, ByteArray | None]]:
    """(H, W) grey pictures as they are, from files or from within zips; None for another file."""
    with ExitStack() as stack:
        archives: dict[Path, zipfile.ZipFile] = {}
        for path in paths:
            archive = archive_of(path)
            if archive is None:
                data = path.read_bytes()
            else:
                if archive not in archives:
                    archives[archive] = stack.enter_context(zipfile.ZipFile(archive))
                data = archives[archive].read(path.relative_to(archive).as_posix())
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
            yield path, None if picture is None else np.asarray(picture, np.uint8)


def archive_of(path: Path) -> Path | None:
    """The zip that holds a picture, if one does."""
    return next((parent for parent in path.parents if parent.suffix == ".zip"), None)


def _read(path: Path) -> ByteArray:
    with np.load(path) as archive:
        return np.asarray(archive["pictures"])


def _write(pictures: ByteArray, path: Path) -> None:
    with path.open("wb") as file:  # NumPy would append `.npz` to a name
        np.savez(file, pictures=pictures)


def drifted(picture: ByteArray, step: NDArray[np.float64]) -> ByteArray:
    """A picture moved by `step`: right, down, zoom and turn, in units of the drift's std."""
    centre = (SIDE - 1) / 2
    zoom, angle = float(np.exp(step[2] * DRIFT_ZOOM)), float(step[3]) * DRIFT_ANGLE
    matrix = np.asarray(cv2.getRotationMatrix2D((centre, centre), angle, zoom), np.float64)
    matrix[:, 2] += step[:2] * DRIFT_SHIFT
    moved = cv2.warpAffine(picture, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)
