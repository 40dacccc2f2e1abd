"""What a panel compares: the embeddings before and after a strategy's alignment."""

from __future__ import annotations

from dataclasses import dataclass

from mer_core.frameworks.descriptor import BEFORE


@dataclass(frozen=True)
class Stage:
    """One side of a comparison.

    Attributes:
        title: For people.
        strategy: Whose embeddings it shows.
    """

    title: str
    strategy: str


def stages_of(strategy: str) -> tuple[Stage, ...]:
    """Before and after; one stage where nothing is aligned."""
    if strategy == BEFORE:
        return (Stage("No alignment", BEFORE),)
    return (Stage("Before", BEFORE), Stage("After", strategy))
