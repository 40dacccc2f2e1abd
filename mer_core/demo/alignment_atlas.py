"""The page "Alignment atlas": two modalities before and after, with the visitor's clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from mer_core.demo import exports
from mer_core.demo.atlas_handlers import (
    KEPT,
    MODULES,
    PANELS,
    AtlasHandlers,
    Shown,
    full,
    modules_of,
    strategy_of,
)
from mer_core.demo.atlas_map import atlas_map, update
from mer_core.demo.atlases import Atlases
from mer_core.demo.engine import FRAMEWORK_TITLES
from mer_core.demo.lab import LabHandlers, build_lab
from mer_core.demo.panels import notes
from mer_core.demo.panels.markup import title_of
from mer_core.demo.refit_section import RefitHandlers, build_refit
from mer_core.demo.services import Services
from mer_core.demo.visits import EMPTY

POLL = 2.0  # seconds between two looks at the visitor's clips
READS = {"mgcma": "voice and words", "foal_net": "voice and face"}
SHARP_INFO = "Every module on, contrastive temperature 0.07 as in CLIP."
ALL_CLIPS = "All my clips here"
NO_ATLAS = (
    "This installation has no maps: the folder assets/atlas is missing. "
    "`python -m train atlas` makes it."
)
TEXTS = notes.Texts(
    tagline="Watch two modalities come together, strategy by strategy, with your own clip.",
    credit="Every point is a held-out recording, text or picture that no model was trained on, by "
    "its pooled embedding before fusion, which every strategy trains. "
    "Maps are UMAP projections: only neighbourhoods mean something, axes and sizes do not. "
    "Categories are what data sets and models assign, not what anyone feels.",
)
TABS = {
    "distributions": "Distributions", "tokens": "Tokens", "instances": "Instances",
    "own": "My pairs",
}  # fmt: skip
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def build(services: Services, blocks: gr.Blocks) -> None:
    """Lay the page out inside `blocks` and connect it."""
    if not services.atlases.frameworks:
        gr.Markdown(NO_ATLAS)
        return
    AtlasPage(services.atlases, AtlasHandlers(services.atlases, services.engine), blocks)


class AtlasPage:
    """The page's parts, laid out and connected when it is made.

    Args:
        atlases: Maps, heads and visits.
        handlers: What becomes of choices.
        blocks: Whose load event begins.
    """

    def __init__(self, atlases: Atlases, handlers: AtlasHandlers, blocks: gr.Blocks) -> None:
        self._atlases, self._handlers = atlases, handlers
        first = atlases.frameworks[0]
        start = Shown(first, full(first))
        # What everybody sees first is in the page itself, so that nobody waits for it.
        first_panels = handlers.panels(start, ())
        self.strategy, self.pairs = gr.State(start.strategy), gr.State(())
        self.seen = gr.State(EMPTY.version)
        self._choices(first)
        self.map = atlas_map(handlers.reference(first), handlers.view(start, ()))
        self._clips()
        self.panels = _panels(first_panels)
        self.instances = self.panels[PANELS.index("instances")]
        self._sections()
        self.shown = [
            self.framework, self.strategy, self.pairs, self.lab.changed, self.refit.maps,
        ]  # fmt: skip
        self._connect(blocks)

    def _choices(self, first: str) -> None:
        titles = [(f"{FRAMEWORK_TITLES[n]}: {READS[n]}", n) for n in self._atlases.frameworks]
        with gr.Row(elem_id="atlas-choices", equal_height=True):
            self.framework = gr.Radio(
                titles, value=first, label="Framework", elem_id="framework", scale=6, min_width=280
            )
            self.modules = gr.CheckboxGroup(
                list(MODULES[first]), value=modules_of(first, full(first)),
                label="Alignment modules", elem_id="modules", scale=5, min_width=280,
            )  # fmt: skip
            with gr.Column(scale=3, min_width=220):
                self.sharp = gr.Checkbox(
                    False, label="Sharp temperature", info=SHARP_INFO, elem_id="sharp"
                )

    def _clips(self) -> None:
        with gr.Row(elem_id="atlas-clips"):
            self.clip = gr.Dropdown(
                [], value=None, label="My clips on the maps", elem_id="my-clips", scale=3,
                min_width=220,
            )  # fmt: skip
            self.drop = gr.Button("Remove", elem_id="remove-clip", scale=1, min_width=100)
            self.example = gr.Button(
                "Add an example", elem_id="add-example", scale=1, min_width=150
            )
        self.note = _html("atlas-note", notes.hint(KEPT))

    def _sections(self) -> None:
        titles = {
            name: title_of(name)
            for framework in self._atlases.frameworks
            for name in self._atlases.atlas(framework).charts
        }
        lab = LabHandlers(
            self._atlases.judge, self._atlases.reader, self._handlers.find, titles
        )  # fmt: skip
        refit = RefitHandlers(self._atlases.atlas, self._handlers.clips)
        first = self._atlases.frameworks[0]
        self.lab = build_lab(lab, self._handlers.clip_choices(first, None, examples=True))
        with gr.Accordion("Refit the maps with other settings", open=False, elem_id="atlas-refit"):
            self.refit = build_refit(refit, self.framework, self.strategy)
        with gr.Accordion("Take the maps home", open=False, elem_id="atlas-export"):
            exports.build(self.export, [self.framework, self.strategy, self.refit.maps])

    def _connect(self, blocks: gr.Blocks) -> None:
        view = [self.map, *self.panels, *self._lists(), self.note, self.seen]
        switches = [self.strategy, self.modules, self.sharp]
        chosen = [self.framework, self.modules, self.sharp]
        free: dict[str, Any] = {**QUIET, "concurrency_limit": None}
        again: dict[str, Any] = {"fn": self.redraw, "inputs": self.shown, "outputs": view, **free}
        blocks.load(self.arrive, self.shown, view, **free)
        # Gradio tells nobody of a state that an event outside the queue has changed: hence `then`.
        quick: dict[str, Any] = {**QUIET, "queue": False}
        self.framework.input(
            self.other, self.framework, [*switches, self.pairs, self.lab.clip], **quick
        ).then(self.open, self.shown, view, **free)
        self.modules.input(self.switch, chosen, [self.strategy, self.sharp], **quick).then(**again)
        self.sharp.input(self.sharpen, chosen, [self.strategy, self.modules], **quick).then(**again)
        self.map.click(self.choose, self.framework, switches, **quick).then(**again)
        gr.on([self.lab.version.change, self.refit.version.change], **again)
        self.map.select(
            self.select, [self.framework, self.strategy], [self.pairs, self.instances], **free
        )
        gr.Timer(POLL).tick(self.follow, [self.seen, *self.shown], view, **free)
        self.drop.click(
            self.remove, [self.framework, self.clip, self.lab.clip], self.lab.clip, **quick
        ).then(**again)
        self.example.click(self.add, self.framework, **QUIET, concurrency_id="model").then(**again)

    def _lists(self) -> Sequence[gr.Dropdown]:
        """What lists the visitor's clips."""
        return self.clip, self.lab.clip

    # Gradio hands over values by position, and a request where one is asked for by its type.
    def arrive(
        self, framework: str, strategy: str, pairs: Any, changed: Any, refit: Any,
        request: gr.Request,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Everything, unless what the page holds anyway says it all."""
        self._atlases.start()
        if self._handlers.note(framework, request) == notes.hint(KEPT):
            return self.follow(EMPTY.version, framework, strategy, pairs, changed, refit, request)
        return self._drawn(Shown(framework, strategy, pairs, changed, refit), request)

    def open(
        self, framework: str, strategy: str, pairs: Any, changed: Any, refit: Any,
        request: gr.Request,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Everything, the framework's reference among it."""
        reference = self._handlers.reference(framework)
        return self._drawn(
            Shown(framework, strategy, pairs, changed, refit), request, reference=reference
        )

    def redraw(
        self, framework: str, strategy: str, pairs: Any, changed: Any, refit: Any,
        request: gr.Request,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Everything but the reference."""
        return self._drawn(Shown(framework, strategy, pairs, changed, refit), request)

    def follow(
        self, seen: int, framework: str, strategy: str, pairs: Any, changed: Any, refit: Any,
        request: gr.Request,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Everything, if the visitor's clips are no longer those that were seen."""
        if self._handlers.visit(request).version == seen:
            return tuple(gr.skip() for _ in range(len(self.panels) + 5))
        return self._drawn(Shown(framework, strategy, pairs, changed, refit), request)

    def _drawn(self, shown: Shown, request: gr.Request, **properties: Any) -> tuple[Any, ...]:
        visit = self._handlers.visit(request)
        clips = visit.of(shown.framework)
        own = self._handlers.clip_choices(shown.framework, request, examples=False)
        lab = self._handlers.clip_choices(shown.framework, request, examples=True)
        return (
            update(view=self._handlers.view(shown, clips), **properties),
            *self._handlers.panels(shown, clips),
            gr.update(choices=[(ALL_CLIPS, ""), *own] if own else [], value="" if own else None),
            gr.update(choices=lab),
            self._handlers.note(shown.framework, request),
            visit.version,
        )

    def other(self, framework: str) -> tuple[Any, ...]:
        """Another framework: its full strategy, no pairs chosen, no clip in the lab."""
        strategy = full(framework)
        modules = gr.update(choices=list(MODULES[framework]), value=modules_of(framework, strategy))
        return strategy, modules, False, (), None

    def switch(self, framework: str, modules: list[str], sharp: bool) -> tuple[str, bool]:
        """A module on or off; the sharp temperature has a head for all of them only."""
        sharp = sharp and len(modules) == len(MODULES[framework])
        return strategy_of(framework, modules, sharp), sharp

    def sharpen(self, framework: str, modules: list[str], sharp: bool) -> tuple[str, list[str]]:
        """The sharp temperature on or off; on, it switches every module on."""
        strategy = strategy_of(framework, modules, sharp)
        return strategy, modules_of(framework, strategy)

    def choose(self, framework: str, event: gr.EventData) -> tuple[str, list[str], bool]:
        """One of the small maps."""
        strategy = str(event.strategy)
        if strategy not in self._atlases.atlas(framework).charts:
            strategy = full(framework)
        return (
            strategy,
            modules_of(framework, strategy),
            strategy == strategy_of(framework, [], True),
        )

    def select(
        self, framework: str, strategy: str, event: gr.EventData, request: gr.Request
    ) -> tuple[Any, str]:
        """Pairs chosen on the map."""
        chosen = tuple(int(pair) for pair in event.pairs)
        return chosen, self._handlers.instances(Shown(framework, strategy, chosen), request)

    def remove(
        self, framework: str, chosen: str | None, changed: str | None, request: gr.Request
    ) -> Any:
        """Forget a clip, or all of them; the lab lets go of what is no longer there."""
        self._handlers.remove(framework, chosen or None, request)
        gone = changed and self._handlers.find(changed, request) is None
        return None if gone else gr.skip()

    def add(self, framework: str, request: gr.Request) -> None:
        """A shipped clip, for those who have none of their own yet."""
        self._handlers.add_example(framework, request)

    def export(
        self, everything: bool, framework: str, strategy: str, refit: Any, request: gr.Request
    ) -> Sequence[Any]:
        """The maps of a file to take home."""
        return self._handlers.exported(Shown(framework, strategy, refit=refit), everything, request)


def _panels(first: Sequence[str]) -> list[gr.HTML]:
    """The panels below the map, in the order of `PANELS`, laid out with what they show first."""
    values = dict(zip(PANELS, first, strict=True))
    parts = {}
    with gr.Row(equal_height=False, elem_id="atlas-beside"):
        for name, scale in (("metrics", 6), ("neighbours", 5)):
            with gr.Column(scale=scale, min_width=320):
                parts[name] = _html(f"atlas-{name}", values[name])
    with gr.Tabs(elem_id="granularities"):
        for name in PANELS[2:]:
            with gr.Tab(TABS[name]):
                parts[name] = _html(f"atlas-{name}", values[name])
    return [parts[name] for name in PANELS]


def _html(name: str, value: str = "") -> gr.HTML:
    return gr.HTML(value, elem_id=name, apply_default_css=False)
