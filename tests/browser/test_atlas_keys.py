"""The keyboard on the interactive map: moving, zooming, and every point without a mouse."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.actions import until
from tests.browser.map_actions import (
    FIRST,
    FRAME,
    expect_plotted_width,
    lasso,
    middle,
    on_map,
    plotted_width,
    points,
    published,
    spot,
    wait_for_rest,
)
from tests.browser.serve_atlas import EACH, SPOKEN

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STATE = "document.querySelector('.at-map').attune.state"


def test_zoom_ends_where_nothing_more_can_be_seen(page: Any) -> None:
    start, wide = on_map(page, FRAME), plotted_width(page)
    page.focus(".at-map-stage")
    for _ in range(40):
        page.keyboard.press("+")
    wait_for_rest(page)
    assert on_map(page, FRAME)["unit"] == pytest.approx(start["unit"] / 200)
    expect_plotted_width(page, wide / 200)
    for _ in range(50):
        page.keyboard.press("-")
    expect_plotted_width(page, 4 * wide)
    page.keyboard.press("0")
    wait_for_rest(page)
    assert on_map(page, FRAME) == pytest.approx(start)


def test_the_keyboard_moves_zooms_and_clears(page: Any) -> None:
    wait_for_rest(page)
    start = on_map(page, FRAME)
    page.focus(".at-map-stage")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    wait_for_rest(page)
    moved = on_map(page, FRAME)
    assert moved["x"] > start["x"]
    assert moved["unit"] == pytest.approx(start["unit"] / 1.25)
    page.keyboard.press("0")
    wait_for_rest(page)
    assert on_map(page, FRAME) == pytest.approx(start)
    lasso(page, "after")
    page.wait_for_selector(".at-map-chosen:not([hidden])")
    wait_for_rest(page)
    page.focus(".at-map-stage")
    page.keyboard.press("Escape")
    page.wait_for_selector(".at-map[data-chosen='0']")
    page.focus("[data-emotion=angry]")
    reached = []
    for _ in range(16):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.className || document.activeElement.ariaLabel")
        )
    assert {"Zoom in", "at-map-stage", "at-map-play"} <= set(reached)


def read_out(page: Any) -> Any:
    return page.locator(".at-map [role=status]")


def test_the_keyboard_steps_from_point_to_point(page: Any) -> None:
    expect(read_out(page)).to_have_count(1)
    expect(read_out(page)).to_be_empty()
    page.evaluate("window.region = document.querySelector('.at-map [role=status]')")
    page.focus("[data-zoom=home]")
    page.keyboard.press("Tab")
    expect(page.locator(".at-map-stage")).to_be_focused()
    keys = page.locator(".at-map-keys")
    expect(keys).to_be_visible()
    described = page.get_attribute(".at-map-stage", "aria-describedby").split()
    tip = page.locator(".at-map-tip")
    assert {keys.get_attribute("id"), tip.get_attribute("id")} == set(described)
    halves = [
        (n, m)
        for n, (_, words) in enumerate(SPOKEN, 1)
        for m in ("voice", "words")
        if words or m == "voice"
    ]
    for number, noun in halves:
        page.keyboard.press("n")
        expect(tip).to_contain_text(f"Clip {number}:")
        expect(tip).to_contain_text(f"Its {noun} alone")
        expect(read_out(page)).to_contain_text(f"Clip {number}:")
        expect(read_out(page)).to_contain_text(f"Its {noun} alone")
    frame = on_map(page, FRAME)
    away = np.linalg.norm(points(page, 1) - [frame["x"], frame["y"]], axis=1)
    nearest = np.argsort(away, kind="stable")
    for key, item in zip("nnnnp", (*nearest[:4], nearest[2]), strict=True):
        page.keyboard.press(key)
        until(page, f"{STATE}.pointed.item === {item}")
        emotion = ("angry", "happy", "neutral", "sad")[item % (4 * EACH) // EACH]
        noun = "words" if item >= 4 * EACH else "voice"
        expect(tip).to_contain_text(re.compile(f"{emotion} {noun}", re.IGNORECASE))
        expect(read_out(page)).to_contain_text(
            re.compile(f"{emotion} {noun}.*Cosine", re.IGNORECASE)
        )
    assert page.evaluate("window.region.isConnected")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(tip).to_be_empty()


def test_the_keyboard_selects_pairs(page: Any) -> None:
    page.focus(".at-map-stage")
    page.keyboard.press("Enter")
    expect(page.locator(".at-map-hint")).to_contain_text("Press N or P")
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    expect(page.locator(".at-map-hint")).to_contain_text("Only pairs")
    page.keyboard.press("p")  # from the first star to the last of the points
    pairs: list[int] = []
    for count in (1, 2):
        until(page, f"{STATE}.pointed.item >= 0")
        pairs.append(on_map(page, "map.state.pointed.item") % (4 * EACH))
        page.keyboard.press("Enter")
        selected = ("2 points of 1 pair", "4 points of 2 pairs")[count - 1]
        sentence = f"{selected} are selected, on both maps."
        expect(page.locator(".at-map-chosen p")).to_have_text(sentence)
        expect(read_out(page)).to_have_text(sentence)
        sent = f"{count} pairs: {sorted(pairs)}"
        until(page, f"document.querySelector('#chosen textarea, #chosen input').value === '{sent}'")
        if count == 1:
            page.keyboard.press("p")
            item = f"{STATE}.pointed.item"
            until(page, f"{item} % {4 * EACH} !== {pairs[0]}")
    page.keyboard.press("Enter")  # again: removes it
    page.wait_for_selector(".at-map[data-chosen='2']")
    page.keyboard.press("Escape")
    page.wait_for_selector(".at-map[data-chosen='0']")
    expect(page.locator(".at-map-chosen")).to_be_hidden()
    expect(read_out(page)).to_have_text("Nothing is selected.")


def test_a_star_out_of_view_is_brought_there(page: Any) -> None:
    page.focus(".at-map-stage")
    for _ in range(40):
        page.keyboard.press("+")
    wait_for_rest(page)
    page.keyboard.press("n")
    page.wait_for_selector(".at-map-tip:has-text('Clip 1')")
    wait_for_rest(page)
    place = published(page, "stars")[FIRST]["after"]["speech"]
    assert spot(page, place, side=1) == pytest.approx(middle(page, "after"), abs=1.5)
    ring = page.locator(".at-map-ring").nth(1).bounding_box()
    centre = (ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2)
    assert centre == pytest.approx(middle(page, "after"), abs=1.5)
