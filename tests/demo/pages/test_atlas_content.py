"""From choices on the page to strategies, maps and panels."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from mer_core.atlas.analysis import movers
from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.fitting.refit import Refitted
from mer_core.atlas.maps import MapParams
from mer_core.atlas.visitor import VisitorClip
from mer_core.checkpoints.shipped import ATLAS
from mer_core.demo.components import map_story
from mer_core.demo.components.map_story import named_places
from mer_core.demo.engine import Analysis
from mer_core.demo.pages import atlas_content
from mer_core.demo.pages.atlas_content import AtlasContent, Selection
from mer_core.demo.pages.atlas_events import (
    PLAIN,
    AtlasEvents,
    full_strategy,
    strategy_of,
    switch_choices,
    switched_on,
    variant_choices,
    variant_of,
)
from mer_core.demo.sections.exports import file_bytes
from mer_core.demo.sections.refit_maps import RefitMaps
from mer_core.demo.services.background import LoadState
from mer_core.demo.session import Visits
from mer_core.frameworks.descriptor import DESCRIPTORS
from mer_core.frameworks.variants import Terms
from mer_core.types import Occlusions, Prediction
from tests.atlas.conftest import make_map, make_reference
from tests.demo.clip_ids import recorded

STRATEGIES = ("none", "token", "distribution+token+instance", "sharp")
ANN = gr.Request(cookies={"attune_visit": "a" * 32})
BOB = gr.Request(cookies={"attune_visit": "b" * 32})
SAID = Prediction("happy", {"happy": 1.0}, {}, framework="mgcma")


def id_of(key: str) -> str:
    """A clip's id as the browser has it."""
    return str(recorded(key))


def clip(name: str, *modalities: str, reading: Any = "read") -> VisitorClip:
    random = np.random.default_rng(len(name))
    predictions = {
        strategy: Prediction(
            "happy", {"happy": 1.0}, {}, framework="mgcma",
            embeddings_after={m: random.normal(size=8).astype(np.float32) for m in modalities},
        )
        for strategy in STRATEGIES
    }  # fmt: skip
    return VisitorClip(recorded(name), f"Clip {name}", "mgcma", predictions, reading)


def found(after: float) -> Occlusions:
    without = {"text": np.array([after, 0.8], np.float32)}
    return Occlusions("happy", {"text": 0.8}, ("so", "glad"), without, np.empty(0, np.float32), {})


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

    def judge(self, framework: str, reading: Any) -> tuple[dict[str, Prediction], Any]:
        return dict(clip("example", "speech", "text").predictions), None

    def occlusions(self, clip: VisitorClip, strategy: str) -> dict[str, Occlusions]:
        return {name: found(0.25) for name in ("none", strategy)} if clip.reading else {}

    def problem(self, framework: str) -> str:
        return self.sentence

    def remember(self, visit: str | None, analysis: Analysis) -> None:
        if analysis.prediction.emotion:
            self.visits.add(visit, clip(f"c{self.visits.get(visit).analysed}", "speech"))


@pytest.fixture
def atlases() -> FakeAtlases:
    return FakeAtlases()


@pytest.fixture
def content(atlases: FakeAtlases) -> AtlasContent:
    engine = SimpleNamespace(analyse=lambda audio, text, video: Analysis(SAID, Path(audio).name))
    return AtlasContent(atlases, engine)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("framework", "modules", "variant", "strategy"),
    [
        ("mgcma", [], PLAIN, "none"),
        ("mgcma", ["instance", "distribution"], PLAIN, "distribution+instance"),
        ("mgcma", ["token", "instance", "distribution"], PLAIN, "distribution+token+instance"),
        ("mgcma", ["token"], "sharp", "sharp"),
        ("mgcma", [], "joint-centred", "joint-centred"),
        ("foal_net", ["mem"], PLAIN, "mem"),
        ("foal_net", ["mem", "avel"], PLAIN, "avel+mem"),
    ],
)
def test_modules_name_a_strategy_and_back(
    framework: str, modules: list[str], variant: str, strategy: str
) -> None:
    assert strategy_of(framework, modules, variant) == strategy
    assert variant_of(framework, strategy) == variant
    back = switched_on(framework, strategy)
    everything = set(full_strategy(framework).split("+"))
    assert set(back) == (set(modules) if variant == PLAIN else everything)
    assert strategy_of(framework, back, variant) == strategy


@pytest.mark.parametrize("framework", DESCRIPTORS)
def test_every_shipped_strategy_can_be_chosen(framework: str) -> None:
    """The switches and the variants reach exactly the strategies whose heads ship."""
    names = [name for _, name in switch_choices(framework)]
    subsets = [on for size in range(len(names) + 1) for on in combinations(names, size)]
    shipped = {path.parent.name for path in (ATLAS / framework).glob("*/config.json")}
    variants = [
        name for _, name in variant_choices(framework, Atlas.load(ATLAS / framework).strategies)
    ]
    reached = {strategy_of(framework, on) for on in subsets}
    assert reached | {strategy_of(framework, names, name) for name in variants} == shipped


