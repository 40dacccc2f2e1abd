"""UMAP, linear view, matrix and control: one switch, and the selection stays."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.actions import until
from tests.browser.map_actions import (
    FIRST,
    LAST,
    on_map,
    points,
    published,
    spot,
    wait_for_rest,
)
from tests.browser.serve_atlas import EACH, made_up, visitors

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAIRS = 4 * EACH
MARKED = "map.marked()"


def show(page: Any, view: str) -> None:
    page.locator(f".at-map-views input[value={view}]").check(force=True)
    page.wait_for_selector(f".at-map[data-view={view}]")
    if view == "matrix":
        until(page, "!document.querySelector('.at-map').attune.state.settling")
    else:
        wait_for_rest(page)


def test_a_selected_pair_stays_selected_in_every_view(page: Any) -> None:
    atlas = made_up()
    page.focus(".at-map-stage")
    page.keyboard.press("p")  # the last of the points
    until(page, "document.querySelector('.at-map').attune.state.pointed?.item >= 0")
    item = on_map(page, "map.state.pointed.item")
    pair = item % PAIRS
    page.keyboard.press("Enter")
    page.wait_for_selector(".at-map[data-chosen='2']")
    wait_for_rest(page)
    rows = sorted(int(atlas.similarities.sorting.rows[half]) for half in (pair, pair + PAIRS))
    for view in ("linear", "matrix", "umap"):
        show(page, view)
        assert sorted(on_map(page, "[...map.state.chosen]")) == [pair, pair + PAIRS]
        assert published(page, "chosen") == 2
        assert on_map(page, MARKED) == rows
        expect(page.locator(".at-map-chosen p")).to_contain_text("2 points of 1 pair")
        # What was pointed at is still pointed at: as a point, or as the cell of its pair.
        if view == "matrix":
            cell = on_map(page, "map.state.cell")
            assert sorted((cell["row"], cell["column"])) == rows
        else:
            until(page, f"document.querySelector('.at-map').attune.state.pointed?.item === {item}")
        if view == "linear":
            drawn = page.evaluate(
                """() => document.querySelector(".at-map-plot").data
                    .filter(({ meta }) => meta && !meta.stars && meta.side === 1)
                    .reduce((sum, one) => sum + one.selectedpoints.length, 0)"""
            )
            assert drawn == 2


def test_the_linear_view_shows_the_exact_projection(page: Any) -> None:
    atlas = made_up()
    page.focus(".at-map-views input:checked")
    page.keyboard.press("ArrowRight")  # radio buttons: the keyboard switches too
    page.wait_for_selector(".at-map[data-view=linear]")
    wait_for_rest(page)
    for side, name in enumerate(("none", LAST)):
        project = atlas.linear.projections[name].project
        exact = project(atlas.charts[name].reference.joint)
        assert np.abs(points(page, side) - exact).max() < 1e-4
        for clip in visitors(atlas)[:1]:
            star = published(page, "stars")[FIRST][("before", "after")[side]]
            for modality, place in star.items():
                vector = clip.vector(name, modality)
                assert vector is not None
                assert place == pytest.approx(project(vector[None])[0], abs=2e-4)
    lowest, highest = (atlas.charts["none"].reference.emotions[i] for i in atlas.linear.ends)
    labels = page.locator(".at-map-axis[data-side=after]")
    expect(labels.first).to_have_text("← words · voices →")
    expect(labels.last).to_have_text(f"← {lowest} · {highest} →")
    expect(page.locator(".at-map-caption")).to_contain_text("bends nothing")
    left, right = points(page, 0), points(page, 1)
    page.fill(".at-map-slide input", "0.5")  # the change between both works as on the maps
    wait_for_rest(page)
    assert np.allclose(points(page, 1), (left + right) / 2, atol=1e-4)


def test_a_hovered_point_is_the_same_in_the_linear_view(page: Any) -> None:
    show(page, "linear")
    place = points(page, 1)
    spots = np.array([spot(page, at, side=1) for at in place[:40]])
    alone = max(range(40), key=lambda i: np.sort(np.linalg.norm(spots - spots[i], axis=1))[1])
    page.mouse.move(*spots[alone], steps=3)
    expect(page.locator(".at-map-tip")).to_be_visible()
    seen = on_map(page, "map.state.pointed")
    near = np.linalg.norm(place - place[alone], axis=1) < 15 * on_map(page, "map.state.frame.unit")
    assert near[seen["item"]]


def test_the_matrix_shows_and_selects_similar_groups(page: Any) -> None:
    atlas = made_up()
    show(page, "matrix")
    matrices, size = atlas.similarities.matrices, len(atlas.similarities.matrices["none"].cells)
    step = np.subtract(*atlas.similarities.range[::-1]) / 255
    for side, name in enumerate(("none", LAST)):
        shown = np.array(on_map(page, f"Array.from(map.state.cells[{side}])")).reshape(size, size)
        assert np.abs(shown - matrices[name].cells).max() <= 0.51 * step
    colours = page.evaluate(
        """() => {
            const canvas = document.querySelector(".at-map-canvas");
            const pen = canvas.getContext("2d");
            const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
            return new Set(Array.from(new Uint32Array(data.buffer))).size;
        }"""
    )
    assert colours > 50
    expect(page.locator(".at-map-scale")).to_be_visible()
    expect(page.locator(".at-map-plot")).to_be_hidden()
    page.focus(".at-map-stage")
    page.keyboard.press("n")
    page.keyboard.press("n")  # the second pair of groups
    read_out = page.locator(".at-map-said")
    cells = [matrices[name].cells[0, 12] for name in ("none", LAST)]
    left, right = (f"{value:.2f}".replace("-", "−") for value in np.round(cells, 2))
    expect(read_out).to_contain_text("Angry voices × angry words")
    found = re.search(r"similarity: (\S+) on the left, (\S+) on the right", read_out.inner_text())
    assert found is not None
    for said, expected in zip(found.groups(), (left, right), strict=True):
        numbers = [float(text.replace("−", "-")) for text in (said, expected)]
        assert numbers[0] == pytest.approx(numbers[1], abs=0.011)
    page.keyboard.press("ArrowRight")
    assert on_map(page, "[map.state.cell.row, map.state.cell.column]") == [0, 13]
    page.keyboard.press("Enter")
    page.wait_for_selector(".at-map-chosen:not([hidden])")
    items = np.flatnonzero(np.isin(atlas.similarities.sorting.rows, (0, 13))).tolist()
    assert sorted(on_map(page, "[...map.state.chosen]")) == items
    assert on_map(page, MARKED) == [0, 13]
    page.keyboard.press("Escape")
    page.wait_for_selector(".at-map[data-chosen='0']")
    # Clips are rows below the matrix: two halves, two halves, one half.
    strips = on_map(page, "map.strips(1)")
    assert [strip["number"] for strip in strips] == ["1", "1", "2", "2", "3"]
    vector = visitors(atlas)[0].vector(LAST, "text")
    assert vector is not None
    assert np.abs(np.subtract(strips[1]["values"], matrices[LAST].row(vector))).max() <= 0.51 * step


def test_the_mouse_reads_and_selects_cells(page: Any) -> None:
    show(page, "matrix")
    place = on_map(page, "map.matrix(1)")
    stage = page.locator(".at-map-stage").bounding_box()
    cell = place["side"] / 96
    x, y = stage["x"] + place["x"] + 30.5 * cell, stage["y"] + place["y"] + 2.5 * cell
    page.mouse.move(x, y, steps=2)
    expect(page.locator(".at-map-tip")).to_contain_text("Angry voices × happy voices")
    page.mouse.click(x, y)
    page.wait_for_selector(".at-map-chosen:not([hidden])")
    assert on_map(page, MARKED) == [2, 30]
    page.click("[data-emotion=angry]")  # the legend hides rows and columns
    until(page, "!document.querySelector('.at-map').attune.state.settling")
    page.mouse.move(x, stage["y"] + place["y"] + 1)
    expect(page.locator(".at-map-tip")).to_contain_text("Happy voices × ")
    page.mouse.move(stage["x"] + 2, stage["y"] + stage["height"] - 2, steps=2)
    expect(page.locator(".at-map-tip")).to_be_hidden()


def test_the_control_replaces_the_right_side(page: Any) -> None:
    atlas = made_up()
    assert atlas.control is not None
    button = page.locator(".at-map-control")
    button.click()
    wait_for_rest(page)
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".at-map-name[data-side=after]")).to_have_text("Controlrandom vectors")
    assert np.abs(points(page, 1) - atlas.control.map.points).max() < 1e-3
    assert np.abs(points(page, 0) - atlas.charts["none"].map.points).max() < 1e-3
    assert all("after" not in halves for halves in published(page, "stars").values())
    expect(page.locator(".at-map-caption")).to_contain_text("no structure")
    show(page, "linear")
    exact = atlas.linear.projections["control"].project(atlas.control.reference.joint)
    assert np.abs(points(page, 1) - exact).max() < 1e-4
    page.click("#show-instance")  # another strategy is what one wants to see
    page.wait_for_selector(".at-map[data-strategy=instance]")
    wait_for_rest(page)
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".at-map-name[data-side=after]")).to_have_text("AfterMatch pairs")


def test_dots_are_fainter_where_the_map_keeps_few_neighbours(page: Any) -> None:
    opacity = """(side) => document.querySelector(".at-map-plot").data
        .filter(({ meta }) => meta && !meta.stars && meta.side === side)
        .map(({ marker }) => Array.from(marker.opacity, (value) => value))"""
    kept = np.arange(2 * PAIRS) % 16 / 15
    expect(page.locator(".at-map-caption")).to_contain_text("fainter")
    for side in (0, 1):
        groups = page.evaluate(opacity, side)
        shown = np.concatenate(groups)  # angry voices, happy voices, … sad words
        assert len(shown) == 2 * PAIRS
        order = np.argsort(kept[: len(shown)], kind="stable")
        assert (np.diff(shown[order]) >= -1e-6).all()
        assert shown.max() == pytest.approx(0.82, abs=1e-3)
        assert shown.min() < 0.2
    show(page, "linear")
    single = """() => document.querySelector(".at-map-plot").data[0].marker.opacity"""
    assert page.evaluate(single) == pytest.approx(0.82)
    expect(page.locator(".at-map-caption")).not_to_contain_text("fainter")


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_every_view_without_overflow(
    mute_browser: Any, atlas_app: str, open_page: Any, dark: bool
) -> None:
    page = open_page(
        mute_browser, atlas_app, "/atlas", width=390, dark=dark, until=".at-map[data-state=ready]"
    )
    for view in ("linear", "matrix", "umap"):
        show(page, view)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        panel = page.locator(".at-map-panel[data-side=after]").bounding_box()
        assert panel["width"] <= 390
    show(page, "matrix")
    assert on_map(page, "map.matrix(0).side") > 180
