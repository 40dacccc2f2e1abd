"""The page "Speak & type" as a visitor uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from mer_core.checkpoints.shipped import WHISPER
from tests.browser.actions import LABELS, expect_busy, expect_sentence, label, until, watch_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path("assets/examples").resolve()
Opener = Callable[..., Any]


def record(page: Any, milliseconds: int = 3500) -> None:
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_selector("#voice button.stop-button", state="visible")
    page.wait_for_timeout(milliseconds)
    with page.expect_response(re.compile("/upload")):
        page.click("#voice button.stop-button")
    page.wait_for_selector('#voice button[aria-label="Play"]')


def upload(page: Any, path: Path) -> None:
    page.click('#voice button[aria-label="Upload file"]')
    with page.expect_response(re.compile("/upload")):
        page.set_input_files("#voice input[type=file]", str(path))


@pytest.mark.skipif(not WHISPER.is_dir(), reason="the speech-to-text model is not in this checkout")
def test_a_visitor_only_speaks(browser: Any, real_app: str, open_page: Opener) -> None:
    """From a recording to its words and to both answers, with the shipped models."""
    page = open_page(browser, real_app)
    watch_for(
        page,
        "[...document.querySelectorAll('#verdict .at-sentence, #status p')]"
        ".map((e) => e.textContent).join(' ')"
        ".match(/^From the voice alone.*Voice judged. Listening for words…$/)",
    )
    record(page)
    words = page.locator("#words textarea")
    expect(words).to_have_value(re.compile("wonderful", re.IGNORECASE))
    expect(page.locator(".at-modality")).to_have_count(3)  # voice, words and both
    assert label(page) in LABELS
    assert page.evaluate("window.noticed")  # the voice's answer came first
    expect(page.get_by_test_id("heard")).to_have_text("Heard in English")
    expect(page.get_by_test_id("occlusion")).to_contain_text(re.compile("Without|No single"))
    assert page.locator(".at-word-said").count() >= 7
    page.locator(".at-heard button", has_text=re.compile("wonderful", re.IGNORECASE)).focus()
    expect(page.get_by_test_id("word-fact")).to_contain_text("% sure; said at")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_test_id("word-fact")).not_to_contain_text("wonderful")
    words.press("End")
    words.type(" indeed")
    expect(page.get_by_test_id("heard")).to_have_text("Heard in English, then edited")


def test_words_alone_with_the_shipped_model(
    mute_browser: Any, real_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, real_app)
    page.fill("#words textarea", "I am so sad and I miss her.")
    page.press("#words textarea", "Enter")
    assert label(page) in LABELS
    expect_sentence(page, re.compile("^From the words alone"))


def test_typed_words_are_not_overwritten(browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(browser, fake_app)
    page.fill("#words textarea", "We won, I am so happy")
    record(page)
    expect(page.locator(".at-modality")).to_have_count(3)
    expect(page.locator(".at-word-said")).to_have_count(6)  # placed in time
    assert page.get_attribute(".at-effects", "role") == "img"
    assert "happy: " in str(page.get_attribute(".at-effects", "aria-label"))
    expect(page.locator("#words textarea")).to_have_value("We won, I am so happy")
    expect(page.get_by_test_id("heard")).to_have_count(0)
    expect(page.get_by_test_id("status")).to_have_count(0)


def test_the_microphone_is_requested_unprocessed(
    browser: Any, fake_app: str, open_page: Opener
) -> None:
    page = open_page(browser, fake_app)
    settings = page.evaluate(
        """async () => {
            const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
            const found = stream.getAudioTracks()[0].getSettings();
            stream.getTracks().forEach((track) => track.stop());
            return [found.echoCancellation, found.noiseSuppression, found.autoGainControl];
        }"""
    )
    assert settings == [False, False, False]


def test_a_refused_microphone_is_explained(
    mute_browser: Any, fake_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, fake_app, noisy=True)
    assert page.inner_text("#device-note") == ""  # nothing is asked for before a click
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator("#device-note")).to_contain_text("icrophone")
    expect(page.locator("#device-note")).to_be_visible()


def test_an_upload_and_clear(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app)
    upload(page, EXAMPLES / "long.flac")
    expect(page.get_by_test_id("heard")).to_be_visible()
    expect(page.locator(".at-modality")).to_have_count(3)
    assert label(page) in LABELS
    expect(page.locator(".at-columns")).to_have_count(1)
    page.click("#clear")
    expect(page.get_by_test_id("empty")).to_be_visible()
    expect(page.locator(".at-columns")).to_have_count(0)
    expect(page.locator("#words textarea")).to_have_value("")
    expect(page.get_by_test_id("heard")).to_have_count(0)
    expect(page.locator('#voice button[aria-label="Play"]')).to_have_count(0)


def test_an_example_fills_in_and_is_analysed(
    mute_browser: Any, fake_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, fake_app)
    examples = page.locator("#examples button")
    expect(examples.nth(3)).to_be_visible()
    assert all(re.match("synthetic: |real voice: ", t) for t in examples.all_inner_texts())
    examples.first.click()
    assert label(page) in LABELS
    expect(page.locator("#words textarea")).not_to_have_value("")


def test_a_bad_file_gets_a_sentence_and_loses_nothing(
    mute_browser: Any, fake_app: str, open_page: Opener, tmp_path: Path
) -> None:
    bad = tmp_path / "notes.wav"
    bad.write_bytes(b"this is no sound " * 200)
    page = open_page(mute_browser, fake_app, noisy=True)
    page.fill("#words textarea", "still here")
    upload(page, bad)
    expect_sentence(page, "could not be read as sound")
    expect_sentence(page, "wav, flac")
    assert page.input_value("#words textarea") == "still here"
    expect(page.get_by_test_id("emotion")).to_have_count(0)


def test_nothing_at_all_gets_a_sentence(
    mute_browser: Any, fake_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, fake_app)
    page.click("#analyse")
    expect_sentence(page, "nothing to analyse")


def test_an_unexpected_error_shows_no_detail(
    mute_browser: Any, fake_app: str, open_page: Opener, fake_log: Path
) -> None:
    page = open_page(mute_browser, fake_app)
    page.fill("#words textarea", "crash, please")
    page.click("#analyse")
    expect_sentence(page, "went wrong on our side")
    assert "secret" not in page.content()
    assert "secret" not in fake_log.read_text()
    assert "crash, please" not in fake_log.read_text()


def test_text_is_shown_as_text(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app)
    page.locator("#examples button").first.click()
    label(page)
    page.fill("#words textarea", "<img src=x onerror=document.title='owned'> hi")
    page.click("#analyse")
    expect(page.locator(".at-effect-words li, .at-word-said")).to_have_count(4)
    assert page.locator("#details img").count() == 0
    assert page.title() != "owned"


def test_keyboard_alone(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app)
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => {
                const e = document.activeElement;
                return [e.id || (e.closest("[id]") || {}).id || "", e.tagName,
                        getComputedStyle(e).outlineStyle];
            }"""
        )
        reached.append(at[0])
        assert at[1] == "BODY" or at[2] != "none", f"no focus ring on {at}"
        if at[1] == "TEXTAREA":
            break
    page.keyboard.type("I am so happy")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert label(page) == "Happy"
    assert "voice" in reached


