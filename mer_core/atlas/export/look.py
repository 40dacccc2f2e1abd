"""What a figure shows of its maps, as the page's switches say it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mer_core.atlas.analysis.density import Extent


@dataclass(frozen=True)
class Look:
    """Switches of a figure.

    Attributes:
        lines: Whether pairs, or centroids of emotions, are joined.
        ellipses: Whether each emotion's mean ± one standard deviation is drawn.
        density: Whether each emotion's contours are drawn.
        hidden: Emotions and modalities that are not drawn.
        chosen: Selected points by their row; all others are faint. Empty without a selection.
        extent: Over which the page computes densities; None for the figure's own.
    """

    lines: bool = True
    ellipses: bool = False
    density: bool = False
    hidden: frozenset[str] = frozenset()
    chosen: frozenset[int] = frozenset()
    extent: Extent | None = None

    @classmethod
    def read(cls, sent: str | None) -> Look:
        """From the page's JSON; what is missing or of another kind is as a page begins."""
        try:
            given = json.loads(sent or "{}")
        except ValueError:
            given = {}
        if not isinstance(given, dict):
            given = {}
        switches = {
            name: given[name]
            for name in ("lines", "ellipses", "density")
            if isinstance(given.get(name), bool)
        }
        return cls(
            **switches,
            hidden=frozenset(_of(given.get("hidden"), str)),
            chosen=frozenset(_of(given.get("chosen"), int)),
            extent=_extent(given.get("extent")),
        )


def _extent(sent: Any) -> Extent | None:
    """Four finite numbers, the lower ones first, or None."""
    numbers = list(_of(sent, float))
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        return None
    x0, y0, x1, y1 = numbers
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _of(values: Any, kind: type) -> Iterable[Any]:
    """Those of a list that are of this kind."""
    return (one for one in values if type(one) is kind) if isinstance(values, list) else ()
