"""The lab and the comparison of two strategies, played with the shipped model."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from mer_core.frameworks.descriptor import strategy_title
from tests.browser.actions import until
from tests.browser.map_actions import READY, lasso, published, wait_for_rest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Any]
FULL = "distribution+token+instance"
BEGUN = "[data-testid=lab-agreement]"
TRAILS = """() => document.querySelector(".at-map-plot").data.filter(
    ({ line, visible, x }) => visible && line?.dash === "5px,4px" && x.length >= 3).length"""


def changed_star(page: Any) -> Any:
    """Side → modality → position of the clip that is changed, or None."""
    stars = json.loads(page.get_attribute(".at-map", "data-stars"))
    return next((star for key, star in stars.items() if key.endswith("/changed")), None)


def pick(page: Any, dropdown: str, index: int) -> None:
    page.click(f"{dropdown} input")
    page.click(f"{dropdown} [role=option] >> nth={index}")


@pytest.fixture
def atlas(mute_browser: Any, real_app: str, open_page: Opener) -> Any:
    """The page, once the lab has begun and the maps are at rest."""
    page = open_page(mute_browser, real_app, "/atlas", until=READY)
    page.wait_for_selector(BEGUN)
    page.wait_for_function("document.querySelector('.at-map').dataset.stars.includes('/changed')")
    wait_for_rest(page)
    return page


def test_the_lab_is_played(atlas: Any) -> None:
    page, hint, cards = atlas, atlas.locator("#lab-hint"), atlas.locator("#lab-out")
    # It begins with clips about which the strategies differ.
    expect(page.locator("#lab-clip input")).to_have_value(re.compile("^Example: "))
    expect(page.locator(BEGUN)).to_contain_text("The strategies differ")
    began = changed_star(page)
    assert set(began) == {"before", "after"}
    assert page.evaluate(TRAILS) == 2  # one on each side
    # Other words: their half moves, the voice stays.
    page.fill("#lab-words textarea", "Leave me alone, I hate this.")
    page.press("#lab-words textarea", "Enter")
    expect(hint).to_contain_text("The words are different.")
    until(
        page,
        f"!document.querySelector('.at-map').dataset.stars.includes('{began['after']['text'][0]}')",
    )
    wait_for_rest(page)
    worded = changed_star(page)
    assert worded["after"]["speech"] == began["after"]["speech"]
    assert worded["after"]["text"] != began["after"]["text"]
    # Another voice: higher, then through a telephone.
    page.focus("#lab-pitch input[type=range]")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(hint).to_contain_text("semitones higher")
    page.check("#lab-telephone input")
    expect(hint).to_contain_text("it comes through a telephone")
    wait_for_rest(page)
    assert changed_star(page)["after"]["speech"] != worded["after"]["speech"]
    # A half of another clip.
    page.click("#lab-reset")
    expect(cards).to_contain_text("Nothing is changed yet")
    pick(page, "#lab-other", 3)
    expect(hint).to_contain_text("The voice is from “Example: ")
    page.check("#lab-half input[value=partner]")
    expect(hint).to_contain_text("The words are from “Example: ")
    # Fewer categories.
    page.click("#lab-reset")
    expect(cards).to_contain_text("Nothing is changed yet")
    page.click("#lab-categories label:has-text('Angry')")
    expect(hint).to_contain_text("Only happy, neutral and sad may be assigned.")
    expect(cards).not_to_contain_text("angry", ignore_case=True)
    page.click("#lab-categories label:has-text('Happy')")
    expect(hint).to_contain_text("Only neutral and sad may be assigned.")
    page.click("#lab-categories label:has-text('Sad')")
    expect(hint).to_contain_text("at least 2 categories")
    expect(cards).to_contain_text("sad")  # the last answer stays


def test_two_strategies_are_pinned_and_swapped(atlas: Any, tmp_path: Path) -> None:
    page, told = atlas, atlas.locator("#atlas-comparison")
    names = [page.locator(f".at-map-name[data-side={side}]") for side in ("before", "after")]
    expect(names[0]).to_contain_text("Before")
    page.click("[data-pin=sharp]")
    page.wait_for_selector(f".at-map[data-left=sharp][data-strategy='{FULL}']")
    expect(names[0]).to_contain_text("Left")
    expect(page.locator("[data-pin=sharp]")).to_have_attribute("aria-pressed", "true")
    expect(told).to_contain_text(
        f"From {strategy_title('sharp')} to {strategy_title(FULL)}", use_inner_text=True
    )
    expect(told).to_contain_text("These two were not compared with an interval")
    wait_for_rest(page)
    lasso(page, "before")
    until(page, "Number(document.querySelector('.at-map').dataset.chosen) > 100")
    chosen = published(page, "chosen")
    pinned = published(page, "stars")
    page.click(".at-map-swap")
    page.wait_for_selector(f".at-map[data-left='{FULL}'][data-strategy=sharp]")
    wait_for_rest(page)
    expect(told).to_contain_text(
        f"From {strategy_title(FULL)} to {strategy_title('sharp')}", use_inner_text=True
    )
    assert published(page, "chosen") == chosen  # linked: rows of the reference, on both sides
    swapped = published(page, "stars")
    for key, star in pinned.items():
        assert swapped[key] == {"before": star["after"], "after": star["before"]}
    with page.expect_download() as download:
        page.click("#atlas-export button >> nth=0")  # unfold
        page.click("#exports button:has-text('CSV')")
    assert download.value.suggested_filename == f"attune-{FULL}-sharp.csv"
    download.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        assert {row["strategy"] for row in csv.DictReader(file)} == {FULL, "sharp"}
    page.click(f"[data-pin='{FULL}']")  # pinned: the same button lets go of it
    page.wait_for_selector(".at-map[data-left=none][data-strategy=sharp]")
    expect(names[0]).to_contain_text("Before")
    expect(told).to_contain_text("95% interval")


def test_a_figure_shows_what_the_screen_shows(atlas: Any, tmp_path: Path) -> None:
    page = atlas
    page.click("#atlas-export button >> nth=0")  # unfold

    def svg(name: str) -> str:
        with page.expect_download() as download:
            page.click("#exports button:has-text('SVG')")
        download.value.save_as(tmp_path / name)
        return (tmp_path / name).read_text("utf-8")

    plain = svg("plain.svg")
    page.click("[data-layer=ellipses]")
    expect(page.locator("[data-layer=ellipses]")).to_have_attribute("aria-pressed", "true")
    with_ellipses = svg("ellipses.svg")
    page.click(".at-map-legend [data-emotion=sad]")
    fewer = svg("fewer.svg")
    assert with_ellipses.count('id="patch_') == plain.count('id="patch_') + 16  # 8 on each map
    assert fewer.count("<use ") < 0.9 * with_ellipses.count("<use ")
