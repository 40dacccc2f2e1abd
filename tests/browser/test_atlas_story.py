"""What the maps say in words and marks, on a made-up atlas of 1000 pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mer_core.atlas.analysis.movers import moved_points
from mer_core.atlas.analysis.regions import regions_of
from mer_core.demo.panels.apart import on_line
from tests.browser.actions import until
from tests.browser.map_actions import FIRST, LAST, READY, on_map, points, spot, wait_for_rest
from tests.browser.serve_atlas import made_up, visitors

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Any]
NOUNS = {"speech": "voices", "text": "words"}


def written(page: Any, side: int) -> dict[str, tuple[float, float]]:
    """Text → where its middle is on the stage, in pixels."""
    return {one["text"]: tuple(one["at"]) for one in on_map(page, f"map.texts[{side}]")}


def test_places_are_named_where_they_are(page: Any) -> None:
    chart = made_up().charts["none"]
    stage = page.locator(".at-map-stage").bounding_box()
    found = written(page, 0)
    named = 0
    for region in regions_of(chart.reference, chart.map.points):
        nouns = " and ".join(NOUNS[modality] for modality in region.modalities)
        if at := found.get(f"{region.emotion} {nouns}"):
            x, y = spot(page, region.at, 0)
            assert abs(stage["x"] + at[0] - x) < 150  # a name of two modalities is wide
            assert abs(stage["y"] + at[1] - y) < 60
            named += 1
    assert named >= 3


def test_names_overlap_neither_each_other_nor_stars(page: Any) -> None:
    for side in (0, 1):
        middles = np.array(list(written(page, side).values()))
        gaps = np.abs(middles[:, None] - middles[None])
        near = (gaps[..., 1] < 14) & (gaps[..., 0] < 40)
        assert near.sum() == len(middles)  # each only to itself


def test_names_follow_the_morph_and_can_be_switched_off(page: Any) -> None:
    ends = [on_map(page, f"Object.fromEntries(map.state.places[{side}])") for side in (0, 1)]
    page.fill(".at-map-slide input", "0.25")
    wait_for_rest(page)
    between = on_map(page, "Object.fromEntries(map.state.places[1])")
    assert between
    for group, at in between.items():
        start, end = np.array(ends[0][group]), np.array(ends[1][group])
        assert at == pytest.approx(start + 0.25 * (end - start), abs=1e-6)
    assert not [text for text in written(page, 1) if "apart" in text]  # neither distance holds
    page.click("[data-layer=names]")
    until(page, "document.querySelector('.at-map').attune.texts[1].length === 0")


def test_the_line_of_the_chosen_clip_says_how_far_its_halves_are(page: Any) -> None:
    atlas = made_up()
    first = visitors(atlas)[0]
    for side, strategy in ((0, "none"), (1, LAST)):
        said = [text for text in written(page, side) if "apart" in text]
        assert said == [on_line(atlas, strategy, first)]
    assert "cosine distance" in page.inner_text(".at-map-key")
    key, stage = (page.locator(f".at-map-{name}").bounding_box() for name in ("key", "stage"))
    assert 0 < key["y"] - (stage["y"] + stage["height"]) < 40


def test_each_star_has_the_colour_of_its_own_half(page: Any) -> None:
    stars = {
        star["modality"]: star["fill"]
        for star in on_map(page, "map.state.stars[1].map(({ id, modality, fill }) => "
                                 "({ id, modality, fill }))")
        if star["id"] == FIRST
    }  # fmt: skip
    shades = on_map(page, "map.state.theme.shades")
    assert stars == {"speech": shades[0], "text": shades[4 + 1]}  # an angry voice, happy words


def test_a_meter_below_each_map_shows_its_mixing(page: Any) -> None:
    for side in ("before", "after"):
        meter = page.locator(f".at-map-meter[data-side={side}]")
        assert "Voices and words mix" in meter.inner_text()
        assert "evenly mixed would be 50 %" in meter.get_attribute("aria-valuetext")
        panel = page.locator(f".at-map-panel[data-side={side}]").bounding_box()
        box = meter.bounding_box()
        assert 0 <= box["y"] - (panel["y"] + panel["height"]) < 30
        assert abs(box["x"] - panel["x"]) < 20


def test_a_mover_is_selected_on_both_maps_and_has_its_trail(page: Any) -> None:
    mover = moved_points(made_up(), LAST, 5)[0].point
    assert on_map(page, "map.state.layers.trails") is False
    page.click(".at-movers summary")
    until(page, "document.querySelector('.at-map').attune.state.layers.trails")
    trail = on_map(page, "map.trails().map(({ from, to }) => [Array.from(from), Array.from(to)])")
    expected = [points(page, side)[mover] for side in (0, 1)]
    assert np.abs(np.array(trail[0]) - expected).max() < 1e-6
    page.click(f".at-movers [data-point='{mover}']")
    page.wait_for_selector(".at-map[data-chosen='2']")
    assert page.locator(".at-map-ring:visible").count() == 2
    page.locator(".at-movers [data-clip]").first.click()
    assert page.locator(".at-map-ring:visible").count() == 2
    page.click(".at-movers summary")
    until(page, "!document.querySelector('.at-map').attune.state.layers.trails")


def test_terms_change_at_once_and_everywhere(page: Any) -> None:
    name, cell = ".at-map-name[data-side=after] span", f"[data-strategy='{LAST}']"
    assert page.inner_text(name) == "Match whole emotions + moments + pairs"
    page.evaluate("document.body.classList.add('at-papers')")
    until(page, f"document.querySelector('{name}').textContent.startsWith('Distribution + token')")
    assert page.inner_text(f".at-map-grid {cell}") == "Distribution + token + instance"


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_each_meter_is_below_its_map_and_texts_stay_inside(
    mute_browser: Any, atlas_app: str, open_page: Opener, dark: bool
) -> None:
    page = open_page(
        mute_browser, atlas_app, "/atlas", until=READY, width=390, height=844, dark=dark
    )
    wait_for_rest(page)
    boxes = [
        page.locator(f".at-map-{part}[data-side={side}]").bounding_box()
        for side in ("before", "after")
        for part in ("panel", "meter")
    ]
    tops = [box["y"] for box in boxes]
    assert tops == sorted(tops)
    stage = page.locator(".at-map-stage").bounding_box()
    for side in (0, 1):
        for x, _ in written(page, side).values():
            assert 0 < x < stage["width"]
    page.click(".at-movers summary")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
