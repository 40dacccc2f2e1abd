"""Both maps of a strategy fitted anew with a visitor's points, in the background of a page.

Two fits follow each other in one process of their own (`atlas.refit`): the map before alignment
comes from UMAP's own start in the stored map's frame, so that the settings show; the chosen
strategy's starts from that one, so that what moves between the two moved in the embeddings.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mer_core.atlas.collection import Atlas
from mer_core.atlas.export.captions import describe_refit
from mer_core.atlas.fitting.progress import RefitProgress, RefitStage
from mer_core.atlas.fitting.refit import Refit, RefitJob, Refitted
from mer_core.atlas.maps import MapParams
from mer_core.atlas.placement import Placer
from mer_core.atlas.plotted import Point
from mer_core.atlas.visitor import VisitorClip
from mer_core.frameworks.descriptor import BEFORE
from mer_core.types import FloatArray

TICK = 1.0  # seconds after which a sign of life is given while nothing else is heard
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
    order: tuple[tuple[str, str], ...]
    _placers: dict[str, Placer] = field(default_factory=dict, init=False, repr=False)

    @property
    def title(self) -> str:
        """What they are, for a map's name."""
        return describe_refit(self.params)

    def stars(
        self, atlas: Atlas, clips: Sequence[VisitorClip]
    ) -> dict[str, dict[str, dict[str, Point]]]:
        """Strategy (`none` and the chosen one) → clip's id → modality → its place.

        A clip that was fitted stands where the fit has put it; any other one, such as one that
        came later or was changed in the lab, is placed as it would be on a stored map.

        Args:
            atlas: The one that was refitted.
            clips: Of its framework.
        """
        found: dict[str, dict[str, dict[str, Point]]] = {}
        for name, fitted in ((BEFORE, self.before), (self.strategy, self.after)):
            own: dict[str, dict[str, Point]] = {}
            for (clip_id, modality), (x, y) in zip(self.order, fitted.extra, strict=True):
                own.setdefault(clip_id, {})[modality] = (float(x), float(y))
            found[name] = {
                clip.id: own[clip.id] if clip.id in own else self._place(atlas, name, clip)
                for clip in clips
            }
        return found

    def _place(self, atlas: Atlas, strategy: str, clip: VisitorClip) -> dict[str, Point]:
        """Modality → the place of a clip that was not fitted."""
        vectors = _vectors([clip], strategy)
        if vectors is None:
            return {}
        if strategy not in self._placers:
            fitted = self.before if strategy == BEFORE else self.after
            self._placers[strategy] = Placer(atlas.charts[strategy].reference, fitted.map)
        places = self._placers[strategy].place(vectors)
        return {m: (float(x), float(y)) for m, (x, y) in zip(clip.modalities, places, strict=True)}


@dataclass(frozen=True)
class Step:
    """How far both fits are together.

    Attributes:
        share: 0 to 1.
        sentence: What is being done.
        maps: When it is done.
    """

    share: float
    sentence: str
    maps: RefitMaps | None = None


async def refit_maps(
    atlas: Atlas, strategy: str, params: MapParams, clips: Sequence[VisitorClip]
) -> AsyncGenerator[Step, None]:
    """Both fits, one after the other; closing or cancelling this ends their process.

    Clips that were changed in the lab take no part: they may soon be changed otherwise.

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
        async for found in steps:
            if isinstance(found, RefitProgress):
                yield Step(found.share, _sentence(found))
            else:
                maps = RefitMaps(atlas.framework, strategy, params, found[0], found[-1], order)
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
    """Progress, at least every `TICK` seconds, and in the end the maps."""
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
        finally:  # a process that is gone lets go of the thread that reads from it
            refit.cancel()
            await asyncio.wait({reading})


def _vectors(clips: Iterable[VisitorClip], strategy: str) -> FloatArray | None:
    """(M, D) in the order of `RefitMaps.order`, or None without any."""
    rows = [clip.vector(strategy, modality) for clip in clips for modality in clip.modalities]
    kept = [row for row in rows if row is not None]
    assert len(kept) == len(rows), "a strategy has a vector for each half that the clip has"
    return np.stack(kept) if kept else None
