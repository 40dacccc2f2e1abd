"""What the events of the page "Alignment atlas" change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import gradio as gr

from mer_core.atlas.plotted import Plotted
from mer_core.demo.components.atlas_map import update
from mer_core.demo.engine import report
from mer_core.demo.pages.atlas_content import AtlasContent, Panels, Selection
from mer_core.demo.sections.lab_controls import other_choices
from mer_core.demo.services.atlases import Atlases
from mer_core.frameworks.descriptor import BEFORE, DESCRIPTORS
from mer_core.frameworks.variants import Terms

ALL_CLIPS = "All my clips here"
ADD, ADDING = "Add an example", "Adding…"
PLAIN = "plain"  # the choice of no variant
PLAIN_INFO = "The paper's modules, with the settings that Attune ships."


@dataclass(frozen=True)
class ClipsVersion:
    """Which clips and which note the page shows.

    Attributes:
        visit: `Visit.version`.
        note: The line below the clips.
    """

    visit: int
    note: str


@dataclass(frozen=True)
class Drawn:
    """What the page was last drawn from.

    Attributes:
        framework: Whose atlas.
        clips: The visitor's.
        lab: (name, id) of the clips that the lab offers. They are sent only when they change: new
            choices close a dropdown that is open.
    """

    framework: str
    clips: ClipsVersion
    lab: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RedrawRequest:
    """A reason to draw the page again.

    Attributes:
        clips: What is to be drawn.
        outdated: What the page showed instead, so that a request whose redraw was lost can be
            repeated: gradio reports a state only where it changes.
    """

    clips: ClipsVersion
    outdated: ClipsVersion | None = None


class AtlasUpdate(Panels, total=False):
    """New values of the page's components; those left out stay as they are."""

    strategy: str
    left: str
    modules: Any
    variant: Any
    pairs: tuple[int, ...]
    map: Any
    my_clip: Any
    lab_clip: Any
    lab_other: Any
    add_example: Any
    note: str
    drawn: Drawn
    wanted: RedrawRequest


class AtlasEvents:
    """What the page's events call; each answers with what it changes.

    Args:
        atlases: Maps, heads and visits.
        content: What is shown.
    """

    def __init__(self, atlases: Atlases, content: AtlasContent) -> None:
        self._atlases, self._content = atlases, content

    # Gradio passes values by position, and a request where the type asks for one.
    def arrive(self, framework: str, request: gr.Request) -> AtlasUpdate:
        """The page is opened: show the visitor's clips, and reset the lab, also for another tab."""
        self._atlases.start()
        self._content.measured.start()
        self._content.store_changed(None, request)
        return {"wanted": RedrawRequest(self._clips_version(framework, request))}

    def follow(self, framework: str, drawn: Drawn, request: gr.Request) -> AtlasUpdate:
        """Ask for a redraw if the visitor's clips are not those on the page."""
        clips = self._clips_version(framework, request)
        return {} if clips == drawn.clips else {"wanted": RedrawRequest(clips, drawn.clips)}

    def redraw(
        self, framework: str, strategy: str, left: str, pairs: Sequence[int], refit: Any,
        drawn: Drawn, my_clip: str | None, lab_clip: str | None, lab_other: str | None,
        request: gr.Request,
    ) -> AtlasUpdate:  # fmt: skip
        """Draw the whole page; the map's reference only for another framework."""
        strategy = self._known(framework, strategy)
        selection = Selection(framework, strategy, pairs, refit, self._left(framework, left))
        visit, note = self._content.visit(request), self._content.note(framework, request)
        properties = {"view": self._content.view(selection, visit.stars(framework), my_clip)}
        if framework != drawn.framework:
            properties["reference"] = self._content.reference(framework)
        own = self._content.clip_choices(framework, request)
        lab = tuple(self._content.lab_choices(framework, request))
        values = {
            **self._content.panels(selection, visit.of(framework), visit.stars(framework)),
            "map": update(**properties),
            "my_clip": choices_update(
                [*own, (ALL_CLIPS, "")] if own else [], my_clip, own[0][1] if own else None
            ),
            "note": note,
            "drawn": Drawn(framework, ClipsVersion(visit.version, note), lab),
        }
        if lab != drawn.lab:
            others = other_choices(lab, lab_clip or "")
            values["lab_clip"] = choices_update(list(lab), lab_clip, None)
            values["lab_other"] = choices_update(others, lab_other, "")
        return cast(AtlasUpdate, values)

    def choose_framework(self, framework: str, papers: bool) -> AtlasUpdate:
        """Another framework: its full strategy, no pairs selected, no clip in the lab."""
        strategy = full_strategy(framework)
        terms, strategies = terms_of(papers), self._atlases.atlas(framework).strategies
        switches = switch_choices(framework, terms)
        variants = variant_choices(framework, strategies, terms)
        return {
            "strategy": strategy,
            "left": BEFORE,
            "modules": gr.update(choices=switches, value=switched_on(framework, strategy)),
            "variant": gr.update(
                choices=variants, value=PLAIN, info=PLAIN_INFO, visible=len(variants) > 1
            ),
            "pairs": (),
            "lab_clip": None,
        }

    def choose_terms(self, framework: str, papers: bool) -> AtlasUpdate:
        """Plain words, or the papers' terms; what is chosen stays."""
        terms, strategies = terms_of(papers), self._atlases.atlas(framework).strategies
        return {
            "modules": gr.update(choices=switch_choices(framework, terms)),
            "variant": gr.update(choices=variant_choices(framework, strategies, terms)),
        }

    def choose_modules(self, framework: str, modules: list[str], variant: str) -> AtlasUpdate:
        """A module on or off; the variants were trained with all of them only."""
        kept = variant if len(modules) == len(DESCRIPTORS[framework].switches) else PLAIN
        return {
            "strategy": strategy_of(framework, modules, kept),
            "variant": variant_update(framework, kept),
        }

    def choose_variant(self, framework: str, modules: list[str], variant: str) -> AtlasUpdate:
        """A variant, which switches every module on, or none."""
        strategy = strategy_of(framework, modules, variant)
        return {
            "strategy": strategy,
            "modules": switched_on(framework, strategy),
            "variant": variant_update(framework, variant),
        }

    def choose_sides(self, framework: str, event: gr.EventData) -> AtlasUpdate:
        """A small map shown on the right or pinned on the left, or both sides swapped."""
        strategy = self._known(framework, str(event.strategy))
        return {
            "strategy": strategy,
            "left": self._left(framework, str(event.left)),
            "modules": switched_on(framework, strategy),
            "variant": variant_update(framework, variant_of(framework, strategy)),
        }

    def select_pairs(
        self, framework: str, strategy: str, event: gr.EventData, request: gr.Request
    ) -> AtlasUpdate:
        """Pairs selected on the map."""
        pairs = tuple(int(pair) for pair in event.pairs)
        panel = self._content.instances(Selection(framework, strategy, pairs), request)
        return {"pairs": pairs, "instances": panel}

    def remove(self, framework: str, chosen: str | None, request: gr.Request) -> AtlasUpdate:
        """Delete a clip, or all of them."""
        if chosen is None:
            return {}
        self._content.remove(framework, chosen, request)
        return {"wanted": RedrawRequest(self._clips_version(framework, request))}

    def add_example(self, framework: str, request: gr.Request) -> Iterator[AtlasUpdate]:
        """Put an example on the maps, for visitors without clips of their own."""
        yield {"add_example": gr.update(value=ADDING, interactive=False)}
        try:
            self._content.add_example(framework, request)
        except Exception as error:  # the button must come back
            report(error)
        yield {
            "add_example": gr.update(value=ADD, interactive=True),
            "wanted": RedrawRequest(self._clips_version(framework, request)),
        }

    def export(
        self, all_strategies: bool, framework: str, strategy: str, left: str, refit: Any,
        request: gr.Request,
    ) -> Sequence[Plotted]:  # fmt: skip
        """The maps of a file to download."""
        left = self._left(framework, left)
        selection = Selection(framework, strategy, refit=refit, left=left)
        return self._content.exported(selection, all_strategies, request)

    def _clips_version(self, framework: str, request: gr.Request) -> ClipsVersion:
        visit, note = self._content.visit(request), self._content.note(framework, request)
        return ClipsVersion(visit.version, note)

    def _left(self, framework: str, left: str) -> str:
        """The pinned strategy; no alignment while another framework's is still pinned."""
        return left if left in self._atlases.atlas(framework).charts else BEFORE

    def _known(self, framework: str, strategy: str) -> str:
        """The strategy, or the full one while a choice of another framework is still under way."""
        charts = self._atlases.atlas(framework).charts
        return strategy if strategy in charts else full_strategy(framework)


