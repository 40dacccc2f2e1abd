"""Complete files or none, and a cache of results in them."""

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

Value = TypeVar("Value")

UNFINISHED = ".tmp"  # ends the name of a file that is being written
ABANDONED_SECONDS = 3_600.0  # no write pauses that long, so its process is gone
DAMAGED = (BadZipFile, EOFError, KeyError, OSError, SafetensorError, ValueError, zlib.error)


def unreadable(path: Path, error: Exception) -> ValueError:
    """The error for a recording that a corpus names and that cannot be read."""
    return ValueError(
        f"{path}: {error} Repair it, or remove it (and its row in a manifest); `python -m train "
        "check` lists every such file."
    )


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then put it in place.

    So neither an interruption nor a second process leaves half a file. Makes missing folders, and
    removes what killed processes left of the same file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _remove_abandoned(path: Path) -> None:
    """Delete unfinished writes of `path` whose process is gone: they can be gigabytes."""
    for file in path.parent.glob(f"{glob.escape(path.name)}.*{UNFINISHED}"):
        with suppress(FileNotFoundError):  # another process may have deleted it
            if time.time() - file.stat().st_mtime > ABANDONED_SECONDS:
                file.unlink()


def cached(
    path: Path | None,
    compute: Callable[[], Value],
    *,
    read: Callable[[Path], Value],
    write: Callable[[Value, Path], object],
) -> Value:
    """Read `path`, or else compute its value and write it there.

    A damaged file is computed again; without a path, nothing is stored.

    Raises:
        OSError: The file exists, but the system cannot read it; its content may be intact.
    """
    if path is None:
        return compute()
    if path.exists():
        try:
            return read(path)
        except DAMAGED as error:
            if not _is_about_content(error):
                raise
            tqdm.write(f"{path} is damaged and computed again: {error!r}")
    value = compute()
    write_atomically(path, lambda file: write(value, file))
    return value


def _is_about_content(error: Exception) -> bool:
    """Whether the bytes caused it, and not permissions or the disk.

    Bytes cause one error of the system: a broken zip makes the reader seek before its start.
    """
    return not isinstance(error, OSError) or error.errno == errno.EINVAL
