"""The page "Alignment atlas": two modalities before and after, with the visitor's clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from mer_core.demo.components.atlas_map import atlas_map, update
from mer_core.demo.engine import FRAMEWORK_TITLES, report
from mer_core.demo.pages.atlas_handlers import (
    KEPT,
    MODULES,
    PANELS,
    AtlasHandlers,
    Shown,
    full,
    modules_of,
    strategy_of,
)
from mer_core.demo.panels import notes
from mer_core.demo.sections import exports
from mer_core.demo.sections.lab import build_lab
from mer_core.demo.sections.lab_handlers import LabHandlers
from mer_core.demo.sections.refit import RefitHandlers, build_refit
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.services import Services
from mer_core.demo.session import EMPTY
from mer_core.frameworks.descriptor import strategy_title

POLL = 2.0  # seconds between two looks at the visitor's clips
READS = {"mgcma": "voice and words", "foal_net": "voice and face"}
SHARP_INFO = "Every module on, contrastive temperature 0.07 as in CLIP."
ALL_CLIPS = "All my clips here"
ADD, ADDING = "Add an example", "Adding…"
NO_ATLAS = (
    "This installation has no maps: the folder assets/atlas is missing or damaged; the terminal "
    "that runs this page says which. `python -m train atlas` makes it."
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
        self.drawn = gr.State((first, mark(EMPTY.version, notes.hint(KEPT))))
        self.turn = gr.State(self.drawn.value[1])
        self._choices(first)
        self.map = atlas_map(handlers.reference(first), handlers.view(start, ()))
        self._clips()
        self.panels = _panels(first_panels)
        self.instances = self.panels[PANELS.index("instances")]
        self._sections()
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
            self.example = gr.Button(ADD, elem_id="add-example", scale=1, min_width=150)
        self.note = _html("atlas-note", notes.hint(KEPT))

    def _sections(self) -> None:
        titles = {
            name: strategy_title(name)
            for framework in self._atlases.frameworks
            for name in self._atlases.atlas(framework).charts
        }
        handlers = self._handlers
        lab = LabHandlers(
            self._atlases.score, self._atlases.reader, handlers.find, handlers.keep, titles
        )
        refit = RefitHandlers(self._atlases.atlas, handlers.clips)
        first = self._atlases.frameworks[0]
        self.lab = build_lab(lab, handlers.clip_choices(first, None, examples=True))
        with gr.Accordion("Refit the maps with other settings", open=False, elem_id="atlas-refit"):
            self.refit = build_refit(refit, self.framework, self.strategy)
        with gr.Accordion("Take the maps home", open=False, elem_id="atlas-export"):
            exports.build(self.export, [self.framework, self.strategy, self.refit.maps])

    def _connect(self, blocks: gr.Blocks) -> None:
        """Every event ends in a state, and one redraw follows the states.

        Were there several, an older one could end last, and the map would not be of what the
        controls say. Of quick clicks the last one counts; each small map says which one it is, so
        none of these may be left out. All wait in the queue, for gradio tells nobody of a state
        that an event outside it has changed.
        """
        chosen = [self.framework, self.modules, self.sharp]
        free: dict[str, Any] = {**QUIET, "concurrency_limit": None}
        last: dict[str, Any] = {**free, "trigger_mode": "always_last"}
        switches = [self.strategy, self.modules, self.sharp]
        self.framework.input(
            self.other, self.framework, [*switches, self.pairs, self.lab.clip], **last
        )
        self.modules.input(self.switch, chosen, [self.strategy, self.sharp], **last)
        self.sharp.input(self.sharpen, chosen, [self.strategy, self.modules], **last)
        self.map.click(
            self.choose, self.framework, switches, trigger_mode="multiple", **QUIET
        )  # one after the other
        self.map.select(
            self.select, [self.framework, self.strategy], [self.pairs, self.instances],
            trigger_mode="multiple", **QUIET,
        )  # fmt: skip
        self.drop.click(self.remove, [self.framework, self.clip], self.turn, **free)
        self.example.click(
            self.add, self.framework, [self.example, self.turn], **QUIET, concurrency_id="model"
        )
        blocks.load(self.arrive, self.framework, self.turn, **free)
        gr.Timer(POLL).tick(self.follow, [self.framework, self.drawn], self.turn, **free)
        states = (self.strategy, self.turn, self.lab.version, self.refit.version)
        gr.on(
            [state.change for state in states],
            self.redraw,
            [self.framework, self.strategy, self.pairs, self.refit.maps, self.drawn, *self._lists],
            [self.map, *self.panels, *self._lists, self.note, self.drawn],
            **last,
        )

    @property
    def _lists(self) -> Sequence[gr.Dropdown]:
        """What lists the visitor's clips."""
        return self.clip, self.lab.clip

    # Gradio hands over values by position, and a request where one is asked for by its type.
    def arrive(self, framework: str, request: gr.Request) -> str:
        """What the visitor's clips are by now; the lab begins at rest, also for another tab."""
        self._atlases.start()
        self._handlers.keep(None, request)
        return self._mark(framework, request)

    def follow(self, framework: str, drawn: tuple[str, str], request: gr.Request) -> Any:
        """Something new, if what was drawn is no longer what they are."""
        found = self._mark(framework, request)
        return gr.skip() if found == drawn[1] else f"{found} after {drawn[1]}"

    def redraw(
        self, framework: str, strategy: str, pairs: Any, refit: Any, drawn: tuple[str, str],
        clip: str | None, in_lab: str | None, request: gr.Request,
    ) -> tuple[Any, ...]:  # fmt: skip
        """The whole page; the map's reference only where another one is drawn."""
        if strategy not in self._atlases.atlas(framework).charts:
            strategy = full(framework)  # a choice for the framework is still under way
        shown, visit = Shown(framework, strategy, pairs, refit), self._handlers.visit(request)
        clips, note = visit.of(framework), self._handlers.note(framework, request)
        properties = {"view": self._handlers.view(shown, visit.shown(framework))}
        if framework != drawn[0]:
            properties["reference"] = self._handlers.reference(framework)
        own = self._handlers.clip_choices(framework, request, examples=False)
        lab = self._handlers.clip_choices(framework, request, examples=True)
        return (
            update(**properties),
            *self._handlers.panels(shown, clips),
            listed([*own, (ALL_CLIPS, "")] if own else [], clip, own[0][1] if own else None),
            listed(lab, in_lab, None),
            note,
            (framework, mark(visit.version, note)),
        )

    def _mark(self, framework: str, request: gr.Request) -> str:
        return mark(self._handlers.visit(request).version, self._handlers.note(framework, request))

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

    def remove(self, framework: str, chosen: str | None, request: gr.Request) -> Any:
        """Forget a clip, or all of them."""
        if chosen is None:
            return gr.skip()
        self._handlers.remove(framework, chosen or None, request)
        return self._mark(framework, request)

    def add(self, framework: str, request: gr.Request) -> Iterator[tuple[Any, Any]]:
        """A shipped clip, for those who have none of their own yet."""
        yield gr.update(value=ADDING, interactive=False), gr.skip()
        try:
            self._handlers.add_example(framework, request)
        except Exception as error:  # the button must come back
            report(error)
        yield gr.update(value=ADD, interactive=True), self._mark(framework, request)

    def export(
        self, everything: bool, framework: str, strategy: str, refit: Any, request: gr.Request
    ) -> Sequence[Any]:
        """The maps of a file to take home."""
        return self._handlers.exported(Shown(framework, strategy, refit=refit), everything, request)


def mark(version: int, note: str) -> str:
    """What the visitor's clips are, in a word: another one is a reason to draw anew."""
    return f"{version} {note}"


def listed(choices: list[tuple[str, str]], chosen: str | None, else_chosen: str | None) -> Any:
    """A dropdown's new choices; what is chosen stays, unless it is gone.

    A value is sent only then: sent along always, it could undo a choice made in the meantime.
    """
    if chosen in [value for _, value in choices] or (chosen is None and else_chosen is None):
        return gr.update(choices=choices)
    return gr.update(choices=choices, value=else_chosen)


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
