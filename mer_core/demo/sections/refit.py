"""The section "Refit": settings, progress and cancel for maps that are fitted anew."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mer_core.atlas.collection import Atlas
from mer_core.atlas.distances import METRICS
from mer_core.atlas.export.captions import describe_params
from mer_core.atlas.maps import MAX_NEIGHBOURS, MapParams
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.engine import FRAMEWORK_TITLES, report
from mer_core.demo.panels.markup import escape
from mer_core.demo.sections.refitting import RefitMaps, refit_maps
from mer_core.frameworks.descriptor import BEFORE, strategy_title

PLACES = 2  # refits at a time, of all visitors together
KEPT_SECONDS = 3600  # a refit stays this long in its visitor's session
TITLE = "Refit the maps"
ABOUT = (
    "Maps depend on their settings. Fit both again, with the reference and your clips together: "
    "what stays the same can be trusted. While that runs, your clips' embeddings, but neither "
    "sound nor words, are also in a temporary file on the server."
)
QUEUED = "Waiting for a free place…"
CANCELLED = "Cancelled. The maps are as they were."
STORED = "These are the stored maps again."
FAILED = "The refit failed on our side. The maps are as they were."
NO_ATLAS = "There are no maps to refit."
OUTPUTS = ("bar", "refit", "cancel", "back", "maps", "version")  # what events write into
WHOLE = "{name} must be a whole number, but is {value}."


@dataclass(frozen=True)
class RefitSection:
    """The section's parts that a page connects.

    Attributes:
        maps: State: `RefitMaps`, or None while the stored maps are shown.
        version: State: another string whenever `maps` changes; its `change` event is where a
            page redraws its maps.
    """

    maps: gr.State
    version: gr.State


class RefitHandlers:
    """What the section's events call; holds nothing of any visitor.

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
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Progress, then the maps or why there are none: values for `OUTPUTS`."""
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
                        yield under_way(bar(step.share, step.sentence, seconds))
        except ValueError as error:  # its words are for people
            yield ended(said(str(error), bad=True))
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            yield ended(said(FAILED, bad=True))


def to_params(n_neighbors: float, min_dist: float, metric: str, seed: float) -> MapParams:
    """What the controls say.

    Raises:
        ValueError: UMAP could not work with it; in words.
    """
    whole = {}
    for name, value in (("n_neighbors", n_neighbors), ("seed", seed)):
        if not isinstance(value, int | float) or value != value // 1:  # not for NaN either
            raise ValueError(WHOLE.format(name=name, value=value))
        whole[name] = int(value)
    if not isinstance(min_dist, int | float):
        raise ValueError(f"min_dist must be a number, but is {min_dist}.")
    return MapParams(min_dist=float(min_dist), metric=metric, **whole)


def under_way(html: str) -> tuple[Any, ...]:
    """Values for `OUTPUTS` while a refit waits or runs."""
    return (html, _usable(False), _usable(True), gr.skip(), gr.skip(), gr.skip())


def ended(html: str) -> tuple[Any, ...]:
    """Values for `OUTPUTS` when a refit ended without maps: those on the page stay."""
    return (html, _usable(True), _usable(False), gr.skip(), gr.skip(), gr.skip())


def done(maps: RefitMaps, seconds: float) -> tuple[Any, ...]:
    """Values for `OUTPUTS` when there are new maps."""
    html = said(_told(maps, seconds))
    version = f"{maps.framework} {maps.strategy} {maps.params} {maps.order}"
    return (html, _usable(True), _usable(False), _usable(True), maps, version)


def _told(maps: RefitMaps, seconds: float) -> str:
    """What was refitted, how well, and where it is seen: the visitor may look elsewhere by now."""
    trust = [f"{f.map.quality.trustworthiness:.2f}" for f in (maps.before, maps.after)]
    framework = FRAMEWORK_TITLES.get(maps.framework, maps.framework)
    strategy = strategy_title(maps.strategy)
    both = strategy if maps.strategy == BEFORE else f"{strategy_title(BEFORE)} and {strategy}"
    return (
        f"Refitted {framework} ({both}) in {seconds:.0f} s with {describe_params(maps.params)}. "
        f"Trustworthiness: before {trust[0]}, after {trust[1]} (1 is best). Shown whenever "
        f"{framework} and {strategy} are chosen; clips that come later, or are changed in the lab, "
        "are placed on these maps and not fitted."
    )


def stored() -> tuple[Any, ...]:
    """Values for `OUTPUTS` when the visitor goes back to the stored maps."""
    return (said(STORED), gr.skip(), gr.skip(), _usable(False), None, "")


def bar(share: float, sentence: str, seconds: float = 0.0) -> str:
    """Progress as a visitor and a screen reader see it; 0 is drawn as waiting."""
    percent = round(100 * min(max(share, 0.0), 1.0))
    waiting = "" if percent else " at-refit-waiting"
    elapsed = f"{seconds:.0f} s" if seconds >= 1 else ""
    return (
        f'<div class="at-refit{waiting}"><div class="at-refit-track" role="progressbar" '
        f'aria-label="Refit" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}" '
        f'aria-valuetext="{escape(sentence)}"><span style="inline-size:{percent}%"></span></div>'
        f'<p class="at-refit-line">{escape(sentence)}<span>{elapsed}</span></p></div>'
    )


def said(sentence: str, bad: bool = False) -> str:
    """How a refit ended."""
    look = "at-refit-said at-refit-bad" if bad else "at-refit-said"
    return f'<div class="at-refit"><p class="{look}" role="status">{escape(sentence)}</p></div>'


def build_refit(handlers: RefitHandlers, framework: Any, strategy: Any) -> RefitSection:
    """Lay the section out where it is called and connect it.

    Args:
        handlers: What its events call.
        framework: Component or state that holds the framework's name.
        strategy: Component or state that holds the strategy's name.
    """
    intro = f'<h2 class="at-title">{TITLE}</h2><p class="at-caption">{ABOUT}</p>'
    with gr.Column(elem_id="refit"):
        gr.HTML(intro, elem_id="refit-title", apply_default_css=False)
        settings = _settings_controls()
        with gr.Row(elem_id="refit-actions"):
            refit = gr.Button("Refit", variant="primary", min_width=110, elem_id="refit-start")
            cancel = gr.Button("Cancel", interactive=False, min_width=90, elem_id="refit-cancel")
            back = gr.Button(
                "Back to the stored maps", interactive=False, min_width=190, elem_id="refit-back"
            )
        progress = gr.HTML("", elem_id="refit-bar", apply_default_css=False)
    maps, version = gr.State(None, time_to_live=KEPT_SECONDS), gr.State("")
    outputs = [progress, refit, cancel, back, maps, version]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    waiting = refit.click(lambda: under_way(bar(0, QUEUED)), None, outputs, queue=False, **quiet)
    fitting = waiting.then(
        handlers.refit,
        [framework, strategy, *settings],
        outputs,
        concurrency_id="refit",
        concurrency_limit=PLACES,
        **quiet,
    )
    cancel.click(
        lambda: ended(said(CANCELLED)), None, outputs, cancels=[fitting], queue=False, **quiet
    )
    # In the queue, for only there a changed state is told to who listens.
    back.click(stored, None, outputs, concurrency_limit=None, **quiet)
    return RefitSection(maps, version)


def _settings_controls() -> list[Any]:
    """n_neighbors, min_dist, metric, seed."""
    usual = MapParams()
    with gr.Row(elem_id="refit-settings"):
        neighbours = gr.Slider(
            2, MAX_NEIGHBOURS, usual.n_neighbors, step=1, label="n_neighbors", min_width=220,
            info="Few show detail, many the whole.", buttons=[], elem_id="refit-neighbours",
        )  # fmt: skip
        distance = gr.Slider(
            0, 0.99, usual.min_dist, step=0.01, label="min_dist", min_width=220,
            info="How tightly points pack.", buttons=[], elem_id="refit-distance",
        )  # fmt: skip
        metric = gr.Dropdown(
            list(METRICS), value=usual.metric, label="Metric", min_width=150,
            info="Of the embeddings.", elem_id="refit-metric",
        )  # fmt: skip
        # Without bounds: gradio would answer a wrong value by an error, we answer in words.
        seed = gr.Number(
            usual.seed, label="Seed", min_width=110, info="Another one, another map.",
            elem_id="refit-seed",
        )  # fmt: skip
    return [neighbours, distance, metric, seed]


def _usable(can: bool) -> Any:
    return gr.update(interactive=can)
