"""Published results, from `published.toml`; shown beside our own on the same corpus only."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("published.toml")


@dataclass(frozen=True)
class Published:
    """One row of somebody else's table; figures are in percent.

    Attributes:
        corpus: Name in `CORPORA`.
        system: Name and year.
        reads: Modalities.
        protocol: Who tests.
        selection: What chose the epoch that tests, or `unknown`.
        source: Where the figures were read.
        url: Of the source.
        weighted_accuracy: None if not published.
        unweighted_accuracy: None if not published.
    """

    corpus: str
    system: str
    reads: str
    protocol: str
    selection: str
    source: str
    url: str
    weighted_accuracy: float | None = None
    unweighted_accuracy: float | None = None


@cache
def published() -> tuple[Published, ...]:
    """Every row, in the order of the file."""
    return tuple(Published(**row) for row in tomllib.loads(FILE.read_text("utf-8"))["row"])


def published_on(corpus: str) -> list[Published]:
    """The rows of one corpus."""
    return [row for row in published() if row.corpus == corpus]
