"""Among whom a visitor's clips lie in the original space, before and after, and in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from mer_core.atlas.analysis.neighbours import (
    Apart,
    Movement,
    Neighbour,
    Surroundings,
    movement,
    nearest,
)
from mer_core.atlas.collection import Atlas
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.markup import CORPUS_TITLES, emotion_style, escape, percent
from mer_core.demo.panels.nouns import noun
from mer_core.frameworks.descriptor import BEFORE

SHOWN = 5  # neighbours a table lists
CROWDS = {"speech": "voices", "audio": "voices", "text": "words", "video": "faces"}
PLURAL = {"text"}  # of the nouns: "your words stay", "your voice stays"
STILL = 0.01  # cosine distance below which halves are said to have kept their distance
STEADY = 0.02  # share of pairs below which their rank among pairs has
EMPTY = (
    "No clip of yours is on this map yet. Analyse one on another page, and its nearest neighbours "
    "are listed here."
)


def neighbours_panel(atlas: Atlas, strategy: str, clips: Sequence[VisitorClip]) -> str:
    """Every clip with its sentence and its tables, the latest first and unfolded.

    Args:
        atlas: Of the clips' framework.
        strategy: Whose map is "after".
        clips: In the order they were made.
    """
    shown = list(reversed(clips))
    parts = "".join(_clip(atlas, strategy, clip, i == 0) for i, clip in enumerate(shown))
    inside = parts or f'<p class="at-caption">{EMPTY}</p>'
    return (
        '<section class="at-card at-panel at-neighbours" '
        'aria-label="Nearest neighbours of your clips">'
        '<h2 class="at-title">Where your clips lie</h2>'
        '<p class="at-caption">Neighbours are found in the original space by cosine distance, 0 '
        "(same direction) to 2: the number beside each. Categories are labels of the data sets, "
        "not of you.</p>"
        f"{inside}</section>"
    )


def movement_sentence(found: Movement, strategy: str) -> str:
    """What alignment did to a clip; plain text."""
    if strategy == BEFORE:
        return _lies(found)
    clauses = [_moved(name, *stages) for name, stages in found.surroundings.items()]
    if found.halves is not None:
        clauses.append(_halves(*found.halves, _pair(found)))
    return " ".join(clauses)


def _lies(found: Movement) -> str:
    """The same where there is nothing to compare with."""
    parts = [
        f"your {noun(name)} {_verb(name, 'lies', 'lie')} {_among(stage)}"
        for name, (stage, _) in found.surroundings.items()
    ]
    said = f"Without alignment, {' and '.join(parts)}."
    if found.halves is None:
        return said
    apart = found.halves[0]
    return (
        f"{said} {_pair(found).capitalize()} are at a cosine distance of {apart.distance:.2f}, "
        f"closer than {percent(apart.closer_than)} of pairs of one emotion."
    )


def _moved(modality: str, before: Surroundings, after: Surroundings) -> str:
    name = f"Your {noun(modality)}"
    if _among(before) == _among(after):
        return f"{name} {_verb(modality, 'stays', 'stay')} {_among(after)}."
    return f"{name} moved from {_among(before)} to {_among(after)}."


def _among(stage: Surroundings) -> str:
    crowd = " and ".join(CROWDS.get(name, name) for name in stage.modalities)
    if stage.share < 0.5:
        return f"among {crowd} of mixed emotions"
    return f"among {stage.emotion} {crowd}"


def _halves(before: Apart, after: Apart, pair: str) -> str:
    """Distances of two spaces say little by themselves; the rank among pairs compares them."""
    nearer = before.distance - after.distance
    gained = after.closer_than - before.closer_than
    if abs(nearer) < STILL:
        said = "keep their distance"
    elif nearer > 0:
        said = "now lie closer together"
        said += ", but other pairs of one emotion came closer still" if gained < -STEADY else ""
    else:
        said = "now lie further apart"
        said += ", but less so than other pairs of one emotion" if gained > STEADY else ""
    return (
        f"{pair.capitalize()} {said} (cosine distance {before.distance:.2f} → "
        f"{after.distance:.2f}; closer than {percent(after.closer_than)} of pairs of one emotion, "
        f"before: {percent(before.closer_than)})."
    )


def _pair(found: Movement) -> str:
    first, second = found.surroundings
    return f"your {noun(first)} and your {noun(second)}"


def _verb(modality: str, singular: str, plural: str) -> str:
    return plural if modality in PLURAL else singular


def _clip(atlas: Atlas, strategy: str, clip: VisitorClip, unfolded: bool) -> str:
    tables = "".join(_table(atlas, strategy, clip, modality) for modality in clip.modalities)
    said = escape(movement_sentence(movement(atlas, strategy, clip), strategy))
    return (
        f'<article class="at-visitor" data-clip="{escape(clip.id)}">'
        f'<h3 class="at-visitor-name"><span aria-hidden="true">★</span> {escape(clip.name)}</h3>'
        f'<p class="at-sentence">{said}</p>'
        f'<details class="at-details"{" open" if unfolded else ""}>'
        f'<summary data-fold="clip {escape(clip.id)}">Nearest neighbours</summary>'
        f"{tables}</details></article>"
    )


def _table(atlas: Atlas, strategy: str, clip: VisitorClip, modality: str) -> str:
    """One half's neighbours, the nearest first: a column a stage, so that they compare."""
    stages = [("No alignment", BEFORE)]
    if strategy != BEFORE:
        stages = [("Before", BEFORE), ("After", strategy)]
    columns = [_near(atlas, clip, modality, name) for _, name in stages]
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title, _ in stages)
    rows = "".join(f"<tr>{''.join(map(_cell, found))}</tr>" for found in zip_longest(*columns))
    return (
        f'<table class="at-nearest"><caption>Nearest to your {escape(noun(modality))}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _near(atlas: Atlas, clip: VisitorClip, modality: str, strategy: str) -> Sequence[Neighbour]:
    vector = clip.vector(strategy, modality)
    return () if vector is None else nearest(atlas.charts[strategy].reference, vector, SHOWN)


def _cell(neighbour: Neighbour | None) -> str:
    if neighbour is None:
        return "<td></td>"
    corpus = CORPUS_TITLES.get(neighbour.corpus, neighbour.corpus)
    return (
        f'<td style="{emotion_style(neighbour.emotion)}">'
        f'<span class="at-dot" aria-hidden="true"></span>{escape(neighbour.emotion)} '
        f'{escape(noun(neighbour.modality))} <span class="at-where">{escape(corpus)}, '
        f"{neighbour.distance:.2f}</span></td>"
    )
