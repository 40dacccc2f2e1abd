"""Words that come back late: for a recording that is no longer shown, or from a busy server."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.fake_model import BUSY, LATE_SECONDS, SAID

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path("assets/examples").resolve()
WRITTEN = LATE_SECONDS + 0.7  # seconds after which late words have certainly come back
Opener = Callable[..., Any]


def upload(page: Any, recorder: str, path: Path) -> None:
    """Upload a file; in place of the one that is there."""
    remove = page.locator(f'{recorder} button[aria-label="Clear"]')
    if remove.count():
        remove.click()
    page.click(f'{recorder} button[aria-label="Upload file"]')
    with page.expect_response(re.compile("/upload")):
        page.set_input_files(f"{recorder} input[type=file]", str(path))


def occupy(page: Any) -> None:
    """Let another visitor's text keep the model busy."""
    page.fill("#words textarea", BUSY)
    page.press("#words textarea", "Enter")
    page.wait_for_selector("#verdict [aria-busy=true]")


@pytest.mark.parametrize("address", ["/", "/face"])
def test_words_belong_to_the_recording_that_is_shown(
    mute_browser: Any, fake_app: str, open_page: Opener, tmp_path: Path, address: str
) -> None:
    """The first one's words are back, and wait for the model, when the second one arrives."""
    first, second, recorder = {
        "/": ("slow_low.flac", "bright.flac", "#voice"),
        "/face": ("face_apart.mp4", "face_smile.mp4", "#video"),
    }[address]
    late = tmp_path / f"late{Path(first).suffix}"
    shutil.copy(EXAMPLES / first, late)
    other = open_page(mute_browser, fake_app)
    page = open_page(mute_browser, fake_app, address)
    upload(page, recorder, late)
    expect(page.locator("#status")).to_contain_text("Listening for words")
    occupy(other)
    page.wait_for_timeout(1000 * WRITTEN)
    upload(page, recorder, EXAMPLES / second)
    words = page.locator("#words textarea")
    expect(page.get_by_test_id("heard")).to_have_attribute("data-edited", re.compile("English"))
    expect(words).to_have_value(" ".join(SAID))
    expect(page.locator("#status p")).to_have_count(0)
