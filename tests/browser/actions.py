"""What visitors do and see on several pages; only recordings take a fixed time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

LABELS = {"Angry", "Happy", "Neutral", "Sad"}


def until(page: Any, condition: str) -> None:
    """Wait for a JavaScript condition; an error while it is evaluated counts as false.

    Gradio replaces elements while it draws an answer, so one may be missing for a moment.
    """
    page.wait_for_function(f"() => {{ try {{ return {condition}; }} catch {{ return false; }} }}")


def watch_for(page: Any, condition: str) -> None:
    """Set `window.noticed` as soon as a JavaScript condition holds, if only for a moment.

    It is evaluated after every change of the page's elements.
    """
    page.evaluate(
        f"""() => {{
            window.noticed = false;
            new MutationObserver(() => {{ window.noticed ||= Boolean({condition}); }})
                .observe(document.body, {{ subtree: true, childList: true, attributes: true }});
        }}"""
    )


def next_frame(page: Any) -> None:
    """Wait until the page has drawn its next frame."""
    page.evaluate("new Promise((done) => requestAnimationFrame(done))")


def label(page: Any) -> str:
    return str(page.get_by_test_id("emotion").inner_text())


def expect_sentence(page: Any, words: str | re.Pattern[str]) -> None:
    """Wait until the sentence that sums up the result contains these words."""
    expect(page.get_by_test_id("sentence")).to_contain_text(words)


def expect_busy(page: Any, words: str) -> None:
    """Wait until the page shows progress with these words."""
    expect(page.locator("#verdict [aria-busy=true]")).to_contain_text(words)


def film(page: Any, milliseconds: int) -> None:
    """Start the webcam and a recording, and return while it still runs."""
    page.get_by_text("Click to Access Webcam").click()
    until(page, "document.querySelector('#video video').videoWidth > 0")
    page.click("#video button.capture-button")
    page.wait_for_selector("#video [title='stop recording']")
    page.wait_for_timeout(milliseconds)


def record(page: Any, milliseconds: int = 4000) -> None:
    film(page, milliseconds)
    page.click("#video [title='stop recording']")
    page.wait_for_selector('[data-testid="Video-player"]')


def upload(page: Any, path: Path) -> None:
    page.click('#video button[aria-label="Upload file"]')
    with page.expect_response(re.compile("/upload")):
        page.set_input_files("#video input[type=file]", str(path))
    page.wait_for_selector('[data-testid="Video-player"]')


def example(page: Any, index: int) -> None:
    page.locator("#examples button").nth(index).click()


def check_film(page: Any) -> None:
    """Thumbnails and preview are in the page, at their places, and have loaded."""
    until(page, "[...document.querySelectorAll('.at-film img')].every((e) => e.naturalWidth)")
    expect(page.locator(".at-box")).to_be_visible()
    images = page.evaluate(
        """() => [...document.querySelectorAll(".at-film img, .at-preview img")]
            .map((e) => [e.src.slice(0, 23), e.alt, e.naturalWidth])"""
    )
    assert 2 <= len(images) <= 13
    for source, alt, width in images:
        assert source == "data:image/jpeg;base64,"
        assert alt
        assert width >= 48
    # One reading of all four: the words that arrive may move the page between two readings.
    frame, box, film, columns = page.evaluate(
        """() => [".at-frame", ".at-box", ".at-film", ".at-columns"]
            .map((kind) => document.querySelector(kind).getBoundingClientRect().toJSON())"""
    )
    assert 0.15 * frame["width"] < box["width"] < frame["width"]
    assert frame["x"] <= box["x"]
    assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 1
    assert film["y"] < columns["y"]
    assert abs(film["x"] - columns["x"]) < 1
    assert abs(film["width"] - columns["width"]) < 1
