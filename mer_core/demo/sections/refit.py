"""The section "Refit" of the atlas: settings, progress and cancel for maps fitted again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from mer_core.atlas.distances import METRICS
from mer_core.atlas.maps import MAX_NEIGHBOURS, MapParams
from mer_core.demo.components.named_outputs import by_component
from mer_core.demo.sections.refit_events import RefitHandlers, cancelled, queued, stored

MAX_REFITS = 2  # at a time, of all visitors together
STORED_SECONDS = 3600  # that refitted maps stay in their visitor's session
TITLE = "Refit the maps"
ABOUT = (
    "The maps depend on their settings. Fit both again, with your clips among the points, and see "
    "what stays the same: that part you can trust. During the refit, your clips' embeddings are "
    "also in a temporary file on the server; their sound and words are not."
)


@dataclass(frozen=True)
class RefitSection:
    """What a page connects the section by.

    Attributes:
        maps: State: `RefitMaps`, or None while the stored maps are shown.
        version: State: a `RefitVersion` or None, another one whenever `maps` changes; its `change`
            event is where a page redraws its maps.
    """

    maps: gr.State
    version: gr.State


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
        settings = _settings()
        with gr.Row(elem_id="refit-actions"):
            refit = gr.Button("Refit", variant="primary", min_width=110, elem_id="refit-start")
            cancel = gr.Button("Cancel", interactive=False, min_width=90, elem_id="refit-cancel")
            back = gr.Button(
                "Back to the stored maps", interactive=False, min_width=190, elem_id="refit-back"
            )
        status = gr.HTML("", elem_id="refit-bar", apply_default_css=False)
    maps, version = gr.State(None, time_to_live=STORED_SECONDS), gr.State(None)
    parts = {
        "status": status, "refit": refit, "cancel": cancel, "back": back, "maps": maps,
        "version": version,
    }  # fmt: skip
    _connect(handlers, [framework, strategy, *settings], parts)
    return RefitSection(maps, version)


def _settings() -> list[Any]:
    """n_neighbors, min_dist, metric, seed."""
    usual = MapParams()
    with gr.Row(elem_id="refit-settings"):
        neighbours = gr.Slider(
            2, MAX_NEIGHBOURS, usual.n_neighbors, step=1, label="n_neighbors", min_width=220,
            info="Few show details, many the whole.", buttons=[], elem_id="refit-neighbours",
        )  # fmt: skip
        distance = gr.Slider(
            0, 0.99, usual.min_dist, step=0.01, label="min_dist", min_width=220,
            info="How closely points are packed.", buttons=[], elem_id="refit-distance",
        )  # fmt: skip
        metric = gr.Dropdown(
            list(METRICS), value=usual.metric, label="Metric", min_width=150,
            info="Distance of embeddings.", elem_id="refit-metric",
        )  # fmt: skip
        # Without bounds: gradio would answer a wrong value with an error, we answer in words.
        seed = gr.Number(
            usual.seed, label="Seed", min_width=110, info="Start of the random numbers.",
            elem_id="refit-seed",
        )  # fmt: skip
    return [neighbours, distance, metric, seed]


def _connect(handlers: RefitHandlers, inputs: list[Any], parts: dict[str, Any]) -> None:
    """The section's events; `parts` are the components of a `RefitUpdate`."""
    outputs = list(parts.values())
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    waiting = parts["refit"].click(
        by_component(queued, parts), None, outputs, queue=False, **quiet
    )  # fmt: skip
    fitting = waiting.then(
        by_component(handlers.refit, parts),
        inputs,
        outputs,
        concurrency_id="refit",
        concurrency_limit=MAX_REFITS,
        **quiet,
    )
    parts["cancel"].click(
        by_component(cancelled, parts), None, outputs, cancels=[fitting], queue=False, **quiet
    )
    # Queued, because a state changed outside the queue fires no change event.
    parts["back"].click(by_component(stored, parts), None, outputs, concurrency_limit=None, **quiet)