def test_shift_enter_starts_a_line(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app)
    page.fill("#words textarea", "first")
    page.press("#words textarea", "Shift+Enter")
    page.keyboard.type("happy")
    assert page.input_value("#words textarea") == "first\nhappy"
    expect(page.get_by_test_id("empty")).to_be_visible()
    page.keyboard.press("Enter")
    assert label(page) == "Happy"


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_everything_without_scrolling_sideways(
    mute_browser: Any, fake_app: str, open_page: Opener, dark: bool
) -> None:
    page = open_page(mute_browser, fake_app, width=390, height=844, dark=dark)
    for example in (0, 5):
        page.locator("#examples button").nth(example).click()
        page.wait_for_selector(".at-heard" if example == 5 else ".at-effects")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        inner = page.evaluate(
            "Math.max(...[...document.querySelectorAll('.at-card, .at-card *, .at-heard *')]"
            ".map((e) => e.getBoundingClientRect().right))"
        )
        assert inner <= 390
    until(page, "document.querySelector('#verdict').getBoundingClientRect().top < innerHeight")


def test_dark_mode_is_dark(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app, dark=True)
    page.fill("#words textarea", "I am happy")
    page.click("#analyse")
    label(page)
    card = page.locator(".at-verdict").evaluate("(card) => getComputedStyle(card).backgroundColor")
    assert sum(int(c) for c in re.findall(r"\d+", card)[:3]) < 200


def test_inputs_are_labelled(mute_browser: Any, fake_app: str, open_page: Opener) -> None:
    page = open_page(mute_browser, fake_app)
    assert page.get_by_label("Words").count() >= 1
    nameless = page.evaluate(
        """() => ["button", "input", "textarea", "select"]
            .flatMap((tag) => [...document.querySelectorAll("main " + tag)])
            .filter((e) => e.offsetParent && !(e.innerText || "").trim()
                && !e.getAttribute("aria-label") && !e.title && !(e.labels && e.labels.length))
            .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_the_notice_comes_before_the_recorder(
    mute_browser: Any, fake_app: str, open_page: Opener
) -> None:
    page = open_page(mute_browser, fake_app)
    notice, recorder = page.locator(".at-notice"), page.locator("#voice")
    assert notice.is_visible()
    assert notice.bounding_box()["y"] < recorder.bounding_box()["y"]
    for words in ("What is computed", "What is kept", "What not to use it for", "education"):
        assert words in notice.inner_text()


def test_a_silent_clip_gets_a_sentence(
    mute_browser: Any, fake_app: str, open_page: Opener, tmp_path: Path
) -> None:
    quiet = tmp_path / "quiet.wav"
    soundfile.write(quiet, np.zeros(16_000), 16_000)
    page = open_page(mute_browser, fake_app)
    upload(page, quiet)
    expect_sentence(page, "The recording is silent.")
    expect(page.locator("#words textarea")).to_have_value("")
    expect(page.get_by_test_id("status")).to_have_count(0)


def test_the_page_is_there_while_the_model_loads(
    mute_browser: Any, slow_app: str, model_file: Path, open_page: Opener
) -> None:
    page = open_page(mute_browser, slow_app, until=".at-model-loading")
    page.fill("#words textarea", "I am so happy")
    page.press("#words textarea", "Enter")
    expect_busy(page, "loading")
    model_file.touch()
    assert label(page) == "Happy"
    ready = page.get_by_test_id("model")
    expect(ready).to_have_text("Ready: MGCMA and Foal-Net, 4 categories")
