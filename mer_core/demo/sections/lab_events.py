"""What the contradiction lab's events do: one clip, changed, judged again under every strategy."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import gradio as gr

from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.components.polling import until
from mer_core.demo.panels import notes
from mer_core.demo.sections.lab_controls import (
    ControlsUpdate,
    controls_at_rest,
    half_choices,
    other_choices,
)
from mer_core.demo.sections.lab_judging import LabAnswer, LabJudge, restrict, words_in_box
from mer_core.demo.sections.lab_settings import (
    Half,
    LabSettings,
    categories_of,
    modalities,
    own_words,
    reads_words,
)
from mer_core.demo.services.openings import Opening
from mer_core.serving.categories import FEWEST

CHOOSE = "Choose a clip to change it. Clips that you analyse on the other pages are listed too."
JUDGING = "Judging the changed clip…"
SEARCHING = "Looking for clips about which the strategies differ…"
TOO_FEW = f"Choose at least {FEWEST} categories."


@dataclass(frozen=True)
class LabVersion:
    """What the cards show; the page redraws its stars when it changes.

    Attributes:
        clip: The original that is open.
        opening: Random, another one each time a clip is opened or reset.
        settings: Of the controls.
        summary: What was changed, in words.
    """

    clip: ClipId
    opening: str
    settings: LabSettings
    summary: str = field(default="", compare=False)


class LabUpdate(ControlsUpdate, total=False):
    """New values of the section's components; those left out stay as they are."""

    cards: str
    hint: str
    opening: str
    version: LabVersion | None


@dataclass(frozen=True)
class LabClips:
    """Where the section finds and leaves clips.

    Attributes:
        find: A clip's id in its string form, request → the visitor's clip or an example; raises a
            ValueError for people where there is none.
        choices: Framework, request → (name, id) of those.
        changed: Request → the clip last changed, or None.
        store_changed: Changed clip or None, request: where the page finds its star.
        ready: Whether clips can be judged, or never will be.
        opening: Framework → what to begin with; raises a ValueError for people.
    """

    find: Callable[[str, gr.Request | None], VisitorClip]
    choices: Callable[[str, gr.Request | None], Sequence[tuple[str, str]]]
    changed: Callable[[gr.Request | None], VisitorClip | None]
    store_changed: Callable[[VisitorClip | None, gr.Request | None], None]
    ready: Callable[[], bool]
    opening: Callable[[str], Opening | None]


class LabHandlers:
    """What the section's events call; stores nothing of any visitor.

    Args:
        judge: Changes clips and judges them.
        clips: Where they are.
    """

    def __init__(self, judge: LabJudge, clips: LabClips) -> None:
        self._judge, self._clips = judge, clips

    async def begin(
        self, framework: str, request: gr.Request | None = None
    ) -> AsyncIterator[LabUpdate]:
        """Without a clip: once the model is there, open clips about which strategies differ."""
        yield {"hint": notes.hint(SEARCHING)}
        async for _ in until(self._clips.ready):
            pass
        yield await asyncio.to_thread(self._begin, framework, request)

    async def open(
        self,
        chosen: str | None,
        version: LabVersion | None,
        framework: str,
        request: gr.Request | None = None,
    ) -> AsyncIterator[LabUpdate]:
        """A chosen clip's controls and cards; nothing if it is open already."""
        if not chosen:
            async for update in self.begin(framework, request):
                yield update
        elif version is not None and chosen == str(version.clip):
            yield {}
        else:
            yield await asyncio.to_thread(self.reset, chosen, request)

    def reset(self, chosen: str | None, request: gr.Request | None = None) -> LabUpdate:
        """The clip unchanged, with its controls at rest."""
        self._clips.store_changed(None, request)
        try:
            clip = self._chosen_clip(chosen, request)
        except ValueError as error:
            nothing: LabUpdate = {"cards": "", "opening": "", "version": None}
            return {**controls_at_rest(None), **nothing, "hint": notes.hint(str(error))}
        opening = secrets.token_hex(4)
        choices = self._clips.choices(clip.framework, request)
        return {
            **controls_at_rest(clip, choices),
            "cards": self._judge.unchanged(clip),
            "hint": "",
            "opening": opening,
            "version": LabVersion(clip.id, opening, LabSettings(own_words(clip))),
        }

    def apply(
        self,
        chosen: str | None,
        settings: LabSettings,
        swap: str | None,
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
            other = self._clips.find(settings.other, request) if settings.other else None
        except ValueError as error:
            yield {"swap": None, "cards": "", "hint": notes.hint(str(error)), "version": None}
            return
        if len(settings.categories) < FEWEST:
            yield {"hint": notes.hint(TOO_FEW)}
            return
        settings = restrict(settings, categories_of(clip))
        filled = swap or _refilled(clip, settings, other, version)
        if filled is not None:
            settings = replace(settings, words=filled)
        new_version = LabVersion(clip.id, opening, settings)
        if new_version == version:  # the text box was left as it was
            yield {"hint": notes.hint(version.summary)}
            return
        started: LabUpdate = {"swap": None, "hint": notes.hint(JUDGING)}
        yield {**started, "words": filled} if filled is not None else started
        answer = self._judge.answer(clip, settings, other, self._clips.changed(request))
        # Gradio stops here once another clip was chosen, whose star must not be replaced.
        yield {}
        yield self._shown(answer, new_version, request)

    def _begin(self, framework: str, request: gr.Request | None) -> LabUpdate:
        choices = list(self._clips.choices(framework, request))
        try:
            opening = self._clips.opening(framework)
        except ValueError as error:
            return {**self.reset(None, request), "hint": notes.hint(str(error))}
        if opening is None:
            return self.reset(None, request)
        clip_id = str(opening.clip)
        update = self.reset(clip_id, request)
        update["clip"] = gr.update(choices=choices, value=clip_id)
        version = update["version"]
        if opening.other is None or version is None:
            return update
        clip, other = (self._clips.find(str(i), request) for i in (opening.clip, opening.other))
        settings = replace(version.settings, other=str(other.id), half=Half.PARTNER)
        settings = replace(settings, words=words_in_box(clip, settings, other))
        answer = self._judge.answer(clip, settings, other)
        return {
            **update,
            "words": gr.update(value=settings.words, interactive=reads_words(clip)),
            "other": gr.update(
                choices=other_choices(choices, clip_id), value=settings.other, interactive=True
            ),
            "half": gr.update(
                choices=half_choices(*modalities(clip)), value=Half.PARTNER.value, interactive=True
            ),
            **self._shown(answer, replace(version, settings=settings), request),
        }

    def _shown(
        self, answer: LabAnswer, version: LabVersion, request: gr.Request | None
    ) -> LabUpdate:
        """An answer on the cards and on the maps."""
        self._clips.store_changed(answer.clip, request)
        version = replace(version, summary=answer.summary)
        return {"cards": answer.html, "hint": notes.hint(answer.summary), "version": version}

    def _chosen_clip(self, chosen: str | None, request: gr.Request | None) -> VisitorClip:
        if not chosen:
            raise ValueError(CHOOSE)
        return self._clips.find(chosen, request)


def _refilled(
    clip: VisitorClip,
    settings: LabSettings,
    other: VisitorClip | None,
    version: LabVersion | None,
) -> str | None:
    """New words for the text box where another half was chosen that changes them, else None."""
    if version is None or not reads_words(clip):
        return None
    old = version.settings
    if (settings.other, settings.half) == (old.other, old.half):
        return None
    if settings.gives_partner or old.gives_partner:
        return words_in_box(clip, settings, other)
    return None
