"""Analyse waits for a running recording and for uploads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.actions import LABELS, check_film, expect_sentence, film, label

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FILE = Path("assets/examples/bright.flac").resolve()
UPLOAD = re.compile(r"/upload(\?|$)")
WORDS = "We won, I am so happy"
NO_MICROPHONE = """
    Object.defineProperty(navigator, "language", { get: () => "fr" });
    Object.defineProperty(navigator, "languages", { get: () => ["fr"] });
    const devices = navigator.mediaDevices, original = devices.getUserMedia.bind(devices);
    devices.getUserMedia = (wanted) => wanted.audio
        ? Promise.reject(new DOMException("", "NotFoundError")) : original(wanted);
"""
Opener = Callable[..., Any]


class Connection:
    """A connection that holds uploads back until the test lets them through."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._held: list[Any] = []
        page.route(UPLOAD, lambda route: self._held.append(route))

    def next(self) -> Any:
        """The route of the next upload, once there is one."""
        while not self._held:
            self._page.wait_for_timeout(20)  # routes come in only while playwright waits
        return self._held.pop(0)


def choose_file(page: Any) -> None:
    page.click('#voice button[aria-label="Upload file"]')
    page.set_input_files("#voice input[type=file]", str(FILE))


def speak(page: Any, milliseconds: int = 3000) -> None:
    """Start recording the voice, and return while it still runs."""
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator("#voice button.stop-button")).to_be_visible()
    page.wait_for_timeout(milliseconds)


def waits(page: Any) -> None:
    """The page shows that it waits, and no result."""
    expect(page.locator("#device-note")).to_contain_text("Waiting for the recording")
    expect(page.get_by_test_id("empty")).to_be_visible()


@pytest.mark.parametrize("paused", [False, True])
def test_analyse_ends_a_recording_and_waits_for_it(
    browser: Any, fake_app: str, open_page: Opener, paused: bool
) -> None:
    page = open_page(browser, fake_app)
    connection = Connection(page)
    speak(page)
    if paused:
        page.click("#voice button.pause-button")
        expect(page.locator("#voice button.stop-button-paused:visible")).to_have_count(1)
    page.fill("#words textarea", WORDS)
    page.press("#words textarea", "Enter")
    voice = connection.next()
    waits(page)
    voice.continue_()
    expect(page.locator(".at-modality")).to_have_count(3)
    expect(page.locator(".at-word-said")).to_have_count(6)  # so the voice was analysed
    expect(page.locator("#device-note")).to_have_text("")


def test_analyse_waits_for_an_upload(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app)
    connection = Connection(page)
    page.fill("#words textarea", WORDS)
    choose_file(page)
    file = connection.next()
    page.click("#analyse")
    waits(page)
    file.continue_()
    expect(page.locator(".at-modality")).to_have_count(3)
    expect(page.locator("#device-note")).to_have_text("")


@pytest.mark.parametrize("end", ["refused", "broken off", "never answered"])
def test_a_failed_upload_is_explained(
    mute_browser: Any, fake_app: str, open_page: Opener, end: str
) -> None:
    patience = 1500 if end == "never answered" else 600_000
    script = f"window.attunePatience = {patience};"
    page = open_page(mute_browser, fake_app, noisy=True, script=script)
    connection = Connection(page)
    page.fill("#words textarea", WORDS)
    choose_file(page)
    file = connection.next()
    page.click("#analyse")
    if end == "refused":
        file.fulfill(status=413, body="too large")
    elif end == "broken off":
        file.abort()
    expect(page.locator("#device-note")).to_contain_text("could not be uploaded")
    expect(page.get_by_test_id("empty")).to_be_visible()
    page.click("#analyse")  # pressed again, it analyses the words
    expect_sentence(page, re.compile("^From the words alone"))


def test_analyse_ends_a_film_in_any_language(
    filmed_browser: Any, fake_app: str, open_page: Opener
) -> None:
    page = open_page(filmed_browser, fake_app, "/face", script=NO_MICROPHONE)
    connection = Connection(page)
    film(page, 3000)
    expect(page.locator("#video button.capture-button")).not_to_contain_text("Stop")
    page.click("#analyse")
    clip = connection.next()
    waits(page)
    clip.continue_()
    assert label(page) in LABELS
    check_film(page)
    expect(page.get_by_test_id("Video-player")).to_be_visible()
    # The earlier note is back.
    expect(page.locator("#device-note")).to_contain_text("no sound, so only the face is analysed")