def test_only_the_variants_of_the_atlas_are_offered() -> None:
    assert [name for _, name in variant_choices("mgcma", ["none", "token"])] == [PLAIN]
    strategies = ["none", "joint-centred", "sharp", "unknown"]
    assert variant_choices("mgcma", strategies)[1:] == [
        ("Sharp: sorts well, stays apart", "sharp"), ("Joint and centred", "joint-centred"),
    ]  # fmt: skip
    assert variant_choices("mgcma", strategies, Terms.PAPERS)[1:] == [
        ("Sharp temperature", "sharp"), ("Joint contrast, centred", "joint-centred"),
    ]  # fmt: skip


def test_a_variant_switches_every_module_on_and_a_module_off_ends_it(
    content: AtlasContent, atlases: FakeAtlases
) -> None:
    events = AtlasEvents(atlases, content)  # type: ignore[arg-type]
    everything = ["distribution", "token", "instance"]
    chosen = events.choose_variant("mgcma", ["token"], "sharp")
    assert (chosen["strategy"], chosen["modules"]) == ("sharp", everything)
    assert "0.07" in chosen["variant"]["info"]
    kept = events.choose_modules("mgcma", everything, "sharp")
    assert (kept["strategy"], kept["variant"]["value"]) == ("sharp", "sharp")
    ended = events.choose_modules("mgcma", everything[1:], "sharp")
    assert (ended["strategy"], ended["variant"]["value"]) == ("token+instance", PLAIN)
    assert ended["variant"]["info"] != chosen["variant"]["info"]
    clicked: Any = SimpleNamespace(strategy="sharp", left="token")
    small_map = events.choose_sides("mgcma", clicked)
    assert (small_map["variant"]["value"], small_map["modules"]) == ("sharp", everything)
    arrived = events.choose_framework("mgcma", papers=False)["variant"]
    assert (arrived["value"], arrived["visible"]) == (PLAIN, True)
    assert [name for _, name in arrived["choices"]] == [PLAIN, "sharp"]


def test_the_terms_name_switches_and_variants_and_change_no_choice(
    content: AtlasContent, atlases: FakeAtlases
) -> None:
    events = AtlasEvents(atlases, content)  # type: ignore[arg-type]
    for papers, terms in ((True, Terms.PAPERS), (False, Terms.PLAIN)):
        changed = events.choose_terms("mgcma", papers)
        arrived = events.choose_framework("mgcma", papers)
        assert changed["modules"]["choices"] == switch_choices("mgcma", terms)
        assert changed["variant"]["choices"] == variant_choices("mgcma", STRATEGIES, terms)
        for name in ("modules", "variant"):
            assert "value" not in changed[name]
            assert arrived[name]["choices"] == changed[name]["choices"]


def test_the_view_holds_stars_of_the_visit_and_of_the_lab(
    content: AtlasContent, atlases: FakeAtlases
) -> None:
    atlases.visits.add("a" * 32, clip("1", "speech", "text"))
    one = clip("1", "speech", "text")
    content.store_changed(replace(one, id=one.id.as_changed()), ANN)
    view = content.view(Selection("mgcma", "token"), content.visit(ANN).stars("mgcma"))
    assert view["strategy"] == "token"
    assert [visitor["id"] for visitor in view["visitors"]] == [id_of("1"), f"{id_of('1')}/changed"]
    assert set(view["visitors"][0]["points"]) == set(STRATEGIES)
    assert view["refit"] == {}
    assert content.clips("mgcma", BOB) == ()
    assert [one.id for one in content.clips("mgcma", ANN)] == [recorded("1")]
    content.store_changed(None, ANN)
    assert content.visit(ANN).stars("mgcma") == content.clips("mgcma", ANN)


