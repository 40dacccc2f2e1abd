"""Files that are there whole or not at all, and what keeps results of long work in them."""

from __future__ import annotations

import errno
import glob
import os
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from zipfile import BadZipFile

from safetensors import SafetensorError
from tqdm import tqdm

Kept = TypeVar("Kept")

UNFINISHED = ".tmp"  # ends the name of a file that is being written
FORGOTTEN_SECONDS = 3_600.0  # no write of ours rests that long, so whoever began it is gone
DAMAGED = (BadZipFile, EOFError, KeyError, OSError, SafetensorError, ValueError, zlib.error)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then put it in place.

    So neither an interruption nor a second process leaves half a file. Missing folders are made,
    and what killed processes left of the same file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_forgotten(path)
    beside = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _remove_forgotten(path: Path) -> None:
    """Unfinished writes of `path` that nobody goes on with: they can be gigabytes."""
    for file in path.parent.glob(f"{glob.escape(path.name)}.*{UNFINISHED}"):
        with suppress(FileNotFoundError):  # another process may be as tidy
            if time.time() - file.stat().st_mtime > FORGOTTEN_SECONDS:
                file.unlink()


def kept(
    path: Path | None,
    make: Callable[[], Kept],
    *,
    read: Callable[[Path], Kept],
    write: Callable[[Kept, Path], object],
) -> Kept:
    """What `path` holds; or else what `make` gives, which `path` then holds.

    A damaged file is made again; without a path, nothing is kept.

    Raises:
        OSError: The file is there, but the system does not let us read it; it may well be whole.
    """
    if path is None:
        return make()
    if path.exists():
        try:
            return read(path)
        except DAMAGED as error:
            if not _speaks_of_content(error):
                raise
            tqdm.write(f"{path} is damaged and made again: {error!r}")
    made = make()
    write_whole(path, lambda file: write(made, file))
    return made


def _speaks_of_content(error: Exception) -> bool:
    """Whether the bytes are to blame, not permissions or the disk.

    The one error of the system that bytes cause: a broken zip sends the reader to before its start.
    """
    return not isinstance(error, OSError) or error.errno == errno.EINVAL
