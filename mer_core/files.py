"""Files that are complete or not there, and their hashes."""

from __future__ import annotations

import glob
import hashlib
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

UNFINISHED = ".tmp"  # ends the name of a file that is being written
ABANDONED_SECONDS = 3_600.0  # no write pauses that long, so its process is gone


def write_atomically(path: Path, write: Callable[[Path], object], prefix: str = "") -> None:
    """Let `write` fill a file beside `path`, then put it in place.

    So neither an interruption nor a second process leaves half a file. Makes missing folders, and
    removes what killed processes left of the same file.

    Args:
        path: Of the complete file.
        write: Gets the path to write to.
        prefix: Begins the unfinished file's name, for readers of folders that skip a dot.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    left = path.parent.glob(f"{prefix}{glob.escape(path.name)}.*{UNFINISHED}")
    remove_abandoned(left, ABANDONED_SECONDS)
    unfinished = path.with_name(f"{prefix}{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_abandoned(files: Iterable[Path], seconds: float) -> None:
    """Delete unfinished writes that have paused for longer: they can be gigabytes."""
    for file in files:
        with suppress(FileNotFoundError):  # another process may have deleted it
            if time.time() - file.stat().st_mtime > seconds:
                file.unlink()


def sha256(path: Path) -> str:
    """Hash of a file, in hexadecimal; read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
