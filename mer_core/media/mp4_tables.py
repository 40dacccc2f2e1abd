"""How many samples an MP4 or MOV file declares, read from its boxes before FFmpeg trusts them.

FFmpeg builds an entry in memory for every sample that a table declares. Most tables take four bytes
per sample, so they cannot declare more than the file's size allows. Two of them can: sizes that are
all the same (`stsz`) and fragments without a field per sample (`trun`). With these, 900 bytes
declare enough samples to fill the memory.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

MAX_SAMPLES = 1_000_000  # their index takes 35 MB; an hour of sound has a tenth of that
MAX_BOXES = 100_000  # a minute of fragments, one per frame, has 20 000
CONTAINERS = frozenset(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"edts", b"udta")
)
TABLES = frozenset((b"trak", b"hdlr", b"stts", b"stsz", b"trun"))
FIELDS_PER_SAMPLE = 0xF00  # flags of `trun`: a duration, size, flags or offset per sample


class ImplausibleBoxesError(ValueError):
    """There are more boxes than any camera writes, or compression hides them."""


def declared_samples(opened: str | io.BytesIO) -> int:
    """`count_samples` of a `file:` path or of bytes.

    Raises:
        ImplausibleBoxesError: See there.
        OSError: The file cannot be opened.
    """
    if isinstance(opened, io.BytesIO):
        samples = count_samples(opened)
        opened.seek(0)
        return samples
    with open(opened.removeprefix("file:"), "rb") as file:
        return count_samples(file)


def count_samples(file: BinaryIO) -> int:
    """The most samples declared by a table without an entry per sample; 0 if there is none.

    Sound whose clock ticks once per sample (PCM) is left out: FFmpeg keeps one entry for many of
    its samples.

    Raises:
        ImplausibleBoxesError: See there.
    """
    most = 0
    ticks, is_sound = 0, False  # ticks per sample and kind of the current track
    for kind, body in _tables(file):
        if kind == b"trak":
            ticks, is_sound = 0, False
        elif kind == b"hdlr" and body[8:12] in (b"soun", b"vide"):
            is_sound = body[8:12] == b"soun"
        elif kind == b"stts":  # comes before `stsz`
            ticks = _number(body, 12) if _number(body, 4) == 1 else 0
        elif kind == b"stsz" and _number(body, 4) and not (is_sound and ticks == 1):
            most = max(most, _number(body, 8))
        elif kind == b"trun" and not _number(body, 0) & FIELDS_PER_SAMPLE:
            most = max(most, _number(body, 4))
    return most


def _tables(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """(kind, first 16 bytes of the body) of each box in `TABLES`, in the order of the file."""
    end = file.seek(0, 2)
    position, boxes = 0, 0
    while position + 8 <= end:
        file.seek(position)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:  # the size follows in 64 bits
            size, header = struct.unpack(">Q", file.read(8).rjust(8, b"\0"))[0], 16
        boxes += 1
        if boxes > MAX_BOXES or kind == b"cmov":
            raise ImplausibleBoxesError(kind)
        if kind in TABLES:
            yield kind, file.read(16)
        # The boxes inside a container are read as if they followed it.
        if kind in CONTAINERS:
            position += header
        elif size >= header:
            position += size
        else:  # 0: up to the end of the file; anything else is damage
            return


def _number(body: bytes, offset: int) -> int:
    """The 32-bit number at `offset`, or 0 beyond the end."""
    return int.from_bytes(body[offset : offset + 4].ljust(4, b"\0"), "big")
