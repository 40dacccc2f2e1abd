"""From choices on the page to strategies, maps and panels."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.fitting.refit import Refitted
from mer_core.atlas.maps import MapParams
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.engine import Examined
from mer_core.demo.pages import atlas_handlers
from mer_core.demo.pages.atlas_handlers import AtlasHandlers, Shown, full, modules_of, strategy_of
from mer_core.demo.sections.exports import file_of
from mer_core.demo.sections.refitting import RefitMaps
from mer_core.demo.session import Visits
from mer_core.types import Prediction
from tests.atlas.conftest import make_map, make_reference

STRATEGIES = ("none", "token", "distribution+token+instance", "sharp")
ANN = gr.Request(cookies={"attune_visit": "a" * 32})
BOB = gr.Request(cookies={"attune_visit": "b" * 32})
SAID = Prediction("happy", {"happy": 1.0}, {}, framework="mgcma")


def clip(name: str, *modalities: str, reading: Any = "read") -> VisitorClip:
    random = np.random.default_rng(len(name))
    predictions = {
        strategy: Prediction(
            "happy", {"happy": 1.0}, {}, framework="mgcma",
            embeddings_after={m: random.normal(size=8).astype(np.float32) for m in modalities},
        )
        for strategy in STRATEGIES
    }  # fmt: skip
    return VisitorClip(name, f"Clip {name}", "mgcma", predictions, reading)


class FakeAtlases:
    """An atlas without files, and clips that are put on it by hand."""

    frameworks = ("mgcma",)

    def __init__(self) -> None:
        self.visits = Visits()
        charts = {}
        for seed, name in enumerate(STRATEGIES):
            reference = make_reference(seed=seed)
            charts[name] = Chart(reference, make_map(reference))
        self._atlas = Atlas("mgcma", charts, {})
        self.sentence = ""

    def atlas(self, framework: str) -> Atlas:
        assert framework == "mgcma"
        return self._atlas

    def score(self, framework: str, reading: Any) -> dict[str, Prediction]:
        return dict(clip("example", "speech", "text").predictions)

    def trouble(self, framework: str) -> str:
        return self.sentence

    def remember(self, visit: str | None, examined: Examined) -> None:
        if examined.prediction.emotion:
            self.visits.add(visit, clip(f"c{self.visits.get(visit).analysed}", "speech"))


@pytest.fixture
def atlases() -> FakeAtlases:
    return FakeAtlases()


@pytest.fixture
def handlers(atlases: FakeAtlases) -> AtlasHandlers:
    engine = SimpleNamespace(examine=lambda audio, text, video: Examined(SAID, Path(audio).name))
    return AtlasHandlers(atlases, engine)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("framework", "modules", "sharp", "strategy"),
    [
        ("mgcma", [], False, "none"),
        ("mgcma", ["instance", "distribution"], False, "distribution+instance"),
        ("mgcma", ["token", "instance", "distribution"], False, "distribution+token+instance"),
        ("mgcma", ["token"], True, "sharp"),
        ("foal_net", ["mem"], False, "mem"),
        ("foal_net", ["mem", "avel"], False, "avel+mem"),
    ],
)
def test_modules_name_a_strategy_and_back(
    framework: str, modules: list[str], sharp: bool, strategy: str
) -> None:
    assert strategy_of(framework, modules, sharp) == strategy
    back = modules_of(framework, strategy)
    assert set(back) == (set(full(framework).split("+")) if sharp else set(modules))
    assert strategy_of(framework, back, sharp) == strategy


def test_every_shipped_strategy_can_be_chosen(tmp_path: Path) -> None:
    """The page's modules are the switches that training knows."""
    from train.ablation.strategies import SWITCHES

    for framework, switches in SWITCHES.items():
        assert modules_of(framework, full(framework)) == list(switches.names)


def test_the_view_holds_stars_of_the_visit_and_of_the_lab(
    handlers: AtlasHandlers, atlases: FakeAtlases
) -> None:
    atlases.visits.add("a" * 32, clip("1", "speech", "text"))
    handlers.keep(clip("1~lab", "speech", "text"), ANN)
    view = handlers.view(Shown("mgcma", "token"), handlers.visit(ANN).shown("mgcma"))
    assert view["strategy"] == "token"
    assert [visitor["id"] for visitor in view["visitors"]] == ["1", "1~lab"]
    assert set(view["visitors"][0]["points"]) == set(STRATEGIES)
    assert view["refit"] == {}
    assert handlers.clips("mgcma", BOB) == ()
    assert [one.id for one in handlers.clips("mgcma", ANN)] == ["1"]
    handlers.keep(None, ANN)
    assert handlers.visit(ANN).shown("mgcma") == handlers.clips("mgcma", ANN)


