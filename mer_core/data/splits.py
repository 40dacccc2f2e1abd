"""Splits for corpora without any: 80 % train, 10 % dev, 10 % test, the same every time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

SPLITS = ("train", "dev", "test")
TEST_SHARE = DEV_SHARE = 0.1


def deal(
    groups: Iterable[str], *, shares: tuple[float, float] = (DEV_SHARE, TEST_SHARE)
) -> dict[str, str]:
    """Group → its split, in an order that depends on the names alone.

    Args:
        groups: Speakers, or clips of unknown speakers.
        shares: Of dev and test; either has at least one group, unless its share is 0.

    Raises:
        ValueError: There are fewer groups than splits.
    """
    ordered = sorted(set(groups), key=lambda group: hashlib.sha256(group.encode()).digest())
    dev, test = (max(1, round(share * len(ordered))) if share else 0 for share in shares)
    if dev + test >= len(ordered):
        raise ValueError(f"{len(ordered)} cannot be divided into train, dev and test")
    names = ["test"] * test + ["dev"] * dev + ["train"] * (len(ordered) - dev - test)
    return dict(zip(ordered, names, strict=True))
