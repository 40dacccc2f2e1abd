"""What the map's component sends to the page, unpacked by an independent reader."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mer_core.atlas.analysis.regions import regions_of
from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.visitor import VisitorClip, stars
from mer_core.demo import theme
from mer_core.demo.components import atlas_map
from mer_core.frameworks.descriptor import strategy_title
from mer_core.frameworks.variants import Terms
from mer_core.types import Prediction
from tests.atlas.conftest import make_map, make_reference
from tests.demo.clip_ids import recorded


def made(each: int = 15, strategies: int = 3) -> Atlas:
    names = ("none", "distribution+token", "sharp", *(f"more{i}" for i in range(9)))[:strategies]
    charts = {}
    for seed, name in enumerate(names):
        reference = make_reference(each, seed=seed)
        charts[name] = Chart(reference, make_map(reference))
    return Atlas("mgcma", charts, {})


@pytest.fixture
def atlas() -> Atlas:
    return made()


@pytest.fixture
def clip(atlas: Atlas) -> VisitorClip:
    predictions = {
        name: Prediction(
            "neutral" if name == "none" else "sad", {}, {},
            embeddings_after={"speech": chart.reference.embeddings["speech"][3]},
        )
        for name, chart in atlas.charts.items()
    }  # fmt: skip
    return VisitorClip(recorded("ab"), "Clip 7: <b>hello</b>", "mgcma", predictions, number=7)


def numbers(text: str, kind: str) -> np.ndarray:
    raw = base64.b64decode(text)
    return np.array(struct.unpack(f"<{len(raw) // struct.calcsize(kind)}{kind}", raw))


def positions(text: str, extent: Any) -> np.ndarray:
    steps = numbers(text, "h").reshape(-1, 2)
    low, high = np.array(extent[:2]), np.array(extent[2:])
    return low + (steps + 32_767) / 65_534 * (high - low)


def test_positions_come_back_within_a_step(atlas: Atlas) -> None:
    sent = atlas_map.payload(atlas)
    x0, y0, x1, y1 = sent["extent"]
    for name, chart in atlas.charts.items():
        decoded = positions(sent["strategies"][name]["xy"], sent["extent"])
        step = max(x1 - x0, y1 - y0) / 65_534
        assert np.abs(decoded - chart.map.points).max() <= 0.51 * step


def test_labels_corpora_and_distances_come_back(atlas: Atlas) -> None:
    sent = atlas_map.payload(atlas)
    reference = atlas.charts["sharp"].reference
    assert numbers(sent["labels"], "B").tolist() == reference.labels.tolist()
    for codes, modality in zip(sent["corpora"]["codes"], sent["modalities"], strict=True):
        named = [sent["corpora"]["names"][code] for code in numbers(codes, "B")]
        assert named == list(reference.corpora[modality])
    distances = numbers(sent["strategies"]["sharp"]["distance"], "H") * 2 / 65_535
    for pair, distance in enumerate(distances):
        first, second = (vectors[pair].astype(float) for vectors in reference.embeddings.values())
        cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
        assert distance == pytest.approx(1 - cosine, abs=1e-4)


def test_a_whole_framework_stays_small() -> None:
    sent = atlas_map.payload(made(each=250, strategies=9))
    assert len(json.dumps(sent)) < 250_000


def test_only_one_framework_is_named_and_no_group(atlas: Atlas) -> None:
    assert "speaker" not in json.dumps(atlas_map.payload(atlas))


@pytest.mark.parametrize(("mode", "card"), [("light", theme.LIGHT_CARD), ("dark", theme.DARK_CARD)])
def test_dots_can_be_seen_and_told_apart(atlas: Atlas, mode: str, card: str) -> None:
    for lead, partner in atlas_map.payload(atlas)["colours"][mode]:
        assert theme.contrast(lead, card) >= 3
        assert theme.contrast(partner, card) >= 1.6
        assert theme.contrast(lead, partner) >= 1.5
        assert theme.contrast(lead, "#FFFFFF") > theme.contrast(partner, "#FFFFFF")


def test_a_view_holds_each_clip_on_every_map(atlas: Atlas, clip: VisitorClip) -> None:
    sent = atlas_map.view("sharp", [clip], stars(atlas, [clip]))
    (visitor,) = sent["visitors"]
    assert sent["strategy"] == "sharp"
    assert (visitor["id"], visitor["number"]) == ("recorded/mgcma/ab", "7")
    assert visitor["name"] == "Clip 7: <b>hello</b>"  # the page sets it as text
    assert visitor["emotion"] == {"none": "neutral", "distribution+token": "sad", "sharp": "sad"}
    for name, chart in atlas.charts.items():
        vector = chart.reference.embeddings["speech"][3]
        assert list(visitor["points"][name]) == ["speech"]
        placed = chart.placer.place(vector[None])[0]
        assert visitor["points"][name]["speech"] == pytest.approx(placed, abs=1e-4)
    assert len(json.dumps(sent)) < 1500


def test_a_number_is_the_clips_own_and_a_prime_marks_a_changed_one() -> None:
    numbered = [(12, False), (3, False), (3, True), (None, True), (None, False)]
    clips = [
        VisitorClip(recorded(str(number), changed=changed), "Clip 4", "mgcma", {}, number=number)
        for number, changed in numbered
    ]
    sent = atlas_map.view("none", clips)
    assert [v["number"] for v in sent["visitors"]] == ["12", "3", "3′", "′", ""]


def test_a_refit_brings_its_own_extent(atlas: Atlas) -> None:
    points = 50 * atlas.charts["sharp"].map.points
    shown = atlas_map.Redrawn(points, {recorded("ab"): {"speech": (1.0, 2.0)}}, "Refitted")
    sent = atlas_map.view("sharp", redrawn={"after": shown})["refit"]["after"]
    assert np.abs(positions(sent["xy"], sent["extent"]) - points).max() < 1e-2
    assert sent["points"] == {"recorded/mgcma/ab": {"speech": [1.0, 2.0]}}


@pytest.mark.parametrize(
    ("strategy", "papers", "plain"),
    [
        ("none", "No alignment", "No alignment"),
        ("token", "Token", "Match moments"),
        ("avel+mem", "AVEL + MEM", "Match emotions + spot mismatches"),
        ("distribution+token", "Distribution + token", "Match whole emotions + moments"),
        ("sharp", "All, sharp temperature", "Sharp: sorts well, stays apart"),
    ],
)
def test_titles(strategy: str, papers: str, plain: str) -> None:
    assert strategy_title(strategy, Terms.PAPERS) == papers
    assert strategy_title(strategy) == strategy_title(strategy, Terms.PLAIN) == plain


def test_both_titles_and_the_named_places_of_every_map_are_sent(atlas: Atlas) -> None:
    sent = atlas_map.payload(atlas)
    assert sent["nouns"] == [{"one": "voice", "many": "voices"}, {"one": "words", "many": "words"}]
    for name, chart in atlas.charts.items():
        shown = sent["strategies"][name]
        assert shown["title"] == strategy_title(name)
        assert shown["papers"] == strategy_title(name, Terms.PAPERS)
        regions = regions_of(chart.reference, chart.map.points)
        assert len(shown["places"]) == len(regions) > 0
        for place, region in zip(shown["places"], regions, strict=True):
            assert place["at"] == pytest.approx(region.at, abs=1e-4)
            names = {f"{sent['emotions'][g % 4]} {g // 4}" for g in place["groups"]}
            halves = (("speech", "text").index(m) for m in region.modalities)
            assert names == {f"{region.emotion} {half}" for half in halves}


def test_each_half_is_sent_with_the_category_of_its_own(atlas: Atlas) -> None:
    angry, happy = {"angry": 0.9, "happy": 0.1}, {"angry": 0.2, "happy": 0.8}
    vectors = {"speech": np.ones(8, np.float32), "text": np.arange(8, dtype=np.float32)}
    judged = {
        "both": Prediction("angry", angry, {"speech": angry, "text": happy, "both": angry}),
        "unknown": Prediction("angry", angry, {}),
        "lone": Prediction("happy", happy, {"speech": None}),
    }
    clips = [
        VisitorClip(
            recorded(name), name, "mgcma",
            {"none": replace(one, embeddings_after=(
                {"text": vectors["text"]} if name == "lone" else vectors
            ))},
        )
        for name, one in judged.items()
    ]  # fmt: skip
    both, unknown, lone = atlas_map.view("none", clips)["visitors"]
    assert both["halves"]["none"] == {"speech": "angry", "text": "happy"}
    assert unknown["halves"]["none"] == {"speech": None, "text": None}  # not the category of both
    assert lone["halves"]["none"] == {"text": "happy"}  # the words alone are all there is


def test_an_update_changes_one_property() -> None:
    assert atlas_map.update(view={"strategy": "none"}) == {
        "view": {"strategy": "none"}, "__type__": "update",
    }  # fmt: skip
    with pytest.raises(ValueError, match="points"):
        atlas_map.update(points=[])


def test_the_component_names_nothing_of_elsewhere() -> None:
    made_html = (theme.STATIC / "atlas_map.html").read_text("utf-8")
    style = (theme.STATIC / "styles" / "atlas_map.css").read_text("utf-8")
    for content in (made_html, style, atlas_map.script()):
        assert "://" not in content
    # Gradio reads the template as a JavaScript template literal and as Handlebars.
    assert not [mark for mark in ("`", "${", "{{") if mark in made_html]
    assert atlas_map.plotly_js().is_file()


def test_colours_are_variables() -> None:
    style = (theme.STATIC / "styles" / "atlas_map.css").read_text("utf-8")
    assert "#" not in style
