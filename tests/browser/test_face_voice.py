"""The page "Face & voice" as a visitor uses it, with a real portrait as the webcam's picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.actions import (
    LABELS,
    check_film,
    example,
    expect_busy,
    expect_sentence,
    label,
    record,
    until,
    upload,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path("assets/examples").resolve()
Opener = Callable[..., Any]


def test_record_and_analyse(filmed_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(filmed_browser, fake_app, "/face")
    record(page)
    assert label(page) in LABELS
    expect(page.locator("#verdict .at-modality")).to_have_count(3)
    expect(page.locator("#words textarea")).to_have_value("We won! Happy days.")
    expect(page.locator("#companion .at-modality")).to_have_count(3)  # voice, words and both
    meter = page.locator("[role=meter]")
    assert 0 <= int(meter.get_attribute("aria-valuenow")) <= 100
    expect(page.get_by_test_id("match")).to_contain_text(re.compile("oice and face (dis)?agree"))
    check_film(page)
    assert page.locator(".at-columns rect").count() >= 8
    grids = page.locator(".at-fold .at-grid:visible")
    expect(grids).to_have_count(0)
    page.click(".at-fold summary")
    expect(grids).to_have_count(2)


def test_an_upload_and_clear(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app, "/face")
    upload(page, EXAMPLES / "face_apart.mp4")
    page.keyboard.press("Control+Enter")
    assert label(page) in LABELS
    expect(page.get_by_test_id("match")).to_have_text("Voice and face disagree")
    check_film(page)
    page.click("#clear")
    expect(page.get_by_test_id("empty")).to_be_visible()
    expect(page.locator(".at-film, .at-columns, [role=meter]")).to_have_count(0)
    expect(page.get_by_test_id("Video-player")).to_have_count(0)


def test_a_recording_shows_its_length(
    filmed_browser: Any, fake_app: str, open_page: Opener
) -> None:
    page = open_page(filmed_browser, fake_app, "/face")
    record(page, 2000)
    expect(page.locator("#video .time")).to_have_text(re.compile(r" 0:0[1-4]\s*$"))


def test_the_webcams_sound_is_requested_unprocessed(
    filmed_browser: Any, fake_app: str, open_page: Opener
) -> None:
    page = open_page(filmed_browser, fake_app, "/face")
    page.get_by_text("Click to Access Webcam").click()
    until(page, "document.querySelector('#video video').srcObject")
    sound, tracks, width = page.evaluate(
        """() => {
            const stream = document.querySelector("#video video").srcObject;
            const sound = stream.getAudioTracks()[0].getSettings();
            return [[sound.echoCancellation, sound.noiseSuppression, sound.autoGainControl],
                    stream.getTracks().length, stream.getVideoTracks()[0].getSettings().width];
        }"""
    )
    assert sound == [False, False, False]
    assert tracks == 2
    assert width <= 640


def test_a_refused_camera_is_explained(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app, "/face", noisy=True)
    assert page.inner_text("#device-note") == ""  # nothing is asked for before a click
    page.get_by_text("Click to Access Webcam").click()
    expect(page.locator("#device-note")).to_contain_text("camera")
    expect(page.locator("#device-note")).to_contain_text("upload a video")


def test_a_camera_without_a_microphone_still_records(
    filmed_browser: Any, fake_app: str, open_page: Opener
) -> None:
    no_microphone = """
        const devices = navigator.mediaDevices, original = devices.getUserMedia.bind(devices);
        devices.getUserMedia = (wanted) => wanted.audio
            ? Promise.reject(new DOMException("", "NotFoundError")) : original(wanted);
    """
    page = open_page(filmed_browser, fake_app, "/face", script=no_microphone)
    record(page, 2500)
    expect(page.locator("#device-note")).to_contain_text("no sound, so only the face is analysed")
    page.click("#analyse")
    assert label(page) == "Happy"
    expect_sentence(page, "The video has no sound")
    expect(page.locator("[role=meter]")).to_have_count(0)
    check_film(page)


def test_examples_fill_in_and_answer(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app, "/face")
    examples = page.locator("#examples button")
    assert examples.count() == 4
    assert all("drawn" in text for text in examples.all_inner_texts())
    example(page, 0)
    assert label(page) == "Happy"
    expect(page.get_by_test_id("match")).to_have_text("Voice and face agree")
    example(page, 3)
    expect_sentence(page, "No face was found")
    for kind, count in (("[role=meter]", 0), (".at-film", 0), (".at-columns", 1)):
        expect(page.locator(kind)).to_have_count(count)


def test_a_bad_file_and_nothing_get_a_sentence(
    mute_browser: Any, fake_app: str, open_page: Opener, tmp_path: Path
) -> None:
    page = open_page(mute_browser, fake_app, "/face", noisy=True)  # the player cannot show it
    page.click("#analyse")
    expect_sentence(page, "nothing to analyse")
    bad = tmp_path / "clip.mp4"
    bad.write_bytes(b"this is no video " * 200)
    upload(page, bad)
    page.click("#analyse")
    expect_sentence(page, "could not be read")
    expect(page.get_by_test_id("emotion")).to_have_count(0)


def test_keyboard_alone(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app, "/face")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => {
                const e = document.activeElement;
                return [e.id || (e.closest("[id]") || {}).id || "", e.tagName,
                        getComputedStyle(e).outlineStyle, e.innerText];
            }"""
        )
        reached.append(at[0])
        assert at[1] == "BODY" or at[2] != "none", f"no focus ring on {at}"
        if "drawn" in at[3] and at[1] == "BUTTON":
            break
    assert {"video", "analyse", "clear"} <= set(reached)
    page.keyboard.press("Enter")
    assert label(page) == "Happy"
    page.focus(".at-fold summary")
    page.keyboard.press("Enter")
    expect(page.locator(".at-fold .at-grid:visible")).to_have_count(2)
    page.click("#clear")
    expect(page.get_by_test_id("empty")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect_sentence(page, "nothing to analyse")


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_everything_without_scrolling_sideways(
    mute_browser: Any, fake_app: str, open_page: Opener, dark: bool
) -> None:
    page = open_page(mute_browser, fake_app, "/face", width=390, height=844, dark=dark)
    example(page, 2)
    label(page)
    page.wait_for_selector(".at-columns")
    page.locator(".at-fold").evaluate("(fold) => { fold.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    inner = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.at-card, .at-card *')]"
        ".map((e) => e.getBoundingClientRect().right))"
    )
    assert inner <= 390
    check_film(page)


def test_dark_mode_is_dark(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app, "/face", dark=True)
    example(page, 0)
    label(page)
    for kind in (".at-verdict", ".at-fold"):
        card = page.locator(kind).evaluate("(card) => getComputedStyle(card).backgroundColor")
        assert sum(int(c) for c in re.findall(r"\d+", card)[:3]) < 200


def test_reduced_motion_is_respected(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app, "/face")
    page.emulate_media(reduced_motion="reduce")
    example(page, 0)
    label(page)
    moving = page.evaluate(
        "document.getAnimations().filter((a) => a.playState === 'running').length"
    )
    assert moving == 0


def test_controls_are_labelled(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app, "/face")
    example(page, 0)
    label(page)
    nameless = page.evaluate(
        """() => ["button", "input", "img", "[role=meter]", "[role=img]"]
            .flatMap((kind) => [...document.querySelectorAll("main " + kind)])
            .filter((e) => e.offsetParent && !(e.innerText || "").trim() && !e.alt
                && !e.getAttribute("aria-label") && !e.title && !(e.labels && e.labels.length))
            .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_the_notice_comes_before_the_camera(
    mute_browser: Any, fake_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, fake_app, "/face")
    notice, camera = page.locator(".at-notice"), page.locator("#video")
    assert notice.is_visible()
    assert notice.bounding_box()["y"] < camera.bounding_box()["y"]
    for words in ("What is computed", "look of a face", "What is kept", "education"):
        assert words in notice.inner_text()


def test_from_page_to_page(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app, leaves=True)
    page.get_by_role("link", name="Face & voice").click()
    page.wait_for_selector("#video")
    page.wait_for_selector(".at-model-ready")
    page.get_by_role("link", name="Speak & type").click()
    page.wait_for_selector("#words")


def test_a_page_is_left_while_an_event_runs(
    mute_browser: Any, slow_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, slow_app, until=".at-model-loading", leaves=True)
    page.get_by_role("link", name="Face & voice").click()
    page.wait_for_selector("#video")


def test_the_page_is_there_while_the_model_loads(
    mute_browser: Any, slow_app: str, model_file: Path, open_page: Opener
) -> None:
    page = open_page(mute_browser, slow_app, "/face", until=".at-model-loading")
    example(page, 0)
    expect_busy(page, "loading")
    model_file.touch()
    assert label(page) == "Happy"
