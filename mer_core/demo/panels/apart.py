"""How far a clip's halves are apart: on the line between its stars, and beside the maps.

Distances are those of the embeddings: what is far on a map may be close, and the reverse.
"""

from __future__ import annotations

from mer_core.atlas.analysis.neighbours import HalvesDistance, Movement, movement
from mer_core.atlas.collection import Atlas
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.markup import escape
from mer_core.demo.panels.neighbours import movement_sentence, pair_sentence, your_halves
from mer_core.demo.panels.nouns import noun, verb
from mer_core.frameworks.descriptor import BEFORE

CLOSE = 0.5  # least share of the reference's pairs of one emotion that are farther apart


def key_sentence(atlas: Atlas, strategy: str, clip: VisitorClip) -> str:
    """What alignment did to a clip's halves, and what each is judged to be alone, as markup."""
    moved = movement(atlas, strategy, clip)
    sentence = _halves_moved(moved, strategy)
    if verdicts := _verdicts(clip, strategy):
        sentence = f"{sentence} {verdicts}"
    return (
        f'<p class="at-key"><b><span aria-hidden="true">★</span> {escape(clip.name)}</b> '
        f"<span>{escape(sentence)}</span></p>"
    )


def on_line(atlas: Atlas, strategy: str, clip: VisitorClip) -> str:
    """What stands on the line between the two stars of a clip; empty with one half.

    Such as `1.7 apart: voice and words disagree`.
    """
    halves = movement(atlas, strategy, clip).halves
    if halves is None:
        return ""
    return f"{halves[1].distance:.1f} apart: {_meaning(halves[1], clip, strategy)}"


def _meaning(halves: HalvesDistance, clip: VisitorClip, strategy: str) -> str:
    """Near or far among the pairs of one emotion; the categories of both halves alone, if known."""
    close = halves.closer_than >= CLOSE
    first, second = (clip.emotion_of(strategy, modality) for modality in clip.modalities)
    if first is None or second is None:
        return "close" if close else "far"
    both = " and ".join(noun(modality) for modality in clip.modalities)
    if first == second:
        return f"{both} are close" if close else f"far, though {both} agree"
    return f"close, though {both} disagree" if close else f"{both} disagree"


def _halves_moved(moved: Movement, strategy: str) -> str:
    if moved.halves is None or strategy == BEFORE:
        return movement_sentence(moved, strategy)
    return pair_sentence(*moved.halves, your_halves(moved.surroundings))


def _verdicts(clip: VisitorClip, strategy: str) -> str:
    """The categories of the two halves alone; empty where one of them is not known."""
    if len(clip.modalities) < 2:
        return ""
    alone = {modality: clip.emotion_of(strategy, modality) for modality in clip.modalities}
    if None in alone.values():
        return ""
    (lead, first), (partner, second) = alone.items()
    if first == second:
        return f"Judged alone, {noun(lead)} and {noun(partner)} are both assigned {first}."
    is_assigned = verb(lead, "is", "are")
    return (
        f"Judged alone, the {noun(lead)} {is_assigned} assigned {first}, "
        f"the {noun(partner)} {second}."
    )
