"""The page "Face & voice" with the shipped model and a real portrait as the webcam's picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.actions import LABELS, check_film, expect_sentence, label, record, upload

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path("assets/examples").resolve()
Opener = Callable[..., Any]


def test_from_recording_to_result_with_the_shipped_model(
    filmed_browser: Any, real_app: str, open_page: Opener
) -> None:
    """A face that any detector finds, and a voice that speaks."""
    page = open_page(filmed_browser, real_app, "/face")
    expect(page.get_by_test_id("model")).to_contain_text("Foal-Net")
    record(page, 5000)
    page.click("#analyse")
    assert label(page) in LABELS
    expect_sentence(page, "model")
    expect(page.locator("#verdict .at-modality")).to_have_count(3)
    expect(page.locator("[role=meter]")).to_have_count(1)
    check_film(page)
    page.click(".at-fold summary")
    expect(page.locator(".at-fold .at-grid:visible")).to_have_count(2)


def test_an_upload_with_the_shipped_model_and_no_face(
    mute_browser: Any, real_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, real_app, "/face")
    upload(page, EXAMPLES / "hills.mp4")
    page.click("#analyse")
    expect_sentence(page, "No face was found")
    assert label(page) in LABELS  # of the voice alone
    expect(page.locator("[role=meter], .at-film")).to_have_count(0)