def strategy_of(framework: str, modules: Sequence[str], variant: str = PLAIN) -> str:
    """The strategy with these modules on, or the variant's."""
    return DESCRIPTORS[framework].strategy(tuple(modules)) if variant == PLAIN else variant


def variant_of(framework: str, strategy: str) -> str:
    """The choice that a strategy is: a variant, or `PLAIN`."""
    return strategy if DESCRIPTORS[framework].variant(strategy) else PLAIN


def variant_choices(
    framework: str, strategies: Sequence[str], terms: Terms = Terms.PLAIN
) -> list[tuple[str, str]]:
    """(title, name) of no variant and of those that an atlas has."""
    variants = (v for v in DESCRIPTORS[framework].variants if v.name in strategies)
    return [("Nothing", PLAIN), *((variant.named(terms), variant.name) for variant in variants)]


def variant_update(framework: str, chosen: str) -> Any:
    """A choice, and what it means."""
    variant = DESCRIPTORS[framework].variant(chosen)
    return gr.update(value=chosen, info=variant.about if variant else PLAIN_INFO)


def switched_on(framework: str, strategy: str) -> list[str]:
    """Which modules a strategy has on."""
    return list(DESCRIPTORS[framework].switched_on(strategy))


def full_strategy(framework: str) -> str:
    """The strategy with every module on."""
    return strategy_of(framework, DESCRIPTORS[framework].switch_names)


def terms_of(papers: bool) -> Terms:
    """What the page's switch stands for."""
    return Terms.PAPERS if papers else Terms.PLAIN


def switch_choices(framework: str, terms: Terms = Terms.PLAIN) -> list[tuple[str, str]]:
    """(title, name) of the modules that can be switched on and off."""
    return [(switch.named(terms), switch.name) for switch in DESCRIPTORS[framework].switches]


def choices_update(choices: list[tuple[str, str]], chosen: str | None, fallback: str | None) -> Any:
    """A dropdown's new choices; what is chosen stays, unless it is gone.

    A value is sent only then: sent always, it could undo a choice made in the meantime.
    """
    if chosen in [value for _, value in choices] or (chosen is None and fallback is None):
        return gr.update(choices=choices)
    return gr.update(choices=choices, value=fallback)
