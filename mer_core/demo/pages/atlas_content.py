"""What the page "Alignment atlas" shows for a visitor's selection: map, panels, clips, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypedDict

import gradio as gr

from mer_core.atlas.clip_id import ClipId, Origin
from mer_core.atlas.collection import Atlas
from mer_core.atlas.plotted import Plotted
from mer_core.atlas.visitor import VisitorClip, stars, with_origins
from mer_core.demo.components import atlas_map
from mer_core.demo.components.map_story import named_places, story
from mer_core.demo.engine import Engine
from mer_core.demo.panels import notes
from mer_core.demo.panels.comparison import comparison
from mer_core.demo.panels.distributions import distributions_view
from mer_core.demo.panels.instances import instances_view
from mer_core.demo.panels.neighbours import neighbours_panel
from mer_core.demo.panels.own_pairs import own_pairs
from mer_core.demo.panels.strategy_metrics import metrics_table
from mer_core.demo.panels.tokens import tokens_view
from mer_core.demo.sections.exports import plotted
from mer_core.demo.sections.refit_maps import RefitMaps
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.background import Background
from mer_core.demo.services.openings import Judge, Opening, Openings
from mer_core.demo.services.shipped_clips import GONE, ShippedClips
from mer_core.demo.session import KEPT_MINUTES, Visit, visit_name
from mer_core.frameworks.descriptor import BEFORE

STORAGE = (
    "Clips that you analyse on the other pages appear here, up to 20 of them. They stay in the "
    f"server's memory until you remove them or have been away for {KEPT_MINUTES} minutes."
)
NO_COOKIE = (
    "Your browser blocks this site's cookie, so clips from the other pages cannot appear here."
)


class Panels(TypedDict, total=False):
    """HTML of the panels below the map."""

    metrics: str
    neighbours: str
    distributions: str
    tokens: str
    instances: str
    own: str
    comparison: str


@dataclass(frozen=True, eq=False)
class Selection:
    """What a visitor has chosen to look at.

    Attributes:
        framework: Whose atlas.
        strategy: On the right map.
        pairs: Selected rows of the reference.
        refit: The visitor's refitted maps, or None.
        left: Strategy on the left map.
    """

    framework: str
    strategy: str
    pairs: Sequence[int] = ()
    refit: RefitMaps | None = None
    left: str = BEFORE

    @property
    def sides(self) -> dict[str, str]:
        """`before` and `after`, the left and the right side → the strategy on it."""
        return {"before": self.left, "after": self.strategy}

    @property
    def active_refit(self) -> RefitMaps | None:
        """The refitted maps if their strategy is on one of the two sides, else None."""
        refit = self.refit
        if refit is None or refit.framework != self.framework:
            return None
        return refit if refit.strategy in self.sides.values() else None


class AtlasContent:
    """Stores nothing of any visitor; their clips come from the visits, by the request's cookie.

    `measured` is to be started once the page is open: then another strategy is shown at once.

    Args:
        atlases: Maps, heads and visits.
        engine: The model, which reads examples.
    """

    def __init__(self, atlases: Atlases, engine: Engine) -> None:
        self._atlases = atlases
        self._shipped, self._openings = ShippedClips(atlases, engine), Openings()
        self.reference = cache(self._reference)
        self.measured = Background(self._measure, "measures of the maps")

    def visit(self, request: gr.Request | None) -> Visit:
        """The visit that a request belongs to."""
        return self._atlases.visits.get(visit_of(request))

    def clips(self, framework: str, request: gr.Request | None = None) -> tuple[VisitorClip, ...]:
        """The visitor's clips in a framework's atlas."""
        return self.visit(request).of(framework)

    def find(self, chosen: str, request: gr.Request | None = None) -> VisitorClip:
        """A clip of the visitor's, or an example, that can be judged again.

        Args:
            chosen: A clip's id in its string form, as a dropdown sends it.
            request: Whose clips.

        Raises:
            ValueError: There is none; in words for a visitor.
        """
        clip_id = parse_id(chosen)
        if clip_id is not None and clip_id.origin is Origin.EXAMPLE:
            return self._shipped.find(clip_id)
        for clip in self.visit(request).clips:
            if clip.id == clip_id and clip.reading is not None:
                return clip
        raise ValueError(GONE)

    def store_changed(self, clip: VisitorClip | None, request: gr.Request | None) -> None:
        """Put the lab's clip on the maps, or remove it."""
        self._atlases.visits.set_changed(visit_of(request), clip)

    def changed(self, request: gr.Request | None) -> VisitorClip | None:
        """What the lab changed last."""
        return self.visit(request).changed

    def opening(self, framework: str, judge: Judge) -> Opening | None:
        """What the lab begins with.

        Raises:
            ValueError: Clips cannot be judged; in words for a visitor.
        """
        ids = [clip_id for _, clip_id in self._shipped.choices(framework)]
        return self._openings.of(framework, map(self._shipped.find, ids), judge)

    def view(
        self, selection: Selection, clips: Sequence[VisitorClip], chosen: str | None = None
    ) -> dict[str, Any]:
        """The map component's small property; all of `clips` have stars.

        Args:
            selection: What to look at.
            clips: Of the visitor, and the one changed in the lab.
            chosen: Id of the clip that the sentence beside the maps is about, in its string form;
                the latest one where it is none of `clips`.
        """
        atlas = self._atlases.atlas(selection.framework)
        refit, left, strategy = selection.active_refit, selection.left, selection.strategy
        fitted = {} if refit is None else refit.maps
        maps = [fitted.get(n, atlas.charts[n].map) for n in (left, strategy)] if fitted else ()
        told = story(atlas, strategy, clips, _chosen(clips, chosen), maps, left)
        redrawn = None if refit is None else _redrawn(atlas, refit, clips, selection.sides)
        return atlas_map.view(strategy, clips, stars(atlas, clips), redrawn, atlas, told, left)

    def panels(
        self,
        selection: Selection,
        clips: Sequence[VisitorClip],
        stars: Sequence[VisitorClip] | None = None,
    ) -> Panels:
        """Every panel below the map.

        Args:
            selection: What is shown.
            clips: The visitor's.
            stars: The same and one that is changed in the lab, which only the comparison names.
        """
        framework, strategy = selection.framework, selection.strategy
        atlas = self._atlases.atlas(framework)
        return {
            "metrics": metrics_table(self._atlases.ablation(framework), strategy, atlas.mixing),
            "neighbours": neighbours_panel(atlas, strategy, clips),
            "distributions": distributions_view(atlas, strategy),
            "tokens": self.tokens(clips[-1] if clips else None, strategy),
            "instances": instances_view(atlas, strategy, clips, selection.pairs),
            "own": own_pairs(clips, strategy),
            "comparison": comparison(
                self._atlases.ablation(framework), selection.left, strategy, stars or clips
            ),
        }

    def instances(self, selection: Selection, request: gr.Request | None) -> str:
        """The one panel that depends on the selected pairs."""
        atlas = self._atlases.atlas(selection.framework)
        clips = self.clips(selection.framework, request)
        return instances_view(atlas, selection.strategy, clips, selection.pairs)

    def note(self, framework: str, request: gr.Request | None) -> str:
        """The line below the visitor's clips."""
        problem = self._atlases.problem(framework)
        if not problem and visit_of(request) is None:
            problem = NO_COOKIE
        return notes.hint(problem or STORAGE)

    def clip_choices(self, framework: str, request: gr.Request | None) -> list[tuple[str, str]]:
        """(name, id) of the visitor's clips, the latest first."""
        return [(clip.name, str(clip.id)) for clip in reversed(self.clips(framework, request))]

    def lab_choices(self, framework: str, request: gr.Request | None) -> list[tuple[str, str]]:
        """(name, id) of clips that the lab can change: the visitor's, then the examples."""
        clips = reversed(self.clips(framework, request))
        own = [(clip.name, clip.id) for clip in clips if clip.reading is not None]
        return [(name, str(id_)) for name, id_ in own + self._shipped.choices(framework)]

    def add_example(self, framework: str, request: gr.Request | None) -> None:
        """Put an example on the maps."""
        self._shipped.add(framework, visit_of(request))

    def remove(self, framework: str, chosen: str, request: gr.Request | None) -> None:
        """Delete one clip by its id's string form, or all of a framework's if it is empty."""
        clip_ids = [clip.id for clip in self.clips(framework, request)]
        if chosen:
            clip_ids = [clip_id for clip_id in clip_ids if clip_id == parse_id(chosen)]
        self._atlases.visits.remove(visit_of(request), clip_ids)

    def exported(
        self, selection: Selection, all_strategies: bool, request: gr.Request
    ) -> list[Plotted]:
        """The maps of a file to download."""
        atlas = self._atlases.atlas(selection.framework)
        stars = self.visit(request).stars(selection.framework)
        return plotted(
            atlas, selection.strategy, stars, all_strategies, selection.active_refit,
            selection.left,
        )  # fmt: skip

    def _measure(self) -> None:
        """What is said of every map without clips, which is kept: later views then take no time."""
        for framework in self._atlases.frameworks:
            atlas = self._atlases.atlas(framework)
            for strategy in atlas.charts:
                story(atlas, strategy, (), None)

    def tokens(self, clip: VisitorClip | None, strategy: str) -> str:
        """The one panel that judges a clip again."""
        found = {} if clip is None else self._atlases.occlusions(clip, strategy)
        return tokens_view(clip, strategy, found)

    def _reference(self, framework: str) -> dict[str, Any]:
        """The map component's large property."""
        return atlas_map.payload(self._atlases.atlas(framework))


