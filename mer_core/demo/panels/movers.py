"""Largest movers: the points whose neighbours changed most, each a button that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mer_core.atlas.analysis.movers import Mover
from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.reference import Reference
from mer_core.demo.panels.markup import (
    CORPUS_TITLES,
    caption,
    emotion_style,
    escape,
    percent,
)
from mer_core.demo.panels.neighbours import described
from mer_core.demo.panels.nouns import noun

MEANING = (
    "Points whose nearest recordings changed most, each with a trail on the right map. Counted in "
    "the original space: the share of the 15 nearest that are of another emotion or modality than "
    "before. Choose one to see it on both maps."
)
NOTHING = "Both maps are of the same strategy, so nothing moved: switch a module on or off."


def movers_list(reference: Reference, movers: Sequence[Mover], clips: Mapping[ClipId, str]) -> str:
    """The list, unfolded by the visitor.

    Args:
        reference: Whose points they are.
        movers: The visitor's halves first.
        clips: Id → name of the visitor's clips.
    """
    items = "".join(f"<li>{_button(reference, mover, clips)}</li>" for mover in movers)
    inside = f"{caption(MEANING)}<ol>{items}</ol>" if items else caption(NOTHING)
    return (
        '<details class="at-details at-movers"><summary data-fold="movers">Largest movers</summary>'
        f"{inside}</details>"
    )


def _button(reference: Reference, mover: Mover, clips: Mapping[ClipId, str]) -> str:
    if mover.clip is not None:
        target = f'data-clip="{escape(mover.clip)}" data-half="{escape(mover.modality)}"'
        name = f"★ {escape(clips[mover.clip])}: its {escape(noun(mover.modality))}"
        style = ""
    else:
        assert mover.point is not None, "a mover is a point or a clip's half"
        row = mover.point % len(reference)
        emotion = reference.emotions[int(reference.labels[row])]
        corpus = reference.corpora[mover.modality][row]
        target, style = f'data-point="{mover.point}"', f' style="{emotion_style(emotion)}"'
        name = (
            f'<span class="at-dot" aria-hidden="true"></span>{escape(_single(emotion, mover))} '
            f'<span class="at-where">{escape(CORPUS_TITLES.get(corpus, corpus))}</span>'
        )
    return (
        f'<button type="button" {target}{style}><b>{name}</b> <span>{escape(_path(mover))}</span> '
        f'<span class="at-where">{percent(mover.change)} of neighbours new</span></button>'
    )


def _path(mover: Mover) -> str:
    before, after = described(mover.before), described(mover.after)
    return f"still near {after}" if before == after else f"from {before} to {after}"


def _single(emotion: str, mover: Mover) -> str:
    """One point of a group: `Angry voice`, `Happy words`."""
    return f"{emotion.capitalize()} {noun(mover.modality)}"
