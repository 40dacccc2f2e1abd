"""The page "Alignment atlas": two modalities before and after, with the visitor's clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from mer_core.demo.components.atlas_map import atlas_map
from mer_core.demo.components.named_outputs import by_component
from mer_core.demo.pages.atlas_content import STORAGE, AtlasContent, Selection
from mer_core.demo.pages.atlas_events import (
    ADD,
    PLAIN,
    PLAIN_INFO,
    AtlasEvents,
    ClipsVersion,
    Drawn,
    RedrawRequest,
    full_strategy,
    switch_choices,
    switched_on,
    variant_choices,
)
from mer_core.demo.panels import notes
from mer_core.demo.panels.titles import strategy_name
from mer_core.demo.sections import exports
from mer_core.demo.sections.lab import Lab, build_lab
from mer_core.demo.sections.lab_events import LabClips, LabHandlers
from mer_core.demo.sections.lab_judging import LabJudge
from mer_core.demo.sections.refit import RefitSection, build_refit
from mer_core.demo.sections.refit_events import RefitHandlers
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.container import Services
from mer_core.demo.session import EMPTY
from mer_core.frameworks.descriptor import DESCRIPTORS

POLL = 2.0  # seconds between two looks at the visitor's clips
TERMS_INFO = "Names switches and strategies as their papers do."
# The titles in panels and on the maps hold both: the page's class says which is seen.
SHOW_TERMS = "(papers) => { document.body.classList.toggle('at-papers', papers); }"
NO_ATLAS = (
    "This installation has no maps: the folder assets/atlas is missing or damaged. The terminal "
    "that runs this page says more; `python -m train atlas` makes the maps."
)
TEXTS = notes.Texts(
    tagline="Watch two modalities come together, strategy by strategy, with your own clip.",
    credit="Every point is a recording, text or picture that no model was trained on, drawn by its "
    "pooled embedding before fusion, which every strategy trains. "
    "The maps are UMAP projections: only neighbourhoods mean something, axes and sizes do not. "
    "Categories are what data sets and models assign, not what anyone feels.",
)
BESIDE = {"metrics": 6, "neighbours": 5}  # panels below the map, with their shares of the width
TABS = {
    "distributions": "Distributions", "tokens": "Tokens", "instances": "Instances",
    "own": "My pairs",
}  # fmt: skip
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
FREE: dict[str, Any] = {**QUIET, "concurrency_limit": None}


def build(services: Services, blocks: gr.Blocks) -> None:
    """Lay the page out inside `blocks` and connect it."""
    if not services.atlases.frameworks:
        gr.Markdown(NO_ATLAS)
        return
    AtlasPage(services.atlases, AtlasContent(services.atlases, services.engine), blocks)


class AtlasPage:
    """The page's components, laid out and connected when it is made.

    Args:
        atlases: Maps, heads and visits.
        content: What is shown.
        blocks: Whose load event begins.
    """

    def __init__(self, atlases: Atlases, content: AtlasContent, blocks: gr.Blocks) -> None:
        self._atlases, self._content = atlases, content
        self._events = AtlasEvents(atlases, content)
        first = atlases.frameworks[0]
        selection = Selection(first, full_strategy(first))
        # The first view is part of the page itself, so that no one waits for it.
        panels = content.panels(selection, ())
        lab = tuple(content.lab_choices(first, None))
        drawn = Drawn(first, ClipsVersion(EMPTY.version, notes.hint(STORAGE)), lab)
        self.strategy, self.left = gr.State(selection.strategy), gr.State(selection.left)
        self.pairs = gr.State(())
        self.drawn, self.wanted = gr.State(drawn), gr.State(RedrawRequest(drawn.clips))
        self.chosen = gr.State(None)  # the clip in `my_clip`, once the visitor has chosen one
        self._choices(first)
        self.map = atlas_map(content.reference(first), content.view(selection, ()))
        self.comparison = _html("atlas-comparison", panels["comparison"])
        self._clips()
        self.panels = {"comparison": self.comparison, **_panels(panels)}
        self.lab, self.refit = self._sections(first)
        # By the names of `AtlasUpdate`.
        self.parts: dict[str, Any] = {
            "strategy": self.strategy, "left": self.left, "modules": self.modules,
            "variant": self.variant, "pairs": self.pairs, "map": self.map, **self.panels,
            "my_clip": self.my_clip, "lab_clip": self.lab.clip, "lab_other": self.lab.other,
            "add_example": self.add_example, "note": self.note, "drawn": self.drawn,
            "wanted": self.wanted,
        }  # fmt: skip
        self._connect(blocks)

    def _choices(self, first: str) -> None:
        descriptors = [DESCRIPTORS[name] for name in self._atlases.frameworks]
        titles = [(f"{one.title}: {one.nouns}", one.name) for one in descriptors]
        with gr.Row(elem_id="atlas-choices", equal_height=True):
            self.framework = gr.Radio(
                titles, value=first, label="Framework", elem_id="framework", scale=6, min_width=280
            )
            self.modules = gr.CheckboxGroup(
                switch_choices(first), value=switched_on(first, full_strategy(first)),
                label="Alignment modules", elem_id="modules", scale=5, min_width=280,
            )  # fmt: skip
            variants = variant_choices(first, self._atlases.atlas(first).strategies)
            self.variant = gr.Radio(
                variants, value=PLAIN, label="Beyond the paper", info=PLAIN_INFO,
                visible=len(variants) > 1, elem_id="variant", scale=5, min_width=640,
            )  # fmt: skip
            self.papers = gr.Checkbox(
                False, label="Papers' terms", info=TERMS_INFO, elem_id="papers-terms", scale=2,
                min_width=220,
            )  # fmt: skip

    def _clips(self) -> None:
        with gr.Row(elem_id="atlas-clips"):
            self.my_clip = gr.Dropdown(
                [], value=None, label="My clips on the maps", elem_id="my-clips", scale=3,
                min_width=220,
            )  # fmt: skip
            self.remove = gr.Button("Remove", elem_id="remove-clip", scale=1, min_width=100)
            self.add_example = gr.Button(ADD, elem_id="add-example", scale=1, min_width=150)
        self.note = _html("atlas-note", notes.hint(STORAGE))

    def _sections(self, first: str) -> tuple[Lab, RefitSection]:
        atlases, content = self._atlases, self._content
        charts = [name for f in atlases.frameworks for name in atlases.atlas(f).charts]
        judge = LabJudge(
            atlases.judge, atlases.reader, {name: strategy_name(name) for name in charts}
        )
        clips = LabClips(
            content.find, content.lab_choices, content.changed, content.store_changed,
            lambda: atlases.ended, lambda framework: content.opening(framework, judge.mixed),
        )  # fmt: skip
        handlers = LabHandlers(judge, clips)
        lab = build_lab(handlers, self.framework, content.lab_choices(first, None))
        with gr.Accordion("Refit the maps with other settings", open=False, elem_id="atlas-refit"):
            refit_handlers = RefitHandlers(atlases.atlas, content.clips)
            refit = build_refit(refit_handlers, self.framework, self.strategy)
        with gr.Accordion("Download the maps", open=False, elem_id="atlas-export"):
            exports.build(
                self._events.export, [self.framework, self.strategy, self.left, refit.maps]
            )
        return lab, refit

    def _connect(self, blocks: gr.Blocks) -> None:
        """Every event ends in a state, and one redraw follows the states.

        With several redraws, an older one could end last, and the map would not show what the
        controls say. All are queued, because a state changed outside the queue fires no change
        event.
        """
        self._connect_choices()
        self._connect_clips(blocks)
        states = (
            self.strategy, self.left, self.wanted, self.chosen, self.lab.version,
            self.refit.version,
        )  # fmt: skip
        gr.on(
            [state.change for state in states],
            self._handler(self._events.redraw),
            [self.framework, self.strategy, self.left, self.pairs, self.refit.maps, self.drawn,
             self.my_clip, self.lab.clip, self.lab.other],
            self._parts("map", *self.panels, "my_clip", "lab_clip", "lab_other", "note", "drawn"),
            trigger_mode="always_last", **FREE,
        )  # fmt: skip

    def _connect_choices(self) -> None:
        """What is looked at: framework, modules, a small map, a selection.

        Of quick clicks on a control the last one counts. Clicks on the small maps and selections
        carry their own values, so none of them may be left out.
        """
        events, framework = self._events, self.framework
        last: dict[str, Any] = {**FREE, "trigger_mode": "always_last"}
        in_turn: dict[str, Any] = {**QUIET, "trigger_mode": "multiple"}  # one after the other
        chosen = [framework, self.modules, self.variant]
        switches = ("strategy", "modules", "variant")
        framework.input(
            self._handler(events.choose_framework), [framework, self.papers],
            self._parts(*switches, "left", "pairs", "lab_clip"), **last,
        )  # fmt: skip
        self.modules.input(
            self._handler(events.choose_modules), chosen, self._parts("strategy", "variant"), **last
        )
        self.papers.input(
            self._handler(events.choose_terms), [framework, self.papers],
            self._parts("modules", "variant"), **last,
        )  # fmt: skip
        self.papers.input(None, self.papers, None, js=SHOW_TERMS, **QUIET)
        self.variant.input(
            self._handler(events.choose_variant), chosen, self._parts(*switches), **last
        )
        self.map.click(
            self._handler(events.choose_sides), framework, self._parts(*switches, "left"), **in_turn
        )
        self.map.select(
            self._handler(events.select_pairs), [framework, self.strategy],
            self._parts("pairs", "instances"), **in_turn,
        )  # fmt: skip

    def _connect_clips(self, blocks: gr.Blocks) -> None:
        """The visitor's clips: on arrival, now and then, and when one is removed or added."""
        events, framework = self._events, self.framework
        arrived = blocks.load(self._handler(events.arrive), framework, self.wanted, **FREE)
        self.lab.begin_after(arrived)
        gr.Timer(POLL).tick(
            self._handler(events.follow), [framework, self.drawn], self.wanted, **FREE
        )
        self.my_clip.input(lambda clip: clip, self.my_clip, self.chosen, **FREE)
        self.remove.click(
            self._handler(events.remove), [framework, self.my_clip], self.wanted, **FREE
        )
        self.add_example.click(
            self._handler(events.add_example), framework, self._parts("add_example", "wanted"),
            **QUIET, concurrency_id="model",
        )  # fmt: skip

    def _handler(self, event: Any) -> Any:
        return by_component(event, self.parts)

    def _parts(self, *names: str) -> list[Any]:
        return [self.parts[name] for name in names]


def _panels(html: Mapping[str, object]) -> dict[str, gr.HTML]:
    """The panels below the map, laid out with what they show first."""
    panels = {}
    with gr.Row(equal_height=False, elem_id="atlas-beside"):
        for name, scale in BESIDE.items():
            with gr.Column(scale=scale, min_width=320):
                panels[name] = _html(f"atlas-{name}", str(html[name]))
    with gr.Tabs(elem_id="granularities"):
        for name, title in TABS.items():
            with gr.Tab(title):
                panels[name] = _html(f"atlas-{name}", str(html[name]))
    return panels


def _html(name: str, value: str = "") -> gr.HTML:
    return gr.HTML(value, elem_id=name, apply_default_css=False)