def _redrawn(
    atlas: Atlas, refit: RefitMaps, clips: Sequence[VisitorClip], sides: Mapping[str, str]
) -> dict[str, atlas_map.Redrawn]:
    """The refitted maps as the component takes them, on the sides that show their strategies."""
    positions = refit.stars(atlas, with_origins(clips))
    return {
        side: atlas_map.Redrawn(
            refit.maps[strategy].points, positions[strategy], refit.title,
            refit.maps[strategy].preserved,
            named_places(atlas.charts[strategy].reference, refit.maps[strategy].points),
        )
        for side, strategy in sides.items()
        if strategy in refit.maps
    }  # fmt: skip


def _chosen(clips: Sequence[VisitorClip], chosen: str | None) -> VisitorClip | None:
    """The chosen clip, or else the latest that is not a changed one."""
    unchanged = [clip for clip in clips if not clip.changed]
    named = [clip for clip in unchanged if str(clip.id) == chosen]
    return next(reversed(named or unchanged), None)


def parse_id(chosen: str) -> ClipId | None:
    """The id that a dropdown sent, or None if it is none."""
    try:
        return ClipId.parse(chosen)
    except ValueError:
        return None


def visit_of(request: gr.Request | None) -> str | None:
    """The name of a request's visit."""
    return None if request is None else visit_name(request.cookies)
