"""What a visitor of "Face & voice" does, and what is to be seen of a face."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

LABELS = {"Angry", "Happy", "Neutral", "Sad"}


def label(page: Any) -> str:
    page.wait_for_selector("[data-testid=emotion]")
    return str(page.inner_text("[data-testid=emotion]"))


def sentence(page: Any) -> str:
    page.wait_for_selector("[data-testid=sentence]")
    return str(page.inner_text("[data-testid=sentence]"))


def record(page: Any, milliseconds: int = 4000) -> None:
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_selector("#video button.capture-button")
    page.wait_for_timeout(700)  # the picture appears
    page.click("#video button.capture-button")
    page.wait_for_timeout(milliseconds)
    page.click("#video button.capture-button:has-text('Stop')")
    page.wait_for_selector('[data-testid="Video-player"]')


def upload(page: Any, path: Path) -> None:
    page.click('#video button[aria-label="Upload file"]')
    with page.expect_response(re.compile("/upload")):
        page.set_input_files("#video input[type=file]", str(path))
    page.wait_for_selector('[data-testid="Video-player"]')


def example(page: Any, index: int) -> None:
    page.locator("#examples button").nth(index).click()


def check_film(page: Any) -> None:
    """Thumbnails and preview are part of the page, in place, and really show something."""
    shown = page.evaluate(
        """() => [...document.querySelectorAll(".at-film img, .at-preview img")]
            .map((e) => [e.src.slice(0, 23), e.alt, e.naturalWidth])"""
    )
    assert 2 <= len(shown) <= 13
    for source, alt, width in shown:
        assert source == "data:image/jpeg;base64,"
        assert alt
        assert width >= 48
    frame = page.locator(".at-frame").bounding_box()
    box = page.locator(".at-box").bounding_box()
    assert 0.15 * frame["width"] < box["width"] < frame["width"]
    assert frame["x"] <= box["x"]
    assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 1
    film, columns = (page.locator(kind).bounding_box() for kind in (".at-film", ".at-columns"))
    assert film["y"] < columns["y"]
    assert abs(film["x"] - columns["x"]) < 1
    assert abs(film["width"] - columns["width"]) < 1
