"""Both maps of a strategy fitted again with a visitor's points, in the background of a page.

One separate process (`atlas.fitting.refit`) runs two fits. The map before alignment starts as UMAP
does, turned into the stored map's frame, so that the settings show. The chosen strategy's map
starts from that one, so that points move between the two only if their embeddings did.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.collection import Atlas
from mer_core.atlas.export.captions import describe_refit
from mer_core.atlas.fitting.progress import RefitProgress, RefitStage
from mer_core.atlas.fitting.refit import Refit, RefitJob, Refitted
from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.placement import Placer
from mer_core.atlas.plotted import Point
from mer_core.atlas.visitor import VisitorClip
from mer_core.frameworks.descriptor import BEFORE
from mer_core.types import FloatArray

TICK = 1.0  # seconds after which progress is repeated while there is nothing new
STAGES = {
    RefitStage.LOADING: "starting UMAP",
    RefitStage.NEIGHBOURS: "finding neighbours",
    RefitStage.LAYOUT: "laying out",
    RefitStage.DONE: "done",
}


@dataclass(frozen=True, eq=False)
class RefitMaps:
    """Two maps in one frame, fitted with a visitor's points.

    Attributes:
        framework: Whose maps.
        strategy: Of `after`.
        params: What both were fitted with.
        before: The network without any alignment; `extra` (M, 2) holds the visitor's points.
        after: The strategy's.
        order: (clip's id, modality) of each of the M points.
    """

    framework: str
    strategy: str
    params: MapParams
    before: Refitted
    after: Refitted
    order: tuple[tuple[ClipId, str], ...]
    _placers: dict[str, Placer] = field(default_factory=dict, init=False, repr=False)

    @property
    def maps(self) -> dict[str, AtlasMap]:
        """Strategy (`none` and the chosen one) → its map."""
        return {BEFORE: self.before.map, self.strategy: self.after.map}

    @property
    def title(self) -> str:
        """What is written after the strategy's title."""
        return describe_refit(self.params)

    def stars(
        self, atlas: Atlas, clips: Sequence[VisitorClip]
    ) -> dict[str, dict[ClipId, dict[str, Point]]]:
        """Strategy (`none` and the chosen one) → clip's id → modality → its position.

        A clip that was fitted is where the fit has put it; any other one, such as one added later
        or changed in the lab, is placed as it would be on a stored map.

        Args:
            atlas: The one that was refitted.
            clips: Of its framework.
        """
        positions: dict[str, dict[ClipId, dict[str, Point]]] = {}
        for name, refitted in ((BEFORE, self.before), (self.strategy, self.after)):
            fitted: dict[ClipId, dict[str, Point]] = {}
            for (clip_id, modality), (x, y) in zip(self.order, refitted.extra, strict=True):
                fitted.setdefault(clip_id, {})[modality] = (float(x), float(y))
            positions[name] = {
                clip.id: fitted[clip.id] if clip.id in fitted else self._place(atlas, name, clip)
                for clip in clips
            }
        return positions

    def _place(self, atlas: Atlas, strategy: str, clip: VisitorClip) -> dict[str, Point]:
        """Modality → the position of a clip that was not fitted."""
        vectors = _vectors([clip], strategy)
        if vectors is None:
            return {}
        if strategy not in self._placers:
            fitted = self.before if strategy == BEFORE else self.after
            self._placers[strategy] = Placer(atlas.charts[strategy].reference, fitted.map)
        points = self._placers[strategy].place(vectors)
        return {m: (float(x), float(y)) for m, (x, y) in zip(clip.modalities, points, strict=True)}


@dataclass(frozen=True)
class Step:
    """How far both fits are together.

    Attributes:
        share: 0 to 1.
        sentence: What is being done.
        maps: At the end.
    """

    share: float
    sentence: str
    maps: RefitMaps | None = None


async def refit_maps(
    atlas: Atlas, strategy: str, params: MapParams, clips: Sequence[VisitorClip]
) -> AsyncGenerator[Step, None]:
    """Both fits, one after the other; closing or cancelling this ends their process.

    Clips that were changed in the lab are left out: they may soon be changed again.

    Raises:
        ValueError: There is no such strategy, or it has fewer points than neighbours.
        RuntimeError: A fit failed.
    """
    if strategy not in atlas.charts:
        raise ValueError(f"There is no strategy {strategy!r} in this atlas.")
    clips = [clip for clip in clips if not clip.changed]
    order = tuple((clip.id, modality) for clip in clips for modality in clip.modalities)
    before, after = atlas.charts[BEFORE], atlas.charts[strategy]
    points = 2 * len(before.reference)  # without the clips: others are placed among these alone
    if points <= params.n_neighbors:
        raise ValueError(f"{points} points cannot have {params.n_neighbors} neighbours each.")
    jobs = [RefitJob(before.reference, params, _vectors(clips, BEFORE), before.map)]
    if strategy != BEFORE:
        vectors = _vectors(clips, strategy)
        jobs.append(RefitJob(after.reference, params, vectors, onto=0, aligned=True))
    async with aclosing(_fit(jobs)) as steps:
        async for step in steps:
            if isinstance(step, RefitProgress):
                yield Step(step.share, _sentence(step))
            else:
                maps = RefitMaps(atlas.framework, strategy, params, step[0], step[-1], order)
                yield Step(1.0, "Done.", maps)


def _sentence(progress: RefitProgress) -> str:
    """What is being done; only the first job waits for a compiler."""
    which = "before" if progress.job == 0 else "after"
    doing = STAGES[progress.stage]
    if progress.stage is RefitStage.NEIGHBOURS and progress.job == 0:
        doing = f"compiling, {doing}"
    return f"Map {which} alignment: {doing}"


async def _fit(
    jobs: Sequence[RefitJob],
) -> AsyncGenerator[RefitProgress | tuple[Refitted, ...], None]:
    """Progress, at least every `TICK` seconds, and at the end the maps."""
    with Refit(jobs) as refit:
        lines = iter(refit)
        last = RefitProgress(RefitStage.LOADING, 0.0)
        reading: asyncio.Future[Any] = asyncio.ensure_future(asyncio.to_thread(next, lines, None))
        try:
            while True:
                await asyncio.wait({reading}, timeout=TICK)
                if reading.done():
                    if (step := reading.result()) is None:
                        break
                    last = step
                    reading = asyncio.ensure_future(asyncio.to_thread(next, lines, None))
                yield last
            yield await asyncio.to_thread(refit.result)
        finally:  # the thread that reads from the process ends with the process
            refit.cancel()
            await asyncio.wait({reading})


def _vectors(clips: Iterable[VisitorClip], strategy: str) -> FloatArray | None:
    """(M, D) in the order of `RefitMaps.order`, or None without any."""
    rows = [clip.vector(strategy, modality) for clip in clips for modality in clip.modalities]
    vectors = [row for row in rows if row is not None]
    assert len(vectors) == len(rows), "a strategy has a vector for each modality of the clip"
    return np.stack(vectors) if vectors else None
