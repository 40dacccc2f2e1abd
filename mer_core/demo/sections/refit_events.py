"""What the events of the section "Refit" do: settings, progress, and the maps in the end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypedDict

import gradio as gr

from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.collection import Atlas
from mer_core.atlas.export.captions import describe_params
from mer_core.atlas.maps import MapParams
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.engine import framework_title, report
from mer_core.demo.sections.refit_maps import RefitMaps, refit_maps
from mer_core.demo.sections.refit_status import outcome, progress_bar
from mer_core.frameworks.descriptor import BEFORE, strategy_title

QUEUED = "Waiting to start…"
CANCELLED = "Cancelled. The maps are as they were."
STORED = "These are the stored maps again."
FAILED = "The refit failed on our side. The maps are as they were."
NO_ATLAS = "There are no maps to refit."


@dataclass(frozen=True)
class RefitVersion:
    """Which refitted maps there are; the page redraws its maps when it changes.

    Attributes:
        framework: Whose maps.
        strategy: Of the map after alignment.
        params: What both were fitted with.
        order: (clip, modality) of the visitor's points.
    """

    framework: str
    strategy: str
    params: MapParams
    order: tuple[tuple[ClipId, str], ...]


class RefitUpdate(TypedDict, total=False):
    """New values of the section's components; those left out stay as they are."""

    status: str
    refit: Any
    cancel: Any
    back: Any
    maps: RefitMaps | None
    version: RefitVersion | None


class RefitHandlers:
    """What the section's events call; stores nothing of any visitor.

    Args:
        atlas: Framework → its atlas, or None where it has none.
        clips: Framework, request → the visitor's clips.
    """

    def __init__(
        self,
        atlas: Callable[[str], Atlas | None],
        clips: Callable[[str, gr.Request | None], Sequence[VisitorClip]],
    ) -> None:
        self._atlas = atlas
        self._clips = clips

    async def refit(
        self,
        framework: str,
        strategy: str,
        n_neighbors: float,
        min_dist: float,
        metric: str,
        seed: float,
        request: gr.Request | None = None,
    ) -> AsyncIterator[RefitUpdate]:
        """Progress, then the maps or why there are none."""
        started = time.monotonic()
        try:
            params = to_params(n_neighbors, min_dist, metric, seed)
            atlas = self._atlas(framework)
            if atlas is None:
                raise ValueError(NO_ATLAS)
            clips = self._clips(framework, request)
            async with aclosing(refit_maps(atlas, strategy, params, clips)) as steps:
                async for step in steps:
                    seconds = time.monotonic() - started
                    if step.maps is not None:
                        yield done(step.maps, seconds)
                    else:
                        yield running(progress_bar(step.share, step.sentence, seconds))
        except ValueError as error:  # its message is for people
            yield ended(outcome(str(error), failed=True))
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            yield ended(outcome(FAILED, failed=True))


def to_params(n_neighbors: float, min_dist: float, metric: str, seed: float) -> MapParams:
    """The controls' values as parameters.

    Raises:
        ValueError: UMAP could not work with them; in words.
    """
    whole = {}
    for name, value in (("n_neighbors", n_neighbors), ("seed", seed)):
        if not isinstance(value, int | float) or value != value // 1:  # true for NaN, too
            raise ValueError(f"{name} must be a whole number, but is {value}.")
        whole[name] = int(value)
    if not isinstance(min_dist, int | float):
        raise ValueError(f"min_dist must be a number, but is {min_dist}.")
    return MapParams(min_dist=float(min_dist), metric=metric, **whole)


def queued() -> RefitUpdate:
    """A refit was requested and waits for its turn."""
    return running(progress_bar(0, QUEUED))


def cancelled() -> RefitUpdate:
    """The visitor has cancelled a refit."""
    return ended(outcome(CANCELLED))


def running(status: str) -> RefitUpdate:
    """A refit waits or runs."""
    return {"status": status, "refit": _enabled(False), "cancel": _enabled(True)}


def ended(status: str) -> RefitUpdate:
    """A refit ended without maps: those on the page stay."""
    return {"status": status, "refit": _enabled(True), "cancel": _enabled(False)}


def done(maps: RefitMaps, seconds: float) -> RefitUpdate:
    """There are new maps."""
    return {
        **ended(outcome(_summary(maps, seconds))),
        "back": _enabled(True),
        "maps": maps,
        "version": RefitVersion(maps.framework, maps.strategy, maps.params, maps.order),
    }


def stored() -> RefitUpdate:
    """The visitor goes back to the stored maps."""
    return {"status": outcome(STORED), "back": _enabled(False), "maps": None, "version": None}


def _summary(maps: RefitMaps, seconds: float) -> str:
    """What was refitted, how well, and where it is shown: the visitor may look elsewhere by now."""
    trust = [f"{side.map.quality.trustworthiness:.2f}" for side in (maps.before, maps.after)]
    framework, strategy = framework_title(maps.framework), strategy_title(maps.strategy)
    both = strategy if maps.strategy == BEFORE else f"{strategy_title(BEFORE)} and {strategy}"
    return (
        f"Refitted {framework} ({both}) in {seconds:.0f} s with {describe_params(maps.params)}. "
        f"Trustworthiness: before {trust[0]}, after {trust[1]} (1 is best). Shown whenever "
        f"{framework} and {strategy} are chosen. Clips that you add later, or change in the lab, "
        "are placed on these maps without another fit."
    )


def _enabled(enabled: bool) -> Any:
    return gr.update(interactive=enabled)
