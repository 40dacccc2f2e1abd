"""The interactive map as a visitor uses it, with a made-up atlas of 1000 pairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mer_core.atlas.analysis.spread import groups_of
from mer_core.atlas.visitor import stars
from tests.browser.actions import until
from tests.browser.map_actions import (
    FIRST,
    LAST,
    READY,
    SECOND,
    drawn,
    lasso,
    on_map,
    points,
    published,
    spot,
    wait_for_rest,
)
from tests.browser.serve_atlas import made_up, refitted, visitors

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Any]
NO_WEBGL = """
const get = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return String(kind).includes("webgl") ? null : get.call(this, kind, ...rest);
};
"""


def test_points_are_drawn_at_the_atlas_positions(page: Any) -> None:
    atlas = made_up()
    expected = stars(atlas, visitors(atlas))
    for side, name in enumerate(("none", LAST)):
        chart = atlas.charts[name]
        assert drawn(page, side) == 2000
        assert np.abs(points(page, side) - chart.map.points).max() < 1e-3
        groups = groups_of(chart.reference, chart.map.points)
        for group, found in zip(groups, on_map(page, f"map.groups({side})"), strict=True):
            assert group.ellipse is not None
            assert found["centre"] == pytest.approx(group.ellipse.centre, abs=1e-3)
            assert found["std"] == pytest.approx(group.ellipse.std, rel=1e-3)
            turned = np.degrees(found["angle"]) - group.ellipse.angle
            assert abs((turned + 90) % 180 - 90) < 1
        for clip, halves in expected[name].items():
            placed = published(page, "stars")[str(clip)][("before", "after")[side]]
            assert placed.keys() == halves.keys()
            for modality, at in halves.items():
                assert placed[modality] == pytest.approx(at, abs=1e-3)
    assert page.locator(".at-map-plot .x2y2 .textpoint").count() >= 3


def test_the_legend_hides_on_both_sides(page: Any) -> None:
    page.click("[data-emotion=angry]")
    page.click("[data-modality=text]")
    assert page.get_attribute("[data-emotion=angry]", "aria-pressed") == "false"
    until(page, "document.querySelector('.at-map-plot').data[0].visible === false")
    wait_for_rest(page)
    assert [drawn(page, side) for side in (0, 1)] == [750, 750]
    page.click("[data-emotion=angry]")
    until(page, "document.querySelector('.at-map-plot').data[0].visible === true")
    wait_for_rest(page)
    assert [drawn(page, side) for side in (0, 1)] == [1000, 1000]


def test_another_strategy_moves_the_star(page: Any) -> None:
    before = published(page, "stars")
    page.click("#show-instance")
    page.wait_for_selector(".at-map[data-strategy=instance]")
    wait_for_rest(page)
    after = published(page, "stars")
    assert after[FIRST]["before"] == before[FIRST]["before"]
    moved = np.subtract(after[FIRST]["after"]["text"], before[FIRST]["after"]["text"])
    assert np.linalg.norm(moved) > 0.1
    assert "Match pairs" in page.inner_text(".at-map-name[data-side=after]")
    atlas = made_up()
    assert np.abs(points(page, 1) - atlas.charts["instance"].map.points).max() < 1e-3
    page.locator(".at-map-grid [data-strategy]").nth(1).click()  # a small map is a button
    page.wait_for_selector(".at-map[data-strategy=distribution]")
    assert page.locator(".at-map-grid [aria-pressed=true]").inner_text() == "Match whole emotions"


def test_the_slider_moves_everything_on_the_right(page: Any) -> None:
    left, right = points(page, 0), points(page, 1)
    page.fill(".at-map-slide input", "0.25")
    assert published(page, "t") == 0.25
    wait_for_rest(page)
    assert np.allclose(points(page, 0), left)
    assert np.allclose(points(page, 1), left + 0.25 * (right - left), atol=1e-4)
    one = published(page, "stars")[FIRST]
    page.fill(".at-map-slide input", "0")
    wait_for_rest(page)
    zero = published(page, "stars")[FIRST]
    assert zero["after"]["speech"] == pytest.approx(one["before"]["speech"], abs=1e-3)
    drawn_right = page.evaluate(
        """() => Array.from(document.querySelector(".at-map-plot")._fullData
            .find((one) => one.xaxis === "x2").x)"""
    )
    assert np.allclose(drawn_right, left[:250, 0], atol=1e-4)


def test_play_goes_from_before_to_after(page: Any) -> None:
    page.click(".at-map-play")
    on_the_way = "document.querySelector('.at-map').dataset.t < 1"
    until(page, f"{on_the_way} && document.querySelector('.at-map-play').innerText === 'Pause'")
    page.wait_for_selector(".at-map[data-t='1.00']")
    wait_for_rest(page)
    assert len(on_map(page, "map.frames")) > 3  # it went there, it did not jump


def test_a_lasso_selects_on_both_sides_and_reports_to_python(page: Any) -> None:
    lasso(page, "before")
    until(page, "Number(document.querySelector('.at-map').dataset.chosen) > 100")
    wait_for_rest(page)
    chosen = page.evaluate(
        """() => [0, 1].map((side) => document.querySelector(".at-map-plot").data
            .filter((one) => one.meta && !one.meta.stars && one.meta.side === side)
            .map((one) => Array.from(one.selectedpoints || [])))"""
    )
    assert chosen[0] == chosen[1]
    assert sum(map(len, chosen[0])) == published(page, "chosen")
    until(page, "document.querySelector('#chosen textarea, #chosen input').value")
    sent = page.input_value("#chosen textarea, #chosen input")
    pairs = json.loads(sent.split(":")[1])
    assert len(pairs) == 24
    assert len({pair // 250 for pair in pairs}) > 1  # spread over the emotions that were chosen
    page.click(".at-map-chosen button")
    page.wait_for_selector(".at-map[data-chosen='0']")
    until(page, "document.querySelector('#chosen textarea, #chosen input').value.startsWith('0')")


def test_the_tip_describes_a_point_and_a_star(page: Any) -> None:
    x, y = spot(page, published(page, "stars")[SECOND]["before"]["text"])
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y, steps=4)
    page.wait_for_selector(".at-map-tip:not([hidden])")
    tip = page.inner_text(".at-map-tip")
    assert "Clip 2: I miss her <b>so</b> much" in tip
    assert "Its words alone: Sad before, Sad after" in tip
    assert "Voice and words together: Neutral before, Sad after" in tip
    lone = points(page, 0)
    far = lone[np.argmax(np.linalg.norm(lone - np.median(lone, axis=0), axis=1))]
    x, y = spot(page, far)
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y, steps=4)
    until(page, "document.querySelector('.at-map-tip').innerText.includes('Cosine')")
    assert "of the same label" in page.inner_text(".at-map-tip")


def test_a_refit_and_its_end(page: Any) -> None:
    page.click("#refit")
    until(page, "document.querySelector('.at-map').innerText.includes('30 neighbours')")
    wait_for_rest(page)
    atlas = made_up()
    clips = visitors(atlas)
    sent = refitted(atlas, LAST, clips, stars(atlas, clips))["refit"]["after"]
    turned = atlas.charts[LAST].map.points @ np.array([[0, -1.4], [1.4, 0]])
    assert np.abs(points(page, 1) - turned).max() < 1e-2
    assert published(page, "stars")[FIRST]["after"] == sent["points"][FIRST]
    page.click("#empty")
    page.wait_for_selector(".at-map[data-stars='{}']")
    wait_for_rest(page)
    assert np.abs(points(page, 1) - atlas.charts[LAST].map.points).max() < 1e-3


def test_natural_pairs_are_joined_one_by_one(page: Any) -> None:
    assert "share only their label" in page.inner_text(".at-map-caption")
    page.click("#natural")
    until(page, "document.querySelector('.at-map-caption').innerText.includes('each recording')")
    wait_for_rest(page)
    lines = page.evaluate(
        """() => document.querySelector(".at-map-plot").data
            .filter((one) => one.mode === "lines" && one.x.length === 3000).length"""
    )
    assert lines == 2


def test_without_webgl_the_map_is_drawn_as_svg(
    mute_browser: Any, atlas_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, atlas_app, "/atlas", until=READY, script=NO_WEBGL)
    wait_for_rest(page)
    assert on_map(page, "map.state.kind") == "scatter"
    assert page.locator(".at-map-plot .x2y2 path.point").count() >= 2000
    page.fill(".at-map-slide input", "0.5")
    wait_for_rest(page)
    assert published(page, "t") == 0.5


def test_without_plotly_the_maps_are_still_drawn(
    mute_browser: Any, atlas_app: str, open_page: Opener
) -> None:
    script = "Object.defineProperty(window, 'Plotly', { get: () => undefined, set() {} });"
    page = open_page(
        mute_browser, atlas_app, "/atlas", until=".at-map[data-state=failed]", script=script
    )
    assert "did not load" in page.inner_text(".at-map-failed")
    page.fill(".at-map-slide input", "0.5")
    inked = page.evaluate(
        """() => {
            const canvas = document.querySelector(".at-map-canvas");
            const { width, height } = canvas, half = width / 2;
            const inked = (left) => canvas.getContext("2d").getImageData(left, 0, half, height).data
                .filter((v, i) => i % 4 === 3 && v > 0).length;
            return [inked(0), inked(half)];
        }"""
    )
    assert min(inked) > 5000


def test_reduced_motion_jumps(mute_browser: Any, atlas_app: str, open_page: Opener) -> None:
    script = """
        const real = window.matchMedia.bind(window);
        window.matchMedia = (query) => query.includes("reduced-motion")
            ? { matches: true, addEventListener() {} } : real(query);
    """
    page = open_page(mute_browser, atlas_app, "/atlas", until=READY, script=script)
    page.click(".at-map-play")
    assert published(page, "t") == 0
    page.click(".at-map-play")
    assert published(page, "t") == 1
    page.click("#show-token, #show-instance")
    page.wait_for_selector(".at-map[data-strategy=instance]")
    wait_for_rest(page)
    assert on_map(page, "map.frames.length") == 0


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_has_no_sideways_scroll(
    mute_browser: Any, atlas_app: str, open_page: Opener, dark: bool
) -> None:
    page = open_page(
        mute_browser, atlas_app, "/atlas", until=READY, width=390, height=844, dark=dark
    )
    wait_for_rest(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    first, second = (
        page.locator(f".at-map-panel[data-side={side}]").bounding_box()
        for side in ("before", "after")
    )
    assert second["y"] > first["y"] + first["height"]
    colour = page.evaluate("document.querySelector('.at-map-plot').data.at(-1).textfont.color")
    assert colour.lower() == ("#efeae4" if dark else "#1f1c24")


def test_the_theme_is_followed_live(page: Any) -> None:
    light = page.evaluate("document.querySelector('.at-map-plot').data[3].marker.color")
    page.evaluate("document.body.classList.toggle('dark')")
    until(page, f"document.querySelector('.at-map-plot').data[3].marker.color !== '{light}'")
