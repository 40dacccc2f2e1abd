"""Files that are there whole or not at all, and what keeps results of long work in them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from zipfile import BadZipFile

from safetensors import SafetensorError
from tqdm import tqdm

Kept = TypeVar("Kept")

DAMAGED = (BadZipFile, EOFError, KeyError, OSError, SafetensorError, ValueError, zlib.error)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then put it in place.

    So neither an interruption nor a second process leaves half a file. Missing folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def kept(
    path: Path | None,
    make: Callable[[], Kept],
    *,
    read: Callable[[Path], Kept],
    write: Callable[[Kept, Path], object],
) -> Kept:
    """What `path` holds; or else what `make` gives, which `path` then holds.

    A file that cannot be read is made again; without a path, nothing is kept.
    """
    if path is None:
        return make()
    if path.exists():
        try:
            return read(path)
        except DAMAGED as error:
            tqdm.write(f"{path} is damaged and made again: {error!r}")
    made = make()
    write_whole(path, lambda file: write(made, file))
    return made
