"""What the events of the page "Alignment atlas" call: from choices to the map and its panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import gradio as gr

from mer_core.atlas.collection import Atlas
from mer_core.atlas.plotted import Plotted
from mer_core.atlas.visitor import VisitorClip, stars
from mer_core.demo.components import atlas_map
from mer_core.demo.engine import Engine
from mer_core.demo.panels import notes
from mer_core.demo.panels.distributions import distributions_view
from mer_core.demo.panels.instances import instances_view
from mer_core.demo.panels.neighbours import neighbours_panel
from mer_core.demo.panels.own_pairs import own_pairs
from mer_core.demo.panels.strategy_metrics import metrics_table
from mer_core.demo.panels.tokens import tokens_view
from mer_core.demo.sections.exports import plotted
from mer_core.demo.sections.refitting import RefitMaps
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.shipped_clips import GONE, ShippedClips
from mer_core.demo.session import EXAMPLE, KEPT_MINUTES, Visit, visit_name
from mer_core.frameworks.descriptor import BEFORE

SHARP = "sharp"
MODULES = {
    "mgcma": (("Distributions", "distribution"), ("Tokens", "token"), ("Instances", "instance")),
    "foal_net": (("Emotion alignment (AVEL)", "avel"), ("Label matching (MEM)", "mem")),
}
PANELS = ("metrics", "neighbours", "distributions", "tokens", "instances", "own")
KEPT = (
    "Clips that you analyse on the other pages appear here by themselves, up to 20. They stay in "
    f"the server's memory until you remove them or have been away for {KEPT_MINUTES} minutes."
)
NO_COOKIE = "This browser keeps no cookie of this site, so your clips cannot follow you here."


@dataclass(frozen=True, eq=False)
class Shown:
    """What a visitor looks at.

    Attributes:
        framework: Whose atlas.
        strategy: On the map "after".
        pairs: Chosen rows of the reference.
        refit: Maps that stand in for the stored ones, or None.
    """

    framework: str
    strategy: str
    pairs: Sequence[int] = ()
    refit: RefitMaps | None = None

    @property
    def refitted(self) -> RefitMaps | None:
        """The refit, if it is one of the very maps that are looked at."""
        same = self.refit is not None and (self.refit.framework, self.refit.strategy) == (
            self.framework, self.strategy,
        )  # fmt: skip
        return self.refit if same else None


class AtlasHandlers:
    """Holds nothing of any visitor; their clips come from the visits, by the request's cookie.

    Args:
        atlases: Maps, heads and visits.
        engine: The model, which reads examples.
    """

    def __init__(self, atlases: Atlases, engine: Engine) -> None:
        self._atlases = atlases
        self._shipped = ShippedClips(atlases, engine)
        self._payload = cache(self._make_payload)

    def visit(self, request: gr.Request | None) -> Visit:
        """The visit that a request belongs to."""
        return self._atlases.visits.get(name_of(request))

    def clips(self, framework: str, request: gr.Request | None = None) -> tuple[VisitorClip, ...]:
        """The visitor's clips in a framework's atlas."""
        return self.visit(request).of(framework)

    def find(self, chosen: str, request: gr.Request | None = None) -> VisitorClip:
        """A clip of the visitor's, or a shipped one, that can be judged again.

        Raises:
            ValueError: There is none; in words for a visitor.
        """
        if chosen.startswith(EXAMPLE):
            return self._shipped.find(chosen)
        found = [c for c in self.visit(request).clips if c.id == chosen and c.reading is not None]
        if not found:
            raise ValueError(GONE)
        return found[0]

    def keep(self, changed: VisitorClip | None, request: gr.Request | None) -> None:
        """Have the lab's clip on the maps, or none."""
        self._atlases.visits.change(name_of(request), changed)

    def reference(self, framework: str) -> dict[str, Any]:
        """The map component's large property."""
        return self._payload(framework)

    def view(self, shown: Shown, clips: Sequence[VisitorClip]) -> dict[str, Any]:
        """The map component's small property; all of `clips` have stars."""
        atlas = self._atlases.atlas(shown.framework)
        refit = shown.refitted
        redrawn = None
        if refit is not None:
            places, title = refit.stars(atlas, clips), refit.title
            redrawn = {
                "before": atlas_map.Redrawn(refit.before.map.points, places[BEFORE], title),
                "after": atlas_map.Redrawn(refit.after.map.points, places[refit.strategy], title),
            }
        return atlas_map.view(shown.strategy, clips, stars(atlas, clips), redrawn)

    def panels(self, shown: Shown, clips: Sequence[VisitorClip]) -> tuple[str, ...]:
        """The HTML of each of `PANELS`."""
        atlas, strategy = self._atlases.atlas(shown.framework), shown.strategy
        return (
            metrics_table(self._atlases.ablation(shown.framework), strategy),
            neighbours_panel(atlas, strategy, clips),
            distributions_view(atlas, strategy),
            tokens_view(clips[-1] if clips else None, strategy),
            instances_view(atlas, strategy, clips, shown.pairs),
            own_pairs(clips, strategy),
        )

    def instances(self, shown: Shown, request: gr.Request | None) -> str:
        """Only what a selection changes."""
        clips = self.clips(shown.framework, request)
        atlas = self._atlases.atlas(shown.framework)
        return instances_view(atlas, shown.strategy, clips, shown.pairs)

    def note(self, framework: str, request: gr.Request | None) -> str:
        """The line below the visitor's clips."""
        trouble = self._atlases.trouble(framework)
        if not trouble and name_of(request) is None:
            trouble = NO_COOKIE
        return notes.hint(trouble or KEPT)

    def clip_choices(
        self, framework: str, request: gr.Request | None, examples: bool
    ) -> list[tuple[str, str]]:
        """(name, id) for dropdowns: the visitor's clips, the latest first, then shipped ones."""
        clips = reversed(self.clips(framework, request))
        own = [(c.name, c.id) for c in clips if not examples or c.reading is not None]
        return own + self._shipped.choices(framework) if examples else own

    def add_example(self, framework: str, request: gr.Request | None) -> None:
        """Put a shipped clip on the maps."""
        self._shipped.add(framework, name_of(request))

    def remove(self, framework: str, chosen: str | None, request: gr.Request | None) -> None:
        """Forget one clip, or all of a framework's where none is named."""
        ids = [clip.id for clip in self.clips(framework, request) if chosen in (None, clip.id)]
        self._atlases.visits.remove(name_of(request), tuple(ids))

    def exported(self, shown: Shown, everything: bool, request: gr.Request) -> list[Plotted]:
        """The maps of a file to take home."""
        atlas: Atlas = self._atlases.atlas(shown.framework)
        clips = self.clips(shown.framework, request)
        return plotted(atlas, shown.strategy, clips, everything, shown.refitted)

    def _make_payload(self, framework: str) -> dict[str, Any]:
        return atlas_map.payload(self._atlases.atlas(framework))


def strategy_of(framework: str, modules: Sequence[str], sharp: bool) -> str:
    """The strategy with these modules on, in the order of its name."""
    if sharp:
        return SHARP
    return "+".join(name for _, name in MODULES[framework] if name in modules) or BEFORE


def modules_of(framework: str, strategy: str) -> list[str]:
    """Which modules a strategy has on."""
    names = [name for _, name in MODULES[framework]]
    return names if strategy == SHARP else [name for name in names if name in strategy.split("+")]


def full(framework: str) -> str:
    """The strategy with every module on."""
    return strategy_of(framework, [name for _, name in MODULES[framework]], sharp=False)


def name_of(request: gr.Request | None) -> str | None:
    """The name of a request's visit."""
    return None if request is None else visit_name(request.cookies)
