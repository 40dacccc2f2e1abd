"""A visitor's clip in an atlas: predicted under every strategy, placed on every map."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.collection import Atlas
from mer_core.atlas.distances import cosine_distance
from mer_core.atlas.plotted import Point, Visitor
from mer_core.types import FloatArray, Prediction


@dataclass(frozen=True, eq=False)
class VisitorClip:
    """One clip of a visit, under every strategy.

    Attributes:
        id: The same on every map; a changed clip has another one than its original.
        name: For people, such as `Clip 2: I can't believe you did that.`
        framework: Whose atlas it belongs to.
        predictions: Strategy → that network's prediction; `none` among them.
        reading: The clip as it was read (`SpeechTextInputs` or `VideoInputs`), for predicting it
            again with a change.
        number: Counted in the order of analysis; None for a clip that ships. It stays when another
            clip is removed, and a changed clip keeps it.
        origin: What a changed clip was before, or None.
        encoded: `reading` behind the encoders, so that the lab encodes only what it changes.
    """

    id: ClipId
    name: str
    framework: str
    predictions: Mapping[str, Prediction]
    reading: Any = None
    number: int | None = None
    origin: VisitorClip | None = None
    encoded: Any = None
    _places: dict[str, dict[str, Point]] = field(default_factory=dict, repr=False)

    @property
    def changed(self) -> bool:
        """Whether the visitor changed the clip in the lab."""
        return self.id.changed

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that the clip has, in the framework's order; one or two."""
        return tuple(next(iter(self.predictions.values())).embeddings_after)

    def vector(self, strategy: str, modality: str) -> FloatArray | None:
        """(D,) embedding of one half under a strategy, or None where it has no such half."""
        return self.predictions[strategy].embeddings_after.get(modality)

    def emotion_of(self, strategy: str, modality: str) -> str | None:
        """The category that a strategy assigns to one half alone; None where there is no such.

        A clip of one half is judged by that half alone, so that its category is the half's own.
        """
        prediction = self.predictions[strategy]
        if alone := prediction.by_modality.get(modality):
            return max(alone, key=lambda emotion: alone[emotion])
        return prediction.emotion if self.modalities == (modality,) else None

    def halves_distance(self, strategy: str) -> float:
        """Cosine distance of its two halves, 0 (same direction) to 2; NaN with one half."""
        vectors = [self.vector(strategy, modality) for modality in self.modalities]
        halves = [vector for vector in vectors if vector is not None]
        return cosine_distance(*halves) if len(halves) == 2 else math.nan

    def places(self, atlas: Atlas, strategy: str) -> dict[str, Point]:
        """Modality → its point on one strategy's map; computed once, then kept."""
        if strategy not in self._places:
            placer = atlas.charts[strategy].placer
            vectors = {m: self.vector(strategy, m) for m in self.modalities}
            points = {m: placer.place(v[None])[0] for m, v in vectors.items() if v is not None}
            self._places[strategy] = {m: (float(x), float(y)) for m, (x, y) in points.items()}
        return self._places[strategy]


def with_origins(clips: Sequence[VisitorClip]) -> list[VisitorClip]:
    """The clips, and what changed ones were before."""
    return [*clips, *(clip.origin for clip in clips if clip.origin is not None)]


def stars(atlas: Atlas, clips: Sequence[VisitorClip]) -> dict[str, dict[ClipId, dict[str, Point]]]:
    """Strategy → id of a clip or of what it was before → modality → its point on that map."""
    return {
        strategy: {clip.id: clip.places(atlas, strategy) for clip in with_origins(clips)}
        for strategy in atlas.charts
    }


def on_map(atlas: Atlas, strategy: str, clips: Sequence[VisitorClip]) -> tuple[Visitor, ...]:
    """The clips on one strategy's map, for figures and tables."""
    return tuple(
        Visitor(
            clip.name,
            clip.predictions[strategy].emotion or "",
            clip.places(atlas, strategy),
            clip.halves_distance(strategy),
            clip.number,
            {
                modality: emotion
                for modality in clip.modalities
                if (emotion := clip.emotion_of(strategy, modality)) is not None
            },
            clip.changed,
            {} if clip.origin is None else clip.origin.places(atlas, strategy),
        )
        for clip in clips
    )
