"""Matrices as grids of colour: signed similarities, and distances with their numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.analysis.granularity import EmotionDistances, Item
from mer_core.demo.panels.markup import emotion_style, escape

Floats = NDArray[np.float64]

BAND = 0.7  # width of the strip of emotions, in cells
STAR = 1.1  # room for a star in front of a visitor's row, in cells


def similarity_grid(matrix: Floats, items: Sequence[Item], described: str) -> str:
    """SVG of an (n, n) matrix in [−1, 1]: bands of emotions above and beside it, visitors starred.

    The colour's opacity is the absolute value; each cell says its pair and value when pointed at.
    """
    size = len(items)
    edge = STAR + BAND + 0.15
    total = edge + size
    # Thousands of cells at worst: what they share is said once, by a row or in the style sheet.
    rows = "".join(
        f'<g transform="translate(0 {i})">'
        + "".join(_cell(float(matrix[i, j]), row, items[j], j) for j in range(size))
        + "</g>"
        for i, row in enumerate(items)
    )
    return (
        f'<svg class="at-similarity" viewBox="0 0 {total:.2f} {total:.2f}" role="img" '
        f'aria-label="{escape(described)}">'
        f'<rect class="at-floor" x="{edge:.2f}" y="{edge:.2f}" width="{size}" height="{size}"/>'
        f'<g class="at-cells" transform="translate({edge:.2f} {edge:.2f})">{rows}</g>'
        f"{_margins(items, edge)}</svg>"
    )


def _cell(value: float, row: Item, column: Item, x: int) -> str:
    sign = "" if value >= 0 else ' class="at-minus"'
    said = f"{row.name} × {column.name}: {value:.2f}".replace(": -", ": −")
    return (
        f'<rect{sign} x="{x}" fill-opacity="{abs(value):.2f}"><title>{escape(said)}</title></rect>'
    )


def _margins(items: Sequence[Item], edge: float) -> str:
    """Bands and stars, for rows and columns alike."""
    drawn = []
    for index, item in enumerate(items):
        at, style = edge + index, emotion_style(item.emotion or "other")
        title = f"<title>{escape(item.name)}</title>"
        shape = f'class="at-band" style="{style}"'
        drawn.append(
            f'<rect {shape} x="{STAR:.2f}" y="{at:.2f}" width="{BAND}" height="1">{title}</rect>'
            f'<rect {shape} x="{at:.2f}" y="{STAR:.2f}" width="1" height="{BAND}">{title}</rect>'
        )
        if item.is_visitor:
            middle = at + 0.5
            drawn.append(
                f'<text class="at-star" x="{STAR / 2:.2f}" y="{middle:.2f}">★{title}</text>'
                f'<text class="at-star" x="{middle:.2f}" y="{STAR / 2:.2f}">★{title}</text>'
            )
    return "".join(drawn)


def distance_grid(found: EmotionDistances, low: float, high: float, nouns: tuple[str, str]) -> str:
    """Table of W2, stronger = nearer; `low` and `high` bound the shades, so that grids compare."""
    span = max(high - low, 1e-9)
    head = "".join(f'<th scope="col">{_emotion(emotion)}</th>' for emotion in found.emotions)
    rows = "".join(
        f'<tr><th scope="row">{_emotion(emotion)}</th>'
        + "".join(
            f"<td{' class=at-own-cell' if i == j else ''} "
            f'style="--heat:{(high - value) / span:.2f}" '
            f'title="{escape(emotion)} {nouns[0]} to {escape(found.emotions[j])} {nouns[1]}">'
            f"{value:.2f}</td>"
            for j, value in enumerate(found.w2[i].tolist())
        )
        + "</tr>"
        for i, emotion in enumerate(found.emotions)
    )
    return (
        f'<table class="at-distances"><thead><tr><td>{nouns[0]} ↓<br>{nouns[1]} →</td>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )


def _emotion(emotion: str) -> str:
    return (
        f'<span style="{emotion_style(emotion)}"><span class="at-dot" aria-hidden="true"></span>'
        f"{escape(emotion)}</span>"
    )
