"""The lab's answers: a clip as the controls change it, judged under every strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.engine import INTERNAL, report
from mer_core.demo.panels.lab import render_lab
from mer_core.demo.sections.lab_settings import (
    Half,
    LabSettings,
    describe,
    modalities,
    own_words,
    to_changes,
)
from mer_core.serving.categories import restricted
from mer_core.types import Prediction

# Framework, inputs, earlier encodings → every strategy's prediction, and the inputs encoded.
Judge = Callable[[str, Any, Sequence[Any]], tuple[Mapping[str, Prediction], Any]]


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


class LabJudge:
    """Changes clips and judges them; stores nothing of any visitor.

    Args:
        judge: Scores inputs under every strategy.
        reader: Framework → what reads a clip's new words; not used for videos.
        titles: Strategy → its name for people, as markup.
    """

    def __init__(
        self, judge: Judge, reader: Callable[[str], Any], titles: Mapping[str, str]
    ) -> None:
        self._judge, self._reader, self._titles = judge, reader, titles

    def unchanged(self, clip: VisitorClip, categories: Sequence[str] = ()) -> str:
        """Every strategy's card of the clip as it was recorded."""
        return render_lab(_chosen(clip.predictions, categories), None, self._titles)

    def refused(self, clip: VisitorClip, message: str) -> LabAnswer:
        """The cards of the clip as it was recorded, and why the changed one was not judged."""
        return LabAnswer(render_lab(clip.predictions, None, self._titles, message), "", None)

    def answer(
        self,
        clip: VisitorClip,
        settings: LabSettings,
        other: VisitorClip | None = None,
        last: VisitorClip | None = None,
    ) -> LabAnswer:
        """The clip as changed, under every strategy; a sentence where that fails.

        Args:
            clip: As it was recorded.
            settings: Of the controls.
            other: The clip that gives a half, if the settings name one.
            last: What the lab showed before; halves that it shares are not encoded again.
        """
        try:
            return self._answer(clip, settings, other, last)
        except ValueError as error:  # MediaError too: their messages are for people
            return self.refused(clip, str(error))
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            return self.refused(clip, INTERNAL)

    def mixed(self, clip: VisitorClip, other: VisitorClip) -> Mapping[str, Prediction]:
        """Every strategy's prediction for a clip's voice with the words or the face of another."""
        inputs = base(clip, LabSettings(other=str(other.id), half=Half.PARTNER), other)
        return self._judge(clip.framework, inputs, _encoded(clip, other))[0]

    def _answer(
        self,
        clip: VisitorClip,
        settings: LabSettings,
        other: VisitorClip | None,
        last: VisitorClip | None,
    ) -> LabAnswer:
        from mer_core.serving.perturb import changed  # imports torch, which the model has done

        reading = base(clip, settings, other)
        summary = describe(clip, settings, reading, other.name if other else "")
        inputs = changed(reading, to_changes(clip, settings, reading), self._reader(clip.framework))
        if inputs is clip.reading:
            return LabAnswer(self.unchanged(clip, settings.categories), summary, None)
        earlier = _encoded(clip, other, last)
        predictions, encoded = self._judge(clip.framework, inputs, earlier)
        before, after = (_chosen(p, settings.categories) for p in (clip.predictions, predictions))
        # A new object, not a copy: a clip caches its positions on the maps.
        result = VisitorClip(
            clip.id.as_changed(),
            f"{clip.name} (changed)",
            clip.framework,
            after,
            number=clip.number,
            origin=clip,
            encoded=encoded,
        )
        cards = render_lab(before, after, self._titles)
        return LabAnswer(cards, summary, result if result.modalities else None)


def base(clip: VisitorClip, settings: LabSettings, other: VisitorClip | None) -> Any:
    """The clip's inputs, with a half of another clip if the settings say so.

    Raises:
        ValueError: The other clip has no such half.
    """
    from mer_core.serving.halves import with_half_of

    if other is None or not settings.other:
        return clip.reading
    lead, partner = modalities(clip)
    modality = lead if settings.half is Half.LEAD else partner
    return with_half_of(clip.reading, other.reading, modality.name)


def words_in_box(clip: VisitorClip, settings: LabSettings, other: VisitorClip | None) -> str:
    """The words that belong into the text box while nobody has typed others."""
    if other is not None and settings.gives_partner and other.reading.text:
        return own_words(clip, other.reading)
    return own_words(clip)


def restrict(settings: LabSettings, available: Sequence[str]) -> LabSettings:
    """The settings with the categories in the model's order, and none named where all are left."""
    chosen = tuple(name for name in available if name in settings.categories)
    return replace(settings, categories=() if len(chosen) == len(available) else chosen)


def _chosen(
    predictions: Mapping[str, Prediction], categories: Sequence[str]
) -> Mapping[str, Prediction]:
    if not categories:
        return predictions
    return {name: restricted(one, categories) for name, one in predictions.items()}


def _encoded(*clips: VisitorClip | None) -> list[Any]:
    return [clip.encoded for clip in clips if clip is not None and clip.encoded is not None]
