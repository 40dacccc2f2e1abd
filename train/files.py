"""A cache of results in files, and the error for a recording that cannot be read."""

from __future__ import annotations

import errno
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from zipfile import BadZipFile

from safetensors import SafetensorError
from tqdm import tqdm

from mer_core.files import write_atomically

Value = TypeVar("Value")

DAMAGED = (BadZipFile, EOFError, KeyError, OSError, SafetensorError, ValueError, zlib.error)


def unreadable(path: Path, error: Exception) -> ValueError:
    """The error for a recording that a corpus names and that cannot be read."""
    return ValueError(
        f"{path}: {error} Repair it, or remove it (and its row in a manifest); `python -m train "
        "check` lists every such file."
    )


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
