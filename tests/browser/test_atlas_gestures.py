"""Mouse, wheel and fingers on the interactive map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.actions import next_frame, until, watch_for
from tests.browser.map_actions import (
    FRAME,
    READY,
    lasso,
    middle,
    on_map,
    plotted_width,
    published,
    spot,
    wait_for_rest,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Any]
Touch = Callable[..., None]
STATE = "document.querySelector('.at-map').attune.state"
ROAMING = "document.querySelector('.at-map-roaming .at-map-canvas:not([hidden])')"

ANNOUNCED_FOR_THREE_TURNS = """() => {
    const region = new MutationObserver(() => {}), stage = document.querySelector(".at-map-stage");
    region.observe(document.querySelector(".at-map [role=status]"), { childList: true });
    for (let turn = 0; turn < 3; turn += 1) stage.dispatchEvent(new WheelEvent("wheel"));
    return region.takeRecords().length;
}"""


@pytest.fixture
def phone(mute_browser: Any, atlas_app: str, open_page: Opener) -> Any:
    page = open_page(mute_browser, atlas_app, "/atlas", until=READY, width=390, height=844)
    page.locator(".at-map-panel[data-side=before]").scroll_into_view_if_needed()
    wait_for_rest(page)
    return page


@pytest.fixture
def touch(phone: Any) -> Touch:
    """`touch("Start", (x, y), ...)` puts, moves or lifts fingers; those listed are on the glass."""
    session = phone.context.new_cdp_session(phone)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 5})

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        held = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": held})

    return fingers


def pinch(touch: Touch, at: tuple[float, float], aside: tuple[float, float] = (0, 0)) -> None:
    """Two fingers, one after the other, from 60 to 120 pixels apart around `at`, then `aside`."""
    x, y = at
    touch("Start", (x - 31, y + 1))
    touch("Move", (x - 30, y))
    touch("Start", (x - 30, y), (x + 30, y))
    for step in range(1, 7):
        touch("Move", (x - 30 - 5 * step, y), (x + 30 + 5 * step, y))
    if any(aside):
        touch("Move", (x - 60 + aside[0], y + aside[1]), (x + 60 + aside[0], y + aside[1]))
    touch("End")


def test_panning_one_side_pans_the_other(page: Any) -> None:
    wait_for_rest(page)
    ranges = """(() => {
        const { xaxis, xaxis2, yaxis, yaxis2 } = document.querySelector(".at-map-plot")._fullLayout;
        return [xaxis, xaxis2, yaxis, yaxis2].map((axis) => [...axis.range]);
    })()"""
    start = page.evaluate(ranges)
    watch_for(page, ROAMING)
    box = page.locator(".at-map-panel[data-side=after]").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 340, steps=8)
    page.mouse.up()
    until(page, "window.noticed")  # the canvas was in front
    next_frame(page)
    wait_for_rest(page)
    x, x2, y, y2 = page.evaluate(ranges)
    assert x[0] < start[0][0]
    assert x == pytest.approx(x2)
    assert y == pytest.approx(y2)


def test_two_fingers_zoom_around_them_and_move(phone: Any, touch: Touch) -> None:
    start, wide = on_map(phone, FRAME), plotted_width(phone)
    box = phone.locator(".at-map-panel[data-side=after]").bounding_box()
    assert box["y"] < 844  # within reach
    x, y = middle(phone, "before")
    at = (x - 40, y + 30)
    below = (start["x"] - 40 * start["unit"], start["y"] - 30 * start["unit"])
    pinch(touch, at)
    until(phone, f"{STATE}.frame.unit < {start['unit']}")
    wait_for_rest(phone)
    zoomed = on_map(phone, FRAME)
    assert zoomed["unit"] == pytest.approx(start["unit"] / 2)
    assert spot(phone, below) == pytest.approx(at, abs=0.5)
    assert plotted_width(phone) == pytest.approx(wide / 2)
    pinch(touch, at, aside=(50, -20))
    until(phone, f"{STATE}.frame.unit < {zoomed['unit']}")
    wait_for_rest(phone)
    assert spot(phone, below) == pytest.approx((at[0] + 50, at[1] - 20), abs=0.5)
    assert phone.evaluate("visualViewport.scale") == 1


def test_one_finger_scrolls_the_page(phone: Any, touch: Touch) -> None:
    start, scrolled = on_map(phone, FRAME), phone.evaluate("scrollY")
    x, y = middle(phone, "before")
    touch("Start", (x, y))
    for step in range(1, 9):
        touch("Move", (x, y - 12 * step))
    touch("End")
    until(phone, f"scrollY > {scrolled} + 20")
    assert on_map(phone, FRAME) == start


def test_a_finger_beside_the_map_is_no_pinch(phone: Any, touch: Touch) -> None:
    start = on_map(phone, FRAME)
    phone.evaluate("addEventListener('touchend', () => { window.lifted = true; })")
    x, _ = middle(phone, "before")
    box = phone.locator(".at-map-stage").bounding_box()
    inside, outside = (x, box["y"] + 40), (x, box["y"] - 60)
    assert outside[1] > 0
    touch("Start", inside)
    touch("Start", inside, outside)
    for step in range(1, 6):
        touch("Move", (inside[0] + 8 * step, inside[1]), outside)
    touch("End")
    until(phone, "window.lifted")
    assert on_map(phone, FRAME) == start


def test_a_pinch_keeps_the_selection(phone: Any, touch: Touch) -> None:
    phone.click("[data-mode=lasso]")
    phone.locator(".at-map-panel[data-side=before]").scroll_into_view_if_needed()
    x, y = middle(phone, "before")
    touch("Start", (x - 90, y - 90))
    for across, up in ((90, -90), (90, 90), (-90, 90), (-90, -80)):
        for share in (0.5, 1):
            touch("Move", (x + across, y + up * share))
    touch("End")
    until(phone, "document.querySelector('.at-map').dataset.chosen > 20")
    wait_for_rest(phone)
    chosen, start = published(phone, "chosen"), on_map(phone, FRAME)
    pinch(touch, (x, y))
    until(phone, f"{STATE}.frame.unit < {start['unit']}")
    wait_for_rest(phone)
    assert published(phone, "chosen") == chosen
    assert phone.locator(".at-map-plot .selectionlayer path").count() == 0
    assert phone.is_visible(".at-map-chosen")
    phone.click(".at-map-chosen button")
    until(phone, "document.querySelector('.at-map').dataset.chosen === '0'")
    expect(phone.locator(".at-map-chosen")).to_be_hidden()


def test_a_mouse_selects_after_a_pinch(phone: Any, touch: Touch) -> None:
    start = on_map(phone, FRAME)
    pinch(touch, middle(phone, "before"))
    until(phone, f"{STATE}.frame.unit < {start['unit']}")
    wait_for_rest(phone)
    lasso(phone, "before")
    until(phone, "document.querySelector('.at-map').dataset.chosen > 20")


def test_the_wheel_zooms_a_clicked_map_and_otherwise_scrolls(page: Any) -> None:
    start = on_map(page, FRAME)
    page.mouse.move(*middle(page, "after"))
    page.mouse.wheel(0, 150)
    until(page, "scrollY > 100")
    page.wait_for_selector(".at-map-hint:has-text('Click the map first')")
    page.wait_for_selector(".at-map-hint", state="hidden")
    assert page.evaluate(ANNOUNCED_FOR_THREE_TURNS) == 1
    assert on_map(page, FRAME) == start
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    page.mouse.move(5, 5)
    x, y = middle(page, "after")
    at = (x + 80, y - 50)
    below = (start["x"] + 80 * start["unit"], start["y"] + 50 * start["unit"])
    page.mouse.click(*at)
    page.mouse.wheel(0, -100)
    until(page, f"{STATE}.frame.unit < {start['unit']}")
    wait_for_rest(page)
    assert page.evaluate("scrollY") == 0
    assert spot(page, below, side=1) == pytest.approx(at, abs=0.5)
    zoomed = on_map(page, FRAME)
    page.mouse.move(5, 5)  # the map lets go of the wheel
    page.mouse.move(*at)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -50)
    page.keyboard.up("Control")
    until(page, f"{STATE}.frame.unit < {zoomed['unit']}")
    wait_for_rest(page)
    assert page.evaluate("scrollY") == 0
    page.mouse.wheel(0, 150)
    until(page, "scrollY > 100")
