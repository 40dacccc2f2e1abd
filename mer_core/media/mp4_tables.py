"""What an MP4 or MOV file claims to hold, read from its boxes before FFmpeg believes it.

FFmpeg builds an entry in memory for every sample that a table claims. Most tables take four bytes
a sample, so that a claim is as large as its file; two of them do not, and 900 bytes can claim
enough samples to fill the memory: sizes that are all the same (`stsz`) and fragments without a
field of their own a sample (`trun`).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

MAX_SAMPLES = 1_000_000  # an index of them takes 35 MB; an hour of sound has a tenth of it
MAX_BOXES = 100_000  # a minute of fragments, one a frame, has 20 000
CONTAINERS = frozenset(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"edts", b"udta")
)
TABLES = frozenset((b"trak", b"hdlr", b"stts", b"stsz", b"trun"))
FIELDS_PER_SAMPLE = 0xF00  # flags of `trun`: duration, size, flags or offset follow a sample


class ImplausibleBoxesError(ValueError):
    """The boxes are more or deeper than any camera writes, or hidden by compression."""


def samples_of(opened: str | io.BytesIO) -> int:
    """What `claimed_samples` says of a `file:` path or of bytes.

    Raises:
        ImplausibleBoxesError: See there.
        OSError: The file cannot be opened.
    """
    if isinstance(opened, io.BytesIO):
        samples = claimed_samples(opened)
        opened.seek(0)
        return samples
    with open(opened.removeprefix("file:"), "rb") as file:
        return claimed_samples(file)


def claimed_samples(file: BinaryIO) -> int:
    """The most samples that a table without an entry a sample claims; 0 if there is none.

    Samples of sound whose clock ticks once a sample (PCM) are left out: FFmpeg keeps one entry
    for many of those.

    Raises:
        ImplausibleBoxesError: See there.
    """
    most = 0
    ticks, sound = 0, False  # of a sample and of the track that is being read
    for kind, body in _tables(file):
        if kind == b"trak":
            ticks, sound = 0, False
        elif kind == b"hdlr" and body[8:12] in (b"soun", b"vide"):
            sound = body[8:12] == b"soun"
        elif kind == b"stts":  # comes before `stsz`
            ticks = _number(body, 12) if _number(body, 4) == 1 else 0
        elif kind == b"stsz" and _number(body, 4) and not (sound and ticks == 1):
            most = max(most, _number(body, 8))
        elif kind == b"trun" and not _number(body, 0) & FIELDS_PER_SAMPLE:
            most = max(most, _number(body, 4))
    return most


def _tables(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """(kind, its first 16 bytes) of each box of interest, in order of the file."""
    end = file.seek(0, 2)
    position, seen = 0, 0
    while position + 8 <= end:
        file.seek(position)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:  # the size follows in 64 bits
            size, header = struct.unpack(">Q", file.read(8).rjust(8, b"\0"))[0], 16
        seen += 1
        if seen > MAX_BOXES or kind == b"cmov":
            raise ImplausibleBoxesError(kind)
        if kind in TABLES:
            yield kind, file.read(16)
        # A container is entered, and what it holds read as if it stood beside it.
        if kind in CONTAINERS:
            position += header
        elif size >= header:
            position += size
        else:  # 0: up to the end of the file; the rest is damage
            return


def _number(body: bytes, offset: int) -> int:
    """The 32-bit number at `offset`, or 0 beyond the end."""
    return int.from_bytes(body[offset : offset + 4].ljust(4, b"\0"), "big")
