"""The map, and the page's folds, when something changes while the visitor uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.actions import next_frame, until, watch_for
from tests.browser.map_actions import (
    FIRST,
    LAST,
    READY,
    SECOND,
    THIRD,
    drawn,
    lasso,
    on_map,
    points,
    published,
    spot,
    wait_for_rest,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Any]
MAP = "document.querySelector('.at-map')"
LOSE_WEBGL = """() => {
    for (const canvas of document.querySelectorAll(".at-map-plot canvas")) {
        canvas.getContext("webgl")?.getExtension("WEBGL_lose_context").loseContext();
    }
}"""
PLOTTED_CONTOURS = """() => {
    const { x, y } = document.querySelector(".at-map-stage").getBoundingClientRect();
    const lines = document.querySelectorAll(".xy .contourlayer .contourlevel path");
    return [...lines].flatMap((line) => {
        const colour = getComputedStyle(line).stroke.match(/[\\d.]+/g).slice(0, 3).map(Number);
        return Array.from({ length: 20 }, (_, part) => {
            const at = line.getPointAtLength((line.getTotalLength() * part) / 20)
                .matrixTransform(line.getScreenCTM());
            return [at.x - x, at.y - y, colour];
        });
    });
}"""
PAINTED_THERE = """([lines, [dx, dy]]) => {
    const pen = document.querySelector(".at-map-canvas").getContext("2d");
    return lines.map(([x, y, colour]) => {
        const { data } = pen.getImageData(Math.round(x + dx) - 2, Math.round(y + dy) - 2, 5, 5);
        return Array.from({ length: 25 }, (_, i) => data.slice(4 * i, 4 * i + 4)).some(
            (dot) => dot[3] > 180 && colour.every((part, i) => Math.abs(part - dot[i]) < 40));
    });
}"""
SLOW_MOTION = """
    const soon = window.requestAnimationFrame.bind(window);
    window.pace = 1;
    window.requestAnimationFrame = (step) => soon((now) => step(now * window.pace));
"""
REFUSE_PLOTLY = """
    const append = Element.prototype.append;
    window.refused = true;
    Element.prototype.append = function (...nodes) {
        const script = nodes.find((node) => node.src?.includes("plotly"));
        if (!script || !window.refused) return append.apply(this, nodes);
        setTimeout(() => script.dispatchEvent(new Event("error")));
    };
