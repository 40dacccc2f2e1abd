"""Decoded speech in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mer_core.data import Example
from mer_core.media import MediaError, load_audio
from mer_core.types import FloatArray
from train.files import cached, unreadable

INT16 = 32_767.0

Waves = list[NDArray[np.int16]]


class Recordings:
    """The waveforms of some examples, as int16; decoded once and stored in `cache` if given."""

    def __init__(self, examples: Sequence[Example], cache: Path | None = None) -> None:
        paths = sorted({e.path for e in examples if e.path is not None})
        listing = "\n".join(f"{path} {path.stat().st_size}" for path in paths)
        key = hashlib.sha256(listing.encode()).hexdigest()[:16]
        stored = cache / f"waveforms-{key}.npz" if cache else None
        waves = cached(stored, lambda: decode(paths), read=_read, write=_write) if paths else []
        self._waves: dict[Path, NDArray[np.int16]] = dict(zip(paths, waves, strict=True))

    def waveform(self, path: Path) -> FloatArray:
        """(S,) float32 of one clip."""
        return self._waves[path].astype(np.float32) / np.float32(INT16)


def decode(paths: Sequence[Path]) -> Waves:
    """(S,) of every clip.

    Raises:
        ValueError: A clip cannot be read.
    """
    return [_decoded(path) for path in tqdm(paths, desc="decode", unit="clip")]


def _decoded(path: Path) -> NDArray[np.int16]:
    try:
        return (load_audio(path) * INT16).astype(np.int16)
    except MediaError as error:
        raise unreadable(path, error) from None


def _read(path: Path) -> Waves:
    with np.load(path) as archive:
        return np.split(archive["flat"], archive["ends"][:-1])


def _write(waves: Waves, path: Path) -> None:
    with path.open("wb") as file:  # NumPy would append `.npz` to a name
        np.savez(file, flat=np.concatenate(waves), ends=np.cumsum([len(wave) for wave in waves]))
