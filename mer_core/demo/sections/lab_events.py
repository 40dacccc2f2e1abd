"""What the contradiction lab's events do: one clip, changed, judged again under every strategy."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import gradio as gr

from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.engine import INTERNAL, report
from mer_core.demo.panels import notes
from mer_core.demo.panels.lab import render_lab
from mer_core.demo.sections.lab_settings import (
    LabSettings,
    describe,
    has_half,
    modalities,
    own_words,
    reads_words,
    to_changes,
)
from mer_core.frameworks.descriptor import MODALITIES
from mer_core.types import Prediction

CHOOSE = "Choose a clip to change it. Clips that you analyse on the other pages are listed too."
JUDGING = "Judging the changed clip…"


@dataclass(frozen=True)
class LabVersion:
    """What the cards show; the page redraws its stars when it changes.

    Attributes:
        clip: The original that is open.
        opening: Random, another one each time a clip is opened or reset.
        settings: Of the controls.
    """

    clip: ClipId
    opening: str
    settings: LabSettings


class LabUpdate(TypedDict, total=False):
    """New values of the section's components; those left out stay as they are."""

    words: Any
    swap: Any
    mute_lead: Any
    mute_partner: Any
    noise: Any
    gain: Any
    cards: str
    hint: str
    opening: str
    version: LabVersion | None


@dataclass(frozen=True, eq=False)
class LabAnswer:
    """Result of a change.

    Attributes:
        html: Every strategy's card.
        summary: What was changed, for the line below the controls.
        clip: The changed clip for the maps, or None where there is nothing to place.
    """

    html: str
    summary: str
    clip: VisitorClip | None


class LabHandlers:
    """What the section's events call; stores nothing of any visitor.

    Args:
        score: Framework, inputs → every strategy's prediction.
        reader: Framework → what reads a clip's new words; not used for videos.
        find: A clip's id in its string form, request → the visitor's clip or an example; raises a
            ValueError for people where there is none.
        store_changed: Changed clip or None, request: where the page finds its star.
        titles: Strategy → its name for people, as markup.
    """

    def __init__(
        self,
        score: Callable[[str, Any], Mapping[str, Prediction]],
        reader: Callable[[str], Any],
        find: Callable[[str, gr.Request | None], VisitorClip],
        store_changed: Callable[[VisitorClip | None, gr.Request | None], None],
        titles: Mapping[str, str],
    ) -> None:
        self._score = score
        self._reader = reader
        self._find = find
        self._store_changed = store_changed
        self._titles = titles

    def answer(self, clip: VisitorClip, settings: LabSettings) -> LabAnswer:
        """The clip as changed, under every strategy; a sentence where that fails."""
        try:
            return self._answer(clip, settings)
        except ValueError as error:  # MediaError too: their messages are for people
            message = str(error)
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            message = INTERNAL
        return LabAnswer(render_lab(clip.predictions, None, self._titles, message), "", None)

    def open(
        self,
        chosen: str | None,
        version: LabVersion | None,
        request: gr.Request | None = None,
    ) -> LabUpdate:
        """A chosen clip's controls and cards; nothing if it is open already."""
        if chosen and version is not None and chosen == str(version.clip):
            return {}
        return self.reset(chosen, request)

    def reset(self, chosen: str | None, request: gr.Request | None = None) -> LabUpdate:
        """The clip unchanged, with its controls at rest."""
        self._store_changed(None, request)
        try:
            clip = self._chosen_clip(chosen, request)
        except ValueError as error:
            return {
                **_controls_at_rest(None),
                "cards": "", "hint": notes.hint(str(error)), "opening": "", "version": None,
            }  # fmt: skip
        opening = secrets.token_hex(4)
        return {
            **_controls_at_rest(clip),
            "cards": render_lab(clip.predictions, None, self._titles),
            "hint": "",
            "opening": opening,
            "version": LabVersion(clip.id, opening, LabSettings(own_words(clip))),
        }

    def apply(
        self,
        chosen: str | None,
        words: str | None,
        swap: str | None,
        mute_lead: bool,
        mute_partner: bool,
        noise: float,
        gain: float,
        opening: str,
        version: LabVersion | None,
        request: gr.Request | None = None,
    ) -> Iterator[LabUpdate]:
        """After a control was moved: first a sign of progress, then the cards.

        Nothing if the controls were set for another clip or before the last reset: gradio sends
        what waited behind an event that another one cancels. `opening` comes from the page, with
        the controls; `version` from the server.
        """
        if version is not None and version.opening != opening:
            yield {}
            return
        try:
            clip = self._chosen_clip(chosen, request)
        except ValueError as error:
            yield {"swap": None, "cards": "", "hint": notes.hint(str(error)), "version": None}
            return
        settings = LabSettings(swap or words or "", mute_lead, mute_partner, noise or 0, gain or 0)
        new_version = LabVersion(clip.id, opening, settings)
        if new_version == version:  # the text box was left as it was
            yield {}
            return
        started: LabUpdate = {"swap": None, "hint": notes.hint(JUDGING)}
        yield {**started, "words": swap} if swap else started
        answer = self.answer(clip, settings)
        # Gradio stops here once another clip was chosen, whose star must not be replaced.
        yield {}
        self._store_changed(answer.clip, request)
        yield {"cards": answer.html, "hint": notes.hint(answer.summary), "version": new_version}

    def _chosen_clip(self, chosen: str | None, request: gr.Request | None) -> VisitorClip:
        if not chosen:
            raise ValueError(CHOOSE)
        return self._find(chosen, request)

    def _answer(self, clip: VisitorClip, settings: LabSettings) -> LabAnswer:
        from mer_core.serving.perturb import changed  # imports torch, which the model has done

        changes = to_changes(clip, settings)
        inputs = changed(clip.reading, changes, self._reader(clip.framework))
        if inputs is clip.reading:
            return LabAnswer(render_lab(clip.predictions, None, self._titles), "", None)
        predictions = self._score(clip.framework, inputs)
        # A new object, not a copy: a clip caches its positions on the maps.
        result = VisitorClip(
            clip.id.as_changed(),
            f"{clip.name} (changed)",
            clip.framework,
            predictions,
            number=clip.number,
        )
        cards = render_lab(clip.predictions, predictions, self._titles)
        return LabAnswer(cards, describe(clip, settings), result if result.modalities else None)


def _controls_at_rest(clip: VisitorClip | None) -> LabUpdate:
    """The controls as this clip needs them; all off without a clip."""
    if clip is None:
        lead, partner = MODALITIES["speech"], MODALITIES["text"]
        has_lead = has_partner = has_sound = False
    else:
        lead, partner = modalities(clip)
        has_lead, has_partner = has_half(clip, lead), has_half(clip, partner)
        has_sound = clip.reading.waveform is not None
    words: dict[str, Any] = {
        "visible": clip is None or reads_words(clip),
        "interactive": clip is not None,
    }
    return {
        "words": gr.update(value=own_words(clip) if clip else "", **words),
        "swap": gr.update(value=None, **words),
        "mute_lead": gr.update(value=False, label=f"Mute the {lead.noun}", interactive=has_lead),
        "mute_partner": gr.update(
            value=False, label=f"Mute the {partner.noun}", interactive=has_partner
        ),
        "noise": gr.update(value=0, interactive=has_sound),
        "gain": gr.update(value=0, interactive=has_sound),
    }