"""


def test_a_lost_webgl_context_loses_no_point(page: Any) -> None:
    assert on_map(page, "map.state.kind") == "scattergl"
    page.evaluate(LOSE_WEBGL)
    for side in ("xy", "x2y2"):
        dots = page.locator(f".at-map-plot .{side} .scatterlayer path.point")
        until(page, f"document.querySelectorAll('.at-map-plot .{side} path.point').length >= 2000")
        expect(dots.nth(1000)).to_be_visible()
    wait_for_rest(page)
    assert page.locator(".at-map-plot canvas").count() == 0  # with its picture of a broken image
    assert [drawn(page, side) for side in (0, 1)] == [2000, 2000]
    page.click("#show-instance")
    page.wait_for_selector(".at-map[data-strategy=instance]")
    wait_for_rest(page)
    page.locator(".at-map-stage").scroll_into_view_if_needed()
    x, y = spot(page, published(page, "stars")[SECOND]["before"]["text"])
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y, steps=4)
    expect(page.locator(".at-map-tip")).to_be_visible()  # it still listens
    lasso(page, "before")
    until(page, f"Number({MAP}.dataset.chosen) > 100")


def test_a_selection_ends_with_its_reference(page: Any) -> None:
    bar = page.locator(".at-map-chosen")
    lasso(page, "before")
    expect(bar).to_be_visible()
    page.click("#natural")
    page.wait_for_selector(".at-map-caption:has-text('each recording')")
    wait_for_rest(page)
    expect(bar).to_be_hidden()
    assert published(page, "chosen") == 0
    lasso(page, "before")
    expect(bar).to_be_visible()
    page.click(".at-map-chosen button")
    expect(bar).to_be_hidden()


def test_a_new_clip_does_not_stop_the_animation(
    mute_browser: Any, atlas_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, atlas_app, "/atlas", until=READY, script=SLOW_MOTION)
    wait_for_rest(page)
    page.click("#empty")
    page.wait_for_selector(".at-map[data-stars='{}']")
    wait_for_rest(page)
    page.evaluate("window.pace = 0.01")
    page.click(".at-map-play")
    page.wait_for_selector(".at-map-playing")
    page.click(f".at-map-grid [data-strategy='{LAST}']")
    page.wait_for_selector(".at-map:not([data-stars='{}'])")
    assert page.locator(".at-map-playing").count() == 1
    page.evaluate("window.pace = 1")
    page.wait_for_selector(".at-map[data-t='1.00']")
    page.wait_for_selector(".at-map:not(.at-map-playing)")


def test_density_covers_a_larger_refit(page: Any) -> None:
    page.click("[data-layer=density]")
    page.click("#refit")
    page.wait_for_selector(".at-map-name:has-text('30 neighbours')")
    wait_for_rest(page)
    grids = page.evaluate(
        """() => document.querySelector(".at-map-plot").data
            .filter((one) => one.type === "contour" && one.xaxis === "x2")
            .map((one) => [one.x[0], one.y[0], one.x.at(-1), one.y.at(-1)])"""
    )
    refitted = points(page, 1)
    assert len(grids) == 4
    for x0, y0, x1, y1 in grids:
        assert (refitted >= [x0, y0]).all()
        assert (refitted <= [x1, y1]).all()


def test_density_stays_on_the_map_while_it_moves(page: Any) -> None:
    page.click("#empty")
    page.wait_for_selector(".at-map[data-stars='{}']")
    page.click("[data-layer=joins]")  # nothing is drawn above the contours
    page.click("[data-layer=density]")
    until(page, "document.querySelectorAll('.xy .contourlayer .contourlevel path').length > 8")
    wait_for_rest(page)
    lines = page.evaluate(PLOTTED_CONTOURS)
    x, y = spot(page, points(page, 0).mean(axis=0))
    watch_for(page, "document.querySelector('.at-map-roaming .at-map-canvas:not([hidden])')")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y + 10, steps=4)
    page.mouse.up()
    until(page, "window.noticed")  # the canvas was in front
    next_frame(page)
    wait_for_rest(page)
    painted = page.evaluate(PAINTED_THERE, [lines, [20, 10]])  # hidden, it keeps its last picture
    assert len(painted) > 100
    assert np.mean(painted) > 0.97  # 0.55 where nothing but dots and other lines are


def test_a_late_plotly_removes_its_note(
    mute_browser: Any, atlas_app: str, open_page: Opener
) -> None:
    failed = ".at-map[data-state=failed]"
    page = open_page(mute_browser, atlas_app, "/atlas", until=failed, script=REFUSE_PLOTLY)
    note = page.locator(".at-map-failed")
    expect(note).to_be_visible()
    expect(page.locator(".at-map-said")).to_contain_text("did not load")
    page.evaluate("window.refused = false")
    page.click("#natural")
    page.wait_for_selector(READY)
    expect(note).to_be_hidden()


def test_folds_stay_as_the_visitor_left_them(page: Any) -> None:
    def fold(key: str) -> Any:
        return page.locator(f"#panel details:has(summary[data-fold='{key}'])")

    def again(number: int) -> None:
        """Redraw the panel without moving the keyboard's focus, as the map's events do."""
        page.evaluate(f"document.querySelector('#panel-{number}').click()")

    metrics = page.locator("summary[data-fold=metrics]")
    expect(fold(f"clip {SECOND}")).to_have_attribute("open", "")  # the latest comes first, unfolded
    fold(f"clip {SECOND}").locator("summary").click()
    fold(f"clip {FIRST}").locator("summary").click()
    metrics.focus()
    page.keyboard.press("Enter")
    expect(fold(f"clip {SECOND}")).not_to_have_attribute("open", "")
    again(2)  # without clip 2, and with a line that moves all the others
    expect(fold(f"clip {SECOND}")).to_have_count(0)
    for key in (f"clip {THIRD}", f"clip {FIRST}", "metrics"):
        expect(fold(key)).to_have_attribute("open", "")
    expect(metrics).to_be_focused()
    page.keyboard.press("Enter")
    again(1)
    expect(fold(f"clip {THIRD}")).to_have_count(0)
    expect(fold(f"clip {FIRST}")).to_have_attribute("open", "")
    expect(fold(f"clip {SECOND}")).not_to_have_attribute("open", "")  # as it was left
    expect(fold("metrics")).not_to_have_attribute("open", "")
    expect(metrics).to_be_focused()
    page.mouse.click(5, 5)
    again(2)
    expect(fold(f"clip {THIRD}")).to_have_count(1)
    expect(metrics).not_to_be_focused()  # the visitor has left it
