"""The page "Alignment atlas" with the shipped model: a clip from its analysis to the maps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.actions import LABELS, label

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Any]
READY = ".at-map[data-state=ready]"


def star(page: Any, strategy: str) -> dict[str, Any]:
    """Side → modality → position of the visitor's one clip, once `strategy`'s map is at rest."""
    page.wait_for_function(
        """(strategy) => {
            const map = document.querySelector(".at-map");
            return map && map.dataset.state === "ready" && map.dataset.strategy === strategy
                && map.dataset.t === "1.00" && !map.attune.state.moving
                && map.dataset.stars && map.dataset.stars.includes("recorded/");
        }""",
        arg=strategy,
    )
    stars = json.loads(page.get_attribute(".at-map", "data-stars"))
    (own,) = [star for key, star in stars.items() if not key.endswith("/changed")]
    return dict(own)


def test_a_clip_from_its_analysis_to_its_stars(
    mute_browser: Any, real_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, real_app, leaves=True)
    page.click("#examples button >> nth=1")
    assert label(page) in LABELS
    page.click("a:has-text('Alignment atlas')")
    page.wait_for_selector(READY)
    everything = star(page, "distribution+token+instance")
    assert {side for side in ("before", "after") if everything[side]} == {"before", "after"}
    assert set(everything["after"]) == {"speech", "text"}
    page.uncheck("#modules label:has-text('Match pairs') input")
    fewer = star(page, "distribution+token")
    assert fewer["before"] == everything["before"]
    assert fewer["after"] != everything["after"]
    panel = page.wait_for_selector("#atlas-neighbours .at-visitor:has-text('We won!')").inner_text()
    assert "your words" in panel.lower()


def test_an_example_is_changed_in_the_lab_and_removed(
    mute_browser: Any, real_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, real_app, "/atlas", until=READY)
    page.click("#add-example")
    star(page, "distribution+token+instance")
    page.click("#lab-clip input")
    page.click("#lab-clip [role=option] >> nth=0")
    page.wait_for_selector("#lab-mute-partner input:enabled")
    page.check("#lab-mute-partner input")
    hollow = page.wait_for_function(
        """() => {
            const stars = JSON.parse(document.querySelector(".at-map")?.dataset.stars || "{}");
            return Object.entries(stars).find(([id]) => /^recorded.*changed$/.test(id));
        }"""
    ).json_value()
    assert set(hollow[1]["after"]) == {"speech"}  # its words are muted
    page.click("#remove-clip")
    page.wait_for_selector(".at-map:not([data-stars*='recorded/'])")
    expect(page.locator("#my-clips input")).to_have_value("")


def test_another_framework_and_a_small_map(
    mute_browser: Any, real_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, real_app, "/atlas", width=390, dark=True, until=READY)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#framework label:has-text('Foal-Net')")
    page.wait_for_selector(".at-map[data-strategy='avel+mem']")
    page.click(".at-map button[data-strategy=sharp]")
    page.wait_for_selector(".at-map[data-strategy=sharp]")
    page.wait_for_selector("#variant label:has-text('Sharp: sorts well') input:checked")
    page.wait_for_selector("#atlas-metrics:has-text('sharp')")
    with page.expect_download() as download:
        page.click("#atlas-export button >> nth=0")  # unfold
        page.click("#exports button:has-text('CSV')")
    assert download.value.suggested_filename == "attune-sharp.csv"


@pytest.mark.parametrize("between", [40, 250])
def test_of_quick_clicks_the_last_one_counts_everywhere(
    mute_browser: Any, real_app: str, open_page: Opener, between: int
) -> None:
    """The answer to a click takes longer than the next click."""
    page = open_page(mute_browser, real_app, "/atlas", until=READY)

    def clicked(*controls: tuple[str, int]) -> None:
        page.evaluate(
            """async ([controls, between]) => {
                for (const [selector, index] of controls) {
                    document.querySelectorAll(selector)[index].click();
                    await new Promise((done) => setTimeout(done, between));
                }
            }""",
            [controls, between],
        )

    def agrees(strategy: str, title: str, boxes: list[bool]) -> None:
        for index, on in enumerate(boxes):
            expect(page.locator("#modules input").nth(index)).to_be_checked(checked=on)
        expect(page.locator(".at-map")).to_have_attribute("data-strategy", strategy)
        heads = page.locator("#atlas-metrics thead").first.locator("th")
        expect(heads.nth(2)).to_have_text(title, use_inner_text=True)

    clicked(("#modules input", 1), ("#modules input", 2))
    agrees("distribution", "Match whole emotions", [True, False, False])
    clicked(*((f".at-map-grid [data-strategy={name}]", 0) for name in ("token", "instance")))
    agrees("instance", "Match pairs", [False, False, True])
    clicked(("#framework input", 1), ("#framework input", 0))
    full = "distribution+token+instance"
    agrees(full, "Match whole emotions + moments + pairs", [True] * 3)
    expect(page.locator("[data-modality=speech]")).to_be_visible()  # the legend is MGCMA's


def test_a_clip_is_removed_alone(mute_browser: Any, real_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, real_app, "/atlas", until=READY)
    names = page.locator("#atlas-neighbours .at-visitor-name")
    for count in (1, 2):
        page.click("#add-example")
        expect(names).to_have_count(count)
        expect(page.locator("#add-example")).to_have_text("Add an example")
    page.click("#lab-clip input")
    page.click("#lab-clip [role=option] >> nth=1")  # the earlier one
    page.wait_for_selector("#lab-mute-partner input:enabled")
    expect(page.locator("#my-clips input")).to_have_value(re.compile("^Clip 1"))
    page.uncheck("#modules label:has-text('Match moments') input")
    expect(page.locator(".at-map")).to_have_attribute("data-strategy", "distribution+instance")
    expect(page.locator("#my-clips input")).to_have_value(re.compile("^Clip 1"))
    page.click("#remove-clip")
    expect(names).to_have_count(1)
    expect(names).to_contain_text("Clip 2")
    expect(page.locator("#my-clips input")).to_have_value(re.compile("^Clip 2"))
    # It was open there; the lab begins again.
    expect(page.locator("#lab-clip input")).to_have_value(re.compile("^Example: "))


def test_the_chosen_clip_and_the_terms_are_followed(
    mute_browser: Any, real_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, real_app, "/atlas", until=READY)
    names, key = page.locator("#atlas-neighbours .at-visitor-name"), page.locator(".at-map-key")
    expect(key).to_be_hidden()
    for count in (1, 2):
        page.click("#add-example")
        expect(names).to_have_count(count)
        expect(page.locator("#add-example")).to_have_text("Add an example")
    page.click("#my-clips input")
    page.click("#my-clips [role=option]:has-text('Clip 2')")
    expect(key).to_contain_text("Clip 2")
    page.click("#my-clips input")
    page.click("#my-clips [role=option]:has-text('Clip 1')")
    expect(key).to_contain_text("Clip 1")
    title = page.locator(".at-map-name[data-side=after] span")
    head = page.locator("#atlas-metrics thead").first.locator("th").nth(2)
    expect(page.locator("#modules")).to_contain_text("Match moments")
    page.check("#papers-terms input")
    expect(page.locator("#modules")).to_contain_text("Tokens")
    for place in (title, head):
        expect(place).to_have_text("Distribution + token + instance", use_inner_text=True)
    expect(page.locator("#modules input").nth(1)).to_be_checked()
    page.locator("#framework input").nth(1).click()
    expect(page.locator("#modules")).to_contain_text("AVEL")  # the choice holds for all frameworks
    page.uncheck("#papers-terms input")
    expect(page.locator("#modules")).to_contain_text("Spot mismatches")
    expect(title).to_have_text("Match emotions + spot mismatches")
