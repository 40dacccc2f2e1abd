"""Alignment at three granularities: distributions of emotions, tokens of a clip, single pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.analysis.granularity import (
    EmotionDistances,
    Item,
    emotion_distances,
    items_of,
    shown_rows,
    similarities,
)
from mer_core.atlas.collection import Atlas
from mer_core.atlas.reference import Reference
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.heat_grid import distance_grid, similarity_grid
from mer_core.demo.panels.markup import emotion_style, escape
from mer_core.demo.panels.nouns import noun
from mer_core.frameworks.descriptor import BEFORE

Floats = NDArray[np.float64]
Stages = list[tuple[str, str]]


def distributions_view(atlas: Atlas, strategy: str) -> str:
    """W2 of every emotion between the modalities, before and after, and the whole matrices."""
    stages = stages_of(strategy)
    found = [emotion_distances(atlas.charts[name].reference) for _, name in stages]
    lead, partner = nouns_of(atlas.charts[BEFORE].reference)
    every = np.concatenate([distances.w2.ravel() for distances in found])
    low, high = float(every.min()), float(every.max())
    grids = "".join(
        f"<figure><figcaption>{title}</figcaption>"
        f"{distance_grid(distances, low, high, (lead, partner))}</figure>"
        for (title, _), distances in zip(stages, found, strict=True)
    )
    return _card(
        "Distributions",
        f"Each emotion is a Gaussian in each modality: the mean and the spread of its reference "
        f"embeddings. Their 2-Wasserstein distance (W2) says how far {lead} and {partner} of one "
        "emotion are from each other; 0 means alike. On the map, ellipses stand for them.",
        f"{_w2_bars(stages, found)}{_ratio(found)}"
        '<h3>Every emotion with every other</h3><p class="at-caption">Stronger is nearer, on one '
        "scale for both; framed is an emotion with itself.</p>"
        f'<div class="at-pair at-scroll">{grids}</div>',
    )


def instances_view(
    atlas: Atlas, strategy: str, clips: Sequence[VisitorClip], points: Sequence[int] = ()
) -> str:
    """Similarity matrices of chosen pairs and the visitor's clips.

    Args:
        atlas: Of the clips' framework.
        strategy: Whose map is "after".
        clips: Those with one half are left out.
        points: Chosen points of the map, as indices into `Reference.joint`; none: a few of each
            emotion.
    """
    reference = atlas.charts[BEFORE].reference
    lead, partner = nouns_of(reference)
    items = items_of(reference, shown_rows(reference, points), clips, strategy)
    stages = stages_of(strategy)
    matrices = [
        similarities(atlas.charts[name].reference, items, clips, name) for _, name in stages
    ]
    grids = "".join(
        f"<figure><figcaption>{title}: {_block_means(matrix, items)}</figcaption>"
        f"{similarity_grid(matrix, items, _described(title, matrix, items))}</figure>"
        for (title, _), matrix in zip(stages, matrices, strict=True)
    )
    paired = (
        "The two halves of a reference pair share only their emotion: look at blocks, not at the "
        "diagonal."
        if reference.pairing == "label"
        else "On the diagonal are the halves of one recording."
    )
    return _card(
        "Instances",
        f"Cosine similarity of {lead} (rows) and {partner} (columns) of "
        f"{'the chosen' if points else 'some'} pairs, ordered by emotion. {paired} "
        "Rows with a star are your clips.",
        f'<div class="at-pair">{grids}</div>{_scale()}{_legend(items)}'
        f"{_own(stages, matrices, items)}",
    )


def stages_of(strategy: str) -> Stages:
    """(title, strategy) of what is compared; one stage where nothing is aligned."""
    if strategy == BEFORE:
        return [("No alignment", BEFORE)]
    return [("Before", BEFORE), ("After", strategy)]


def nouns_of(reference: Reference) -> tuple[str, str]:
    """What the two modalities carry, for sentences."""
    lead, partner = (noun(name) for name in reference.modalities)
    return lead, partner


def _card(title: str, caption: str, inside: str) -> str:
    return (
        f'<section class="at-card at-panel at-granularity" aria-label="{title}">'
        f'<h2 class="at-title">{title}</h2><p class="at-caption">{caption}</p>{inside}</section>'
    )


def _w2_bars(stages: Stages, found: Sequence[EmotionDistances]) -> str:
    widest = max(float(np.diag(distances.w2).max()) for distances in found) or 1.0
    head = "".join(f'<th scope="col">{title}</th>' for title, _ in stages)
    rows = "".join(
        f'<tr style="{emotion_style(emotion)}"><th scope="row">'
        f'<span class="at-dot" aria-hidden="true"></span>{escape(emotion)}</th>'
        + "".join(_bar(float(distances.w2[i, i]), widest) for distances in found)
        + "</tr>"
        for i, emotion in enumerate(found[0].emotions)
    )
    return (
        '<table class="at-w2"><caption class="at-hidden">W2 of each emotion between the '
        f'modalities</caption><thead><tr><th scope="col">W2</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _bar(value: float, widest: float) -> str:
    return (
        f'<td><span class="at-w2-number">{value:.2f}</span><span class="at-track" '
        f'aria-hidden="true"><span class="at-fill" style="inline-size:{100 * value / widest:.1f}%">'
        "</span></span></td>"
    )


def _ratio(found: Sequence[EmotionDistances]) -> str:
    if not np.isfinite([distances.ratio for distances in found]).all():
        return ""
    said = " → ".join(f"{distances.ratio:.2f}" for distances in found)
    return (
        f'<p class="at-sentence">Same over other emotion: <b>{said}</b></p>'
        '<p class="at-caption">Below 1, an emotion of one modality lies nearer to the same '
        "emotion of the other than to different ones. This compares spaces of different "
        "size.</p>"
    )


def _same(items: Sequence[Item]) -> NDArray[np.bool_]:
    emotions = np.array([item.emotion for item in items])
    return np.asarray(emotions[:, None] == emotions[None, :])


def _block_means(matrix: Floats, items: Sequence[Item]) -> str:
    same = _same(items)
    said = f"same emotion {_number(float(matrix[same].mean()))}"
    if not same.all():
        said += f", other {_number(float(matrix[~same].mean()))}"
    return said


def _described(title: str, matrix: Floats, items: Sequence[Item]) -> str:
    return (
        f"Similarity matrix of {len(items)} pairs, {title.lower()}. Mean cosine: "
        f"{_block_means(matrix, items)}."
    )


def _scale() -> str:
    return (
        '<div class="at-scale" role="img" aria-label="Colours from cosine −1 over 0 to 1">'
        "<span>−1</span><i></i><span>1</span></div>"
    )


def _legend(items: Sequence[Item]) -> str:
    names = dict.fromkeys(item.emotion or "no category" for item in items)
    entries = "".join(
        f'<li style="{emotion_style(name)}"><span class="at-dot"></span>{escape(name)}</li>'
        for name in names
    )
    return f'<ul class="at-legend" aria-label="Emotions">{entries}</ul>'


def _own(stages: Stages, matrices: Sequence[Floats], items: Sequence[Item]) -> str:
    """The visitor's own halves in numbers, for who cannot point at a cell."""
    own = [(i, item) for i, item in enumerate(items) if item.is_visitor]
    if not own:
        return ""
    head = "".join(f'<th scope="col">{title}</th>' for title, _ in stages)
    rows = "".join(
        f'<tr><th scope="row">★ {escape(item.name)}</th>'
        + "".join(
            f'<td class="at-number">{_number(float(matrix[i, i]))}</td>' for matrix in matrices
        )
        + "</tr>"
        for i, item in own
    )
    return (
        '<table class="at-own"><caption>Cosine of your own two halves</caption><thead><tr>'
        f'<th scope="col">Clip</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _number(value: float) -> str:
    return f"{value if abs(value) >= 0.005 else 0.0:.2f}".replace("-", "−")
