"""Files and bytes that PyAV may open, checked before anything is decoded."""

from __future__ import annotations

import io
import os
from pathlib import Path

from mer_core.media.errors import MediaError, MediaErrorKind


def open_source(
    source: str | os.PathLike[str] | bytes, max_bytes: int, accepted: str
) -> str | io.BytesIO:
    """What PyAV opens for a path or for the bytes of a file.

    Args:
        source: A path or the bytes of a file.
        max_bytes: Larger files are refused.
        accepted: A sentence on the accepted files, which ends the error's message.

    Raises:
        MediaError: The source is missing, a folder, empty or larger than `max_bytes`.
    """
    opened: str | io.BytesIO
    if isinstance(source, bytes | bytearray):
        size, opened = len(source), io.BytesIO(source)
    else:
        path = Path(source)
        size = _file_size(path, accepted)
        # `file:` keeps a name such as `concat:a.wav` or `http://x` from meaning a protocol.
        opened = f"file:{path}"
    if size == 0:
        raise MediaError(MediaErrorKind.EMPTY, f"The file is empty (0 bytes). {accepted}")
    if size > max_bytes:
        raise MediaError(
            MediaErrorKind.TOO_LARGE,
            f"The file is {size / 2**20:.0f} MB; at most {max_bytes // 2**20} MB are accepted.",
        )
    return opened


def _file_size(path: Path, accepted: str) -> int:
    """Bytes of a file that exists and can be opened."""
    name = (path.name or str(path))[:80]
    try:
        if path.is_dir():
            message = f"{name!r} is a folder, not a file. {accepted}"
            raise MediaError(MediaErrorKind.NOT_A_FILE, message)
        if not path.is_file():
            message = f"There is no file named {name!r}. {accepted}"
            raise MediaError(MediaErrorKind.NOT_FOUND, message)
        with path.open("rb"):
            return path.stat().st_size
    except OSError:  # no permission, a name that is too long, ...
        message = f"{name!r} cannot be opened. {accepted}"
        raise MediaError(MediaErrorKind.NOT_FOUND, message) from None
