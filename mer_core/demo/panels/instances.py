"""Alignment of single pairs: similarity matrices of reference pairs and the visitor's clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.analysis.granularity import Item, items_of, rows_to_show, similarities
from mer_core.atlas.collection import Atlas
from mer_core.atlas.reference import Pairing
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.markup import (
    caption,
    card,
    emotion_style,
    escape,
    legend,
    number,
    table,
)
from mer_core.demo.panels.nouns import noun, several
from mer_core.demo.panels.stages import Stage, stages_of
from mer_core.frameworks.descriptor import BEFORE

Floats = NDArray[np.float64]

BAND = 0.7  # width of the band of emotions beside the matrix, in cells
STAR = 1.1  # width of the column that holds a visitor's star, in cells
NO_CATEGORY = "no category"
LEGEND_LABEL = 'aria-label="Emotions"'


def instances_view(
    atlas: Atlas, strategy: str, clips: Sequence[VisitorClip], points: Sequence[int] = ()
) -> str:
    """Similarity matrices of chosen pairs and the visitor's clips.

    Args:
        atlas: Of the clips' framework.
        strategy: Whose map is "after".
        clips: Those with one modality are left out.
        points: Chosen points of the map, as indices into `Reference.joint`; none: a few of each
            emotion.
    """
    reference = atlas.charts[BEFORE].reference
    items = items_of(reference, rows_to_show(reference, points), clips, strategy)
    stages = stages_of(strategy)
    matrices = [
        similarities(atlas.charts[stage.strategy].reference, items, clips, stage.strategy)
        for stage in stages
    ]
    figures = "".join(
        f"<figure><figcaption>{stage.title}: {_means(matrix, items)}</figcaption>"
        f"{similarity_grid(matrix, items, _label(stage, matrix, items))}</figure>"
        for stage, matrix in zip(stages, matrices, strict=True)
    )
    emotions = dict.fromkeys(item.emotion or NO_CATEGORY for item in items)
    natural = reference.pairing is Pairing.NATURAL
    return card(
        "Instances",
        f"{caption(_meaning(reference.modalities, natural, chosen=bool(points)))}"
        f'<div class="at-pair">{figures}</div>{_scale()}'
        f"{legend(emotions, LEGEND_LABEL)}{_visitor_table(stages, matrices, items)}",
        classes="at-panel at-granularity",
    )


def similarity_grid(matrix: Floats, items: Sequence[Item], label: str) -> str:
    """SVG of an (n, n) matrix in [−1, 1]: bands of emotions above and beside it, visitors starred.

    The colour's opacity is the absolute value; each cell's tooltip names its pair and value.
    """
    size = len(items)
    edge = STAR + BAND + 0.15
    total = edge + size
    # Thousands of cells at worst: what they share is written once, by a row or in the style sheet.
    rows = "".join(
        f'<g transform="translate(0 {i})">'
        + "".join(_cell(float(matrix[i, j]), row, items[j], j) for j in range(size))
        + "</g>"
        for i, row in enumerate(items)
    )
    return (
        f'<svg class="at-similarity" viewBox="0 0 {total:.2f} {total:.2f}" role="img" '
        f'aria-label="{escape(label)}">'
        f'<rect class="at-floor" x="{edge:.2f}" y="{edge:.2f}" width="{size}" height="{size}"/>'
        f'<g class="at-cells" transform="translate({edge:.2f} {edge:.2f})">{rows}</g>'
        f"{_margins(items, edge)}</svg>"
    )


def _cell(value: float, row: Item, column: Item, x: int) -> str:
    sign = "" if value >= 0 else ' class="at-minus"'
    title = escape(f"{row.name} × {column.name}: {number(value)}")
    return f'<rect{sign} x="{x}" fill-opacity="{abs(value):.2f}"><title>{title}</title></rect>'


def _margins(items: Sequence[Item], edge: float) -> str:
    """Bands and stars, for rows and columns alike."""
    drawn = []
    for index, item in enumerate(items):
        start, style = edge + index, emotion_style(item.emotion or "other")
        title = f"<title>{escape(item.name)}</title>"
        shape = f'class="at-band" style="{style}"'
        drawn.append(
            f'<rect {shape} x="{STAR:.2f}" y="{start:.2f}" width="{BAND}" height="1">{title}</rect>'
            f'<rect {shape} x="{start:.2f}" y="{STAR:.2f}" width="1" height="{BAND}">{title}</rect>'
        )
        if item.is_visitor:
            middle = start + 0.5
            drawn.append(
                f'<text class="at-star" x="{STAR / 2:.2f}" y="{middle:.2f}">★{title}</text>'
                f'<text class="at-star" x="{middle:.2f}" y="{STAR / 2:.2f}">★{title}</text>'
            )
    return "".join(drawn)


def _meaning(modalities: Sequence[str], natural: bool, chosen: bool) -> str:
    lead, partner = modalities
    compare = (
        "On the diagonal are the two halves of one recording."
        if natural
        else f"A reference pair's {noun(lead)} and {noun(partner)} share only their emotion, so "
        "compare blocks of one emotion, not the diagonal."
    )
    return (
        f"Cosine similarity (1 = same direction, −1 = opposite) of {several(lead)} (rows) and "
        f"{several(partner)} (columns): {'the chosen pairs' if chosen else 'a sample of pairs'}, "
        f"sorted by emotion. {compare} ★ marks your clips."
    )


def _means(matrix: Floats, items: Sequence[Item]) -> str:
    """Mean similarity within and across emotions."""
    emotions = np.array([item.emotion for item in items])
    same = emotions[:, None] == emotions[None, :]
    within = f"same emotion {number(float(matrix[same].mean()))}"
    return within if same.all() else f"{within}, other {number(float(matrix[~same].mean()))}"


def _label(stage: Stage, matrix: Floats, items: Sequence[Item]) -> str:
    return (
        f"Similarity matrix of {len(items)} pairs, {stage.title.lower()}. Mean cosine: "
        f"{_means(matrix, items)}."
    )


def _scale() -> str:
    return (
        '<div class="at-scale" role="img" aria-label="Colours from cosine −1 over 0 to 1">'
        "<span>−1</span><i></i><span>1</span></div>"
    )


def _visitor_table(
    stages: Sequence[Stage], matrices: Sequence[Floats], items: Sequence[Item]
) -> str:
    """The visitor's own pairs in numbers, for those who cannot point at a cell."""
    rows = [
        f'<tr><th scope="row">★ {escape(item.name)}</th>'
        + "".join(
            f'<td class="at-number">{number(float(matrix[i, i]))}</td>' for matrix in matrices
        )
        + "</tr>"
        for i, item in enumerate(items)
        if item.is_visitor
    ]
    if not rows:
        return ""
    return table(
        ["Clip", *(stage.title for stage in stages)],
        rows,
        classes="at-own",
        title="<caption>Cosine similarity of your own two halves</caption>",
    )
