"""The page "Alignment atlas" with what ships: a clip from its analysis to the maps."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.watching import LABELS, label

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Any]
READY = ".at-map[data-state=ready]"


def star(page: Any, strategy: str) -> dict[str, Any]:
    """Side → modality → place of the first star, once the map of `strategy` stands still."""
    page.wait_for_function(
        """(strategy) => {
            const map = document.querySelector(".at-map");
            return map && map.dataset.state === "ready" && map.dataset.strategy === strategy
                && map.dataset.t === "1.00" && !map.attune.state.moving
                && map.dataset.stars && map.dataset.stars.length > 2;
        }""",
        arg=strategy,
    )
    stars = json.loads(page.get_attribute(".at-map", "data-stars"))
    assert len(stars) == 1
    return dict(next(iter(stars.values())))


def test_a_clip_from_its_analysis_to_its_stars(
    mute_browser: Any, real_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, real_app)
    page.click("#examples button >> nth=1")
    assert label(page) in LABELS
    page.click("a:has-text('Alignment atlas')")
    page.wait_for_selector(READY)
    everything = star(page, "distribution+token+instance")
    assert {side for side in ("before", "after") if everything[side]} == {"before", "after"}
    assert set(everything["after"]) == {"speech", "text"}
    page.uncheck("#modules input[value=instance]")
    fewer = star(page, "distribution+token")
    assert fewer["before"] == everything["before"]
    assert fewer["after"] != everything["after"]
    page.wait_for_function(
        "document.querySelector('#atlas-neighbours').innerText.includes('We won!')"
    )
    assert "your words" in page.inner_text("#atlas-neighbours").lower()
