"""The page "Face & voice" with the shipped model: a real portrait before a fake webcam."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.watching import LABELS, check_film, label, record, sentence, upload

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path("assets/examples").resolve()
Opener = Callable[..., Any]


def test_the_whole_way_with_the_shipped_model(
    filmed_browser: Any, real_app: str, open_page: Opener
) -> None:
    """A face that everybody's detector finds, and a voice that says something."""
    page = open_page(filmed_browser, real_app, "/face")
    assert "Foal-Net" in page.inner_text("[data-testid=model]")
    record(page, 5000)
    page.click("#analyse")
    assert label(page) in LABELS
    assert "model" in sentence(page)
    assert page.locator(".at-modality").count() == 3
    assert page.locator("[role=meter]").count() == 1
    check_film(page)
    page.click(".at-fold summary")
    assert page.locator(".at-fold .at-grid:visible").count() == 2


def test_an_upload_with_the_shipped_model_and_no_face(
    mute_browser: Any, real_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, real_app, "/face")
    upload(page, EXAMPLES / "hills.mp4")
    page.click("#analyse")
    assert "No face was found" in sentence(page)
    assert label(page) in LABELS  # of the voice alone
    assert page.locator("[role=meter]").count() == 0
    assert page.locator(".at-film").count() == 0
