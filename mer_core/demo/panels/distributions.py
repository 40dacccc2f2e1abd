"""The coarsest granularity: how far apart the distributions of emotions are across modalities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mer_core.atlas.analysis.granularity import EmotionDistances, emotion_distances
from mer_core.atlas.collection import Atlas
from mer_core.demo.panels.markup import caption, card, dotted, emotion_style, escape, table
from mer_core.demo.panels.nouns import noun
from mer_core.demo.panels.stages import Stage, stages_of
from mer_core.frameworks.descriptor import BEFORE


def distributions_view(atlas: Atlas, strategy: str) -> str:
    """W2 of every emotion between the modalities, before and after, and the whole matrices."""
    stages = stages_of(strategy)
    measured = [emotion_distances(atlas.charts[stage.strategy].reference) for stage in stages]
    lead, partner = map(noun, atlas.charts[BEFORE].reference.modalities)
    meaning = (
        f"The model's embeddings of one emotion form a cloud for {lead} and a cloud for {partner}; "
        "ellipses show them on the map. The 2-Wasserstein distance (W2) compares the centres and "
        "spreads of two clouds: 0 means that they are the same."
    )
    every = np.concatenate([distances.w2.ravel() for distances in measured])
    low, high = float(every.min()), float(every.max())
    grids = "".join(
        f"<figure><figcaption>{stage.title}</figcaption>"
        f"{distance_grid(distances, low, high, (lead, partner))}</figure>"
        for stage, distances in zip(stages, measured, strict=True)
    )
    key = "Stronger colours are closer; a frame marks the same emotion."
    return card(
        "Distributions",
        f"{caption(meaning)}{_w2_bars(stages, measured)}{_ratio(measured)}"
        f"<h3>Every emotion with every other</h3>{caption(key)}"
        f'<div class="at-pair at-scroll">{grids}</div>',
        classes="at-panel at-granularity",
    )


def distance_grid(
    distances: EmotionDistances, low: float, high: float, nouns: tuple[str, str]
) -> str:
    """Table of W2, stronger = nearer; `low` and `high` bound the shades, so that grids compare."""
    span = max(high - low, 1e-9)
    head = "".join(f'<th scope="col">{_emotion(emotion)}</th>' for emotion in distances.emotions)
    rows = "".join(
        f'<tr><th scope="row">{_emotion(emotion)}</th>'
        + "".join(
            f"<td{' class=at-own-cell' if i == j else ''} "
            f'style="--heat:{(high - value) / span:.2f}" '
            f'title="{escape(emotion)} {nouns[0]} to {escape(distances.emotions[j])} {nouns[1]}">'
            f"{value:.2f}</td>"
            for j, value in enumerate(distances.w2[i].tolist())
        )
        + "</tr>"
        for i, emotion in enumerate(distances.emotions)
    )
    return (
        f'<table class="at-distances"><thead><tr><td>{nouns[0]} ↓<br>{nouns[1]} →</td>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )


def _emotion(emotion: str) -> str:
    return f'<span style="{emotion_style(emotion)}">{dotted(emotion)}</span>'


def _w2_bars(stages: Sequence[Stage], measured: Sequence[EmotionDistances]) -> str:
    widest = max(float(np.diag(distances.w2).max()) for distances in measured) or 1.0
    rows = (
        f'<tr style="{emotion_style(emotion)}"><th scope="row">{dotted(emotion)}</th>'
        + "".join(_bar(float(distances.w2[i, i]), widest) for distances in measured)
        + "</tr>"
        for i, emotion in enumerate(measured[0].emotions)
    )
    return table(
        ["W2", *(stage.title for stage in stages)],
        rows,
        classes="at-w2",
        title='<caption class="at-hidden">W2 of each emotion between the modalities</caption>',
    )


def _bar(value: float, widest: float) -> str:
    return (
        f'<td><span class="at-w2-number">{value:.2f}</span><span class="at-track" '
        f'aria-hidden="true"><span class="at-fill" style="inline-size:{100 * value / widest:.1f}%">'
        "</span></span></td>"
    )


def _ratio(measured: Sequence[EmotionDistances]) -> str:
    if not np.isfinite([distances.ratio for distances in measured]).all():
        return ""
    ratios = " → ".join(f"{distances.ratio:.2f}" for distances in measured)
    meaning = (
        "Below 1, an emotion is closer to itself in the other modality than to different emotions. "
        "Unlike W2, the ratio can be compared between spaces of different size."
    )
    return (
        '<p class="at-sentence">W2 to the same emotion, divided by W2 to other emotions: '
        f"<b>{ratios}</b></p>{caption(meaning)}"
    )
