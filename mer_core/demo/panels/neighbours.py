"""A visitor's clips among their nearest neighbours: in a sentence, and as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from mer_core.atlas.analysis.neighbours import (
    HalvesDistance,
    Movement,
    Neighbour,
    Surroundings,
    movement,
    nearest,
)
from mer_core.atlas.collection import Atlas
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.markup import (
    CORPUS_TITLES,
    capitalised,
    caption,
    card,
    dotted,
    emotion_style,
    escape,
    percent,
    table,
)
from mer_core.demo.panels.nouns import noun, several, verb
from mer_core.demo.panels.stages import stages_of
from mer_core.frameworks.descriptor import BEFORE

LISTED = 5  # neighbours in a table
MAJORITY = 0.5  # share of neighbours below which their emotions are called mixed
SAME_DISTANCE = 0.01  # change of cosine distance below which two halves count as unmoved
SAME_RANK = 0.02  # change of the share of pairs below which their rank counts as unchanged
NO_CLIP = (
    "None of your clips is on this map yet. Analyse one on another page to see the recordings "
    "that the model finds most similar."
)
MEANING = (
    "Neighbours are the recordings with the most similar embeddings, whatever their place on the "
    "map. The number is the cosine distance, 0 (same direction) to 2 (opposite). Emotions are "
    "labels of the data sets, not of you."
)


def neighbours_panel(atlas: Atlas, strategy: str, clips: Sequence[VisitorClip]) -> str:
    """Every clip with its sentence and its tables, the latest first and unfolded.

    Args:
        atlas: Of the clips' framework.
        strategy: Whose map is "after".
        clips: In the order they were made.
    """
    latest_first = list(reversed(clips))
    parts = "".join(_clip(atlas, strategy, clip, i == 0) for i, clip in enumerate(latest_first))
    return card(
        "What is closest to your clips",
        caption(MEANING) + (parts or caption(NO_CLIP)),
        label="Nearest neighbours of your clips",
        classes="at-panel at-neighbours",
    )


def movement_sentence(moved: Movement, strategy: str) -> str:
    """What alignment did to a clip; plain text."""
    if strategy == BEFORE:
        return _without_alignment(moved)
    clauses = [_moved(name, *stages) for name, stages in moved.surroundings.items()]
    if moved.halves is not None:
        clauses.append(pair_sentence(*moved.halves, your_halves(moved.surroundings)))
    return " ".join(clauses)


def _without_alignment(moved: Movement) -> str:
    """The same where there is nothing to compare with."""
    parts = [
        f"your {noun(name)} {verb(name, 'is', 'are')} near {described(stage)}"
        for name, (stage, _) in moved.surroundings.items()
    ]
    sentence = f"Without alignment, {' and '.join(parts)}."
    if moved.halves is None:
        return sentence
    apart = moved.halves[0]
    return (
        f"{sentence} The cosine distance between {your_halves(moved.surroundings)} is "
        f"{apart.distance:.2f}: closer than {percent(apart.closer_than)} of pairs of one emotion."
    )


def _moved(modality: str, before: Surroundings, after: Surroundings) -> str:
    yours = f"Your {noun(modality)}"
    if described(before) == described(after):
        return f"{yours} {verb(modality, 'stays', 'stay')} near {described(after)}."
    return f"{yours} moved from {described(before)} to {described(after)}."


def described(stage: Surroundings) -> str:
    """The neighbours of one half, such as `angry words and voices`."""
    kinds = " and ".join(several(name) for name in stage.modalities)
    return f"{kinds} of mixed emotions" if stage.share < MAJORITY else f"{stage.emotion} {kinds}"


def pair_sentence(before: HalvesDistance, after: HalvesDistance, pair: str) -> str:
    """How alignment changed the distance of `pair`, such as `your voice and your words`.

    Distances of two spaces mean little by themselves; the rank among pairs compares them.
    """
    nearer = before.distance - after.distance
    gained = after.closer_than - before.closer_than
    if abs(nearer) < SAME_DISTANCE:
        change = "are as far apart as before"
    elif nearer > 0:
        change = "are now closer together"
        if gained < -SAME_RANK:
            change += ", but other pairs of one emotion came even closer"
    else:
        change = "are now further apart"
        if gained > SAME_RANK:
            change += ", but less so than other pairs of one emotion"
    return (
        f"{capitalised(pair)} {change} (cosine distance {before.distance:.2f} → "
        f"{after.distance:.2f}; closer than {percent(after.closer_than)} of pairs of one emotion, "
        f"before: {percent(before.closer_than)})."
    )


def your_halves(modalities: Iterable[str]) -> str:
    """Both halves of a clip, such as `your voice and your words`."""
    first, second = modalities
    return f"your {noun(first)} and your {noun(second)}"


def _clip(atlas: Atlas, strategy: str, clip: VisitorClip, unfolded: bool) -> str:
    tables = "".join(_table(atlas, strategy, clip, modality) for modality in clip.modalities)
    sentence = escape(movement_sentence(movement(atlas, strategy, clip), strategy))
    return (
        f'<article class="at-visitor" data-clip="{escape(clip.id)}">'
        f'<h3 class="at-visitor-name"><span aria-hidden="true">★</span> {escape(clip.name)}</h3>'
        f'<p class="at-sentence">{sentence}</p>'
        f'<details class="at-details"{" open" if unfolded else ""}>'
        f'<summary data-fold="clip {escape(clip.id)}">Nearest neighbours</summary>'
        f"{tables}</details></article>"
    )


def _table(atlas: Atlas, strategy: str, clip: VisitorClip, modality: str) -> str:
    """One half's neighbours, the nearest first: a column a stage, so that they compare."""
    stages = stages_of(strategy)
    columns = [_nearest(atlas, clip, modality, stage.strategy) for stage in stages]
    return table(
        [stage.title for stage in stages],
        (f"<tr>{''.join(map(_cell, row))}</tr>" for row in zip_longest(*columns)),
        classes="at-nearest",
        title=f"<caption>Nearest to your {escape(noun(modality))}</caption>",
    )


def _nearest(atlas: Atlas, clip: VisitorClip, modality: str, strategy: str) -> Sequence[Neighbour]:
    vector = clip.vector(strategy, modality)
    return () if vector is None else nearest(atlas.charts[strategy].reference, vector, LISTED)


def _cell(neighbour: Neighbour | None) -> str:
    if neighbour is None:
        return "<td></td>"
    corpus = CORPUS_TITLES.get(neighbour.corpus, neighbour.corpus)
    return (
        f'<td style="{emotion_style(neighbour.emotion)}">{dotted(neighbour.emotion)} '
        f'{escape(noun(neighbour.modality))} <span class="at-where">{escape(corpus)}, '
        f"{neighbour.distance:.2f}</span></td>"
    )
