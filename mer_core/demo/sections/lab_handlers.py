"""The contradiction lab: one clip, changed by the visitor, judged anew under every strategy."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.engine import INTERNAL, report
from mer_core.demo.panels import notes
from mer_core.demo.panels.lab import render_lab
from mer_core.demo.panels.nouns import noun
from mer_core.demo.sections.lab_knobs import (
    Knobs,
    describe,
    halves,
    has_pictures,
    own_words,
    reads_words,
    to_changes,
)
from mer_core.demo.session import CHANGED
from mer_core.types import Prediction

CHOOSE = "Choose a clip to change it. Clips that you analyse on the other pages are listed too."
JUDGING = "Judging the changed clip…"


@dataclass(frozen=True, eq=False)
class LabAnswer:
    """What a change leads to.

    Attributes:
        html: Every strategy's card.
        hint: What was changed, for the line below the controls.
        clip: The changed clip for the maps, or None where there is nothing to place.
    """

    html: str
    hint: str
    clip: VisitorClip | None


class LabHandlers:
    """What the section's events call; holds nothing of any visitor.

    Args:
        score: Framework, reading → every strategy's prediction.
        reader: Framework → what reads its words, or None for a framework of videos.
        find: Id of a clip, request → the visitor's clip or an example; a ValueError, in words for
            people, where it cannot be had.
        keep: Changed clip or None, request: where its star is drawn from.
        titles: Strategy → its name for people.
    """

    def __init__(
        self,
        score: Callable[[str, Any], Mapping[str, Prediction]],
        reader: Callable[[str], Any],
        find: Callable[[str, gr.Request | None], VisitorClip],
        keep: Callable[[VisitorClip | None, gr.Request | None], None],
        titles: Mapping[str, str],
    ) -> None:
        self._score = score
        self._reader = reader
        self._find = find
        self._keep = keep
        self._titles = titles

    def answer(self, clip: VisitorClip, knobs: Knobs) -> LabAnswer:
        """The clip as changed by the knobs, under every strategy; a sentence where that fails."""
        try:
            return self._answer(clip, knobs)
        except ValueError as error:  # MediaError too: their words are for people
            said = str(error)
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            said = INTERNAL
        return LabAnswer(render_lab(clip.predictions, None, self._titles, said), "", None)

    def open(
        self, chosen: str | None, version: str, request: gr.Request | None = None
    ) -> tuple[Any, ...]:
        """A chosen clip's controls and cards, unless it is open already."""
        if chosen and version.startswith(f"{chosen}/"):
            return tuple(gr.skip() for _ in range(10))
        return self.reset(chosen, request)

    def reset(self, chosen: str | None, request: gr.Request | None = None) -> tuple[Any, ...]:
        """The clip unchanged and its controls at rest: (controls, cards, hint, owner, version)."""
        self._keep(None, request)
        try:
            clip = self._found(chosen, request)
        except ValueError as error:
            return (*_controls_for(None), "", notes.hint(str(error)), "", "")
        cards = render_lab(clip.predictions, None, self._titles)
        owner = f"{clip.id}/{secrets.token_hex(4)}"
        return (*_controls_for(clip), cards, "", owner, f"{owner} ")

    def apply(
        self,
        chosen: str | None,
        words: str | None,
        swap: str | None,
        mute_lead: bool,
        mute_partner: bool,
        noise: float,
        gain: float,
        owner: str,
        version: str,
        request: gr.Request | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """After a control was moved: (words, swap, cards, hint, version).

        Nothing if the controls were set for another clip, or before the last reset: gradio sends
        what waited behind an event that another one cancels.
        """
        if version and not version.startswith(f"{owner} "):
            yield tuple(gr.skip() for _ in range(5))
            return
        try:
            clip = self._found(chosen, request)
        except ValueError as error:
            yield gr.skip(), None, "", notes.hint(str(error)), ""
            return
        knobs = Knobs(swap or words or "", mute_lead, mute_partner, noise or 0, gain or 0)
        now = f"{owner} " if knobs == Knobs(own_words(clip)) else f"{owner} {knobs}"
        text = swap or gr.skip()
        if now == version:  # the text box was left as it was
            yield tuple(gr.skip() for _ in range(5))
            return
        yield text, None, gr.skip(), notes.hint(JUDGING), gr.skip()
        found = self.answer(clip, knobs)
        # Once another clip was chosen, nobody asks for what follows: its star must not be kept.
        yield tuple(gr.skip() for _ in range(5))
        self._keep(found.clip, request)
        yield gr.skip(), gr.skip(), found.html, notes.hint(found.hint), now

    def _found(self, chosen: str | None, request: gr.Request | None) -> VisitorClip:
        if not chosen:
            raise ValueError(CHOOSE)
        return self._find(chosen, request)

    def _answer(self, clip: VisitorClip, knobs: Knobs) -> LabAnswer:
        from mer_core.serving.perturb import (
            changed,  # imports torch, which the model has done by now
        )

        changes = to_changes(clip, knobs)
        reading = changed(clip.reading, changes, self._reader(clip.framework))
        if reading is clip.reading:
            return LabAnswer(render_lab(clip.predictions, None, self._titles), "", None)
        after = self._score(clip.framework, reading)
        # A new object, not a copy: a clip remembers where it stands on the maps.
        found = VisitorClip(
            clip.id + CHANGED,
            f"{clip.name} (changed)",
            clip.framework,
            after,
            number=clip.number,
            changed=True,
        )
        cards = render_lab(clip.predictions, after, self._titles)
        return LabAnswer(cards, describe(clip, knobs), found if found.modalities else None)


def _controls_for(clip: VisitorClip | None) -> tuple[Any, ...]:
    """(words, swap, mute_lead, mute_partner, noise, gain) at rest, as this clip needs them."""
    reads = clip is None or reads_words(clip)
    lead, partner = ("voice", "words")
    if clip is not None:
        lead, partner = (noun(name) for name in halves(clip))
    heard = clip is not None and clip.reading.waveform is not None
    there = clip is not None
    seen = clip is not None and bool(own_words(clip) or has_pictures(clip))
    return (
        gr.update(value=own_words(clip) if clip else "", visible=reads, interactive=there),
        gr.update(value=None, visible=reads, interactive=there),
        gr.update(value=False, label=f"Mute the {lead}", interactive=heard),
        gr.update(value=False, label=f"Mute the {partner}", interactive=seen),
        gr.update(value=0, interactive=heard),
        gr.update(value=0, interactive=heard),
    )