def test_a_refit_is_shown_on_its_own_strategy_alone(
    handlers: AtlasHandlers, atlases: FakeAtlases
) -> None:
    chart = atlases.atlas("mgcma").charts["token"]
    refitted = Refitted(chart.map, np.array([[0.5, 0.25]], np.float32))
    maps = RefitMaps("mgcma", "token", MapParams(7), refitted, refitted, (("1", "speech"),))
    on = [clip("1", "speech")]
    view = handlers.view(Shown("mgcma", "token", refit=maps), on)
    assert set(view["refit"]) == {"before", "after"}
    assert view["refit"]["after"]["points"] == {"1": {"speech": [0.5, 0.25]}}
    assert "7 neighbours" in view["refit"]["after"]["title"]
    assert handlers.view(Shown("mgcma", "none", refit=maps), on)["refit"] == {}


def test_clips_are_listed_removed_and_found_by_their_own_visitor(
    handlers: AtlasHandlers, atlases: FakeAtlases
) -> None:
    for one in (clip("1", "speech"), clip("2", "text"), clip("3", "text", reading=None)):
        atlases.visits.add("a" * 32, one)
    own = handlers.clip_choices("mgcma", ANN, examples=False)
    assert own == [("Clip 3", "3"), ("Clip 2", "2"), ("Clip 1", "1")]
    lab = handlers.clip_choices("mgcma", ANN, examples=True)
    assert lab[:2] == [("Clip 2", "2"), ("Clip 1", "1")]  # what is not kept cannot be changed
    assert lab[2][0].startswith("Example: ")
    assert handlers.find("2", ANN) is atlases.visits.get("a" * 32).clips[1]
    for chosen, request in (("2", BOB), ("3", ANN)):
        with pytest.raises(ValueError, match="no longer here"):
            handlers.find(chosen, request)
    handlers.remove("mgcma", "2", BOB)
    assert len(handlers.clips("mgcma", ANN)) == 3
    handlers.remove("mgcma", "2", ANN)
    assert [one.id for one in handlers.clips("mgcma", ANN)] == ["1", "3"]
    handlers.remove("mgcma", None, ANN)
    assert handlers.clips("mgcma", ANN) == ()


def test_the_note_says_why_clips_cannot_be_placed(
    handlers: AtlasHandlers, atlases: FakeAtlases
) -> None:
    assert atlas_handlers.KEPT.split(".")[0] in handlers.note("mgcma", ANN)
    assert "keeps no cookie" in handlers.note("mgcma", gr.Request(cookies={}))
    atlases.sentence = "Another model runs here."
    assert "Another model runs here." in handlers.note("mgcma", ANN)


@pytest.mark.parametrize(("everything", "maps"), [(False, 2), (True, len(STRATEGIES))])
def test_exports_hold_the_maps_and_the_visitors_own_clips(
    handlers: AtlasHandlers, atlases: FakeAtlases, everything: bool, maps: int
) -> None:
    atlases.visits.add("a" * 32, clip("1", "speech", "text"))
    shown = handlers.exported(Shown("mgcma", "sharp"), everything, ANN)
    rows = list(csv.DictReader(io.StringIO(file_of("csv", shown, everything).decode())))
    assert len(rows) == maps * (2 * 60 + 2)
    assert len({row["strategy"] for row in rows}) == maps
    assert sum(row["corpus"] == "visitor" for row in rows) == 2 * maps
    assert file_of("parquet", shown, everything).startswith(b"PAR1")
    assert file_of("svg", shown, everything).startswith(b"<?xml")
    with pytest.raises(ValueError, match="no format 'gif'"):
        file_of("gif", shown, everything)


def test_what_was_refitted_is_what_is_exported(
    handlers: AtlasHandlers, atlases: FakeAtlases
) -> None:
    for name in ("1", "late"):
        atlases.visits.add("a" * 32, clip(name, "speech"))
    charts = atlases.atlas("mgcma").charts
    before = Refitted(charts["sharp"].map, np.array([[0.1, 0.2]], np.float32))
    after = Refitted(charts["none"].map, np.array([[0.5, 0.25]], np.float32))
    maps = RefitMaps("mgcma", "token", MapParams(7), before, after, (("1", "speech"),))
    first, second = handlers.exported(Shown("mgcma", "token", refit=maps), False, ANN)
    assert (first.map, second.map) == (before.map, after.map)
    assert [visitor.name for visitor in second.visitors] == ["Clip 1", "Clip late"]
    assert second.visitors[0].places == {"speech": (0.5, 0.25)}
    stored = handlers.exported(Shown("mgcma", "none", refit=maps), False, ANN)
    assert stored[0].map is charts["none"].map
    assert len(handlers.exported(Shown("mgcma", "token", refit=maps), True, ANN)) == 4