def test_after_measuring_no_view_measures_again(
    content: AtlasContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    content.measured.start()
    assert content.measured.wait(60)
    first = content.view(Selection("mgcma", "token"), ())["story"]
    again = pytest.fail  # it was measured before
    monkeypatch.setattr(map_story, "mixing_of", lambda *given: again("mixing"))
    monkeypatch.setattr(movers, "among_nearest", lambda *given: again("neighbours"))
    assert content.view(Selection("mgcma", "token"), ())["story"] == first
    assert content.measured.state is LoadState.READY


def test_the_sentence_beside_the_maps_is_about_the_chosen_clip(
    content: AtlasContent, atlases: FakeAtlases
) -> None:
    clips = [clip("1", "speech", "text"), clip("2", "speech", "text")]
    clips.append(replace(clips[0], id=clips[0].id.as_changed(), name="Changed"))

    def key(chosen: str | None) -> str:
        return str(content.view(Selection("mgcma", "token"), clips, chosen)["story"]["key"])

    assert "Clip 1" in key(id_of("1"))
    for latest in (None, "", "gone", str(clips[2].id)):
        assert "Clip 2" in key(latest)
    assert content.view(Selection("mgcma", "token"), clips[2:])["story"]["key"] == ""


def test_a_refit_is_shown_with_its_own_strategy_alone(
    content: AtlasContent, atlases: FakeAtlases
) -> None:
    chart = atlases.atlas("mgcma").charts["token"]
    refitted = Refitted(chart.map, np.array([[0.5, 0.25]], np.float32))
    maps = RefitMaps(
        "mgcma", "token", MapParams(7), refitted, refitted, ((recorded("1"), "speech"),)
    )
    on = [clip("1", "speech")]
    view = content.view(Selection("mgcma", "token", refit=maps), on)
    assert set(view["refit"]) == {"before", "after"}
    assert view["refit"]["after"]["points"] == {id_of("1"): {"speech": [0.5, 0.25]}}
    assert "7 neighbours" in view["refit"]["after"]["title"]
    assert view["refit"]["after"]["places"] == named_places(chart.reference, chart.map.points)
    assert content.view(Selection("mgcma", "none", refit=maps), on)["refit"] == {}


def test_clips_are_listed_removed_and_found_by_their_own_visitor(
    content: AtlasContent, atlases: FakeAtlases
) -> None:
    for one in (clip("1", "speech"), clip("2", "text"), clip("3", "text", reading=None)):
        atlases.visits.add("a" * 32, one)
    own = content.clip_choices("mgcma", ANN)
    assert own == [(f"Clip {name}", id_of(name)) for name in "321"]
    lab = content.lab_choices("mgcma", ANN)
    assert lab[:2] == own[1:]  # what is not stored cannot be changed
    assert lab[2][0].startswith("Example: ")
    assert content.find(id_of("2"), ANN) is atlases.visits.get("a" * 32).clips[1]
    for chosen, request in ((id_of("2"), BOB), (id_of("3"), ANN), ("nonsense", ANN)):
        with pytest.raises(ValueError, match="no longer here"):
            content.find(chosen, request)
    content.remove("mgcma", id_of("2"), BOB)
    assert len(content.clips("mgcma", ANN)) == 3
    content.remove("mgcma", id_of("2"), ANN)
    assert [one.id for one in content.clips("mgcma", ANN)] == [recorded("1"), recorded("3")]
    content.remove("mgcma", "", ANN)
    assert content.clips("mgcma", ANN) == ()


def test_the_note_says_why_clips_cannot_be_placed(
    content: AtlasContent, atlases: FakeAtlases
) -> None:
    assert atlas_content.STORAGE.split(".")[0] in content.note("mgcma", ANN)
    assert "blocks this site&#x27;s cookie" in content.note("mgcma", gr.Request(cookies={}))
    atlases.sentence = "Another model runs here."
    assert "Another model runs here." in content.note("mgcma", ANN)


@pytest.mark.parametrize(("all_strategies", "maps"), [(False, 2), (True, len(STRATEGIES))])
def test_exports_hold_the_maps_and_the_visitors_own_clips(
    content: AtlasContent, atlases: FakeAtlases, all_strategies: bool, maps: int
) -> None:
    atlases.visits.add("a" * 32, clip("1", "speech", "text"))
    shown = content.exported(Selection("mgcma", "sharp"), all_strategies, ANN)
    rows = list(csv.DictReader(io.StringIO(file_bytes("csv", shown, all_strategies).decode())))
    assert len(rows) == maps * (2 * 60 + 2)
    assert len({row["strategy"] for row in rows}) == maps
    assert sum(row["corpus"] == "visitor" for row in rows) == 2 * maps
    assert file_bytes("parquet", shown, all_strategies).startswith(b"PAR1")
    assert file_bytes("svg", shown, all_strategies).startswith(b"<?xml")
    with pytest.raises(ValueError, match="no format 'gif'"):
        file_bytes("gif", shown, all_strategies)


def test_refitted_maps_are_exported(content: AtlasContent, atlases: FakeAtlases) -> None:
    for name in ("1", "late"):
        atlases.visits.add("a" * 32, clip(name, "speech"))
    charts = atlases.atlas("mgcma").charts
    before = Refitted(charts["sharp"].map, np.array([[0.1, 0.2]], np.float32))
    after = Refitted(charts["none"].map, np.array([[0.5, 0.25]], np.float32))
    maps = RefitMaps("mgcma", "token", MapParams(7), before, after, ((recorded("1"), "speech"),))
    first, second = content.exported(Selection("mgcma", "token", refit=maps), False, ANN)
    assert (first.map, second.map) == (before.map, after.map)
    assert [visitor.name for visitor in second.visitors] == ["Clip 1", "Clip late"]
    assert second.visitors[0].places == {"speech": (0.5, 0.25)}
    stored = content.exported(Selection("mgcma", "none", refit=maps), False, ANN)
    assert stored[0].map is charts["none"].map
    assert len(content.exported(Selection("mgcma", "token", refit=maps), True, ANN)) == 4


def test_tokens_of_a_clip_are_shown_before_and_under_the_strategy(content: AtlasContent) -> None:
    tokens = content.tokens(clip("own", "text"), "token")
    assert "Clip own" in tokens
    assert tokens.count("80 → 25% happy") == 2
    assert "too short, or too long" in content.tokens(clip("own", "text", reading=None), "token")
    assert "Analyse a clip" in content.tokens(None, "token")
