"""Chromium, a fake microphone, and the app on a free port."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "assets" / "examples"
SAID = "We won! I can't believe it, this is wonderful."
START = 120  # seconds a busy machine may take until the page answers
PATIENCE = 60_000  # milliseconds it may take for anything else
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the system's Chromium; a skip without one, or a failure if one is required."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    reason = "no Chromium found (chromium, chromium-browser or google-chrome)"
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spoken WAV that Chromium plays as the microphone."""
    import soundfile

    wav = tmp_path_factory.mktemp("microphone") / "voice.wav"
    if shutil.which("espeak-ng"):
        subprocess.run(["espeak-ng", "-s", "150", "-w", str(wav), SAID], check=True)
    else:
        sound, rate = soundfile.read(EXAMPLES / "bright.flac")
        soundfile.write(wav, sound, rate)
    return wav


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real face, Grace Hopper's public-domain portrait, that Chromium plays as the webcam."""
    if not shutil.which("ffmpeg"):
        pytest.skip("no ffmpeg to make the webcam's picture with")
    from matplotlib.cbook import get_sample_data

    with get_sample_data("grace_hopper.jpg") as portrait:
        picture = portrait.name
    film = tmp_path_factory.mktemp("camera") / "face.mjpeg"
    sway = "scale=640:-1,crop=640:480:0:30+8*sin(n/6)"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-loop", "1", "-framerate", "15", "-i", picture, "-t", "5",
         "-vf", sway, "-q:v", "3", "-pix_fmt", "yuvj420p", str(film)],
        check=True,
    )  # fmt: skip
    return film


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Any, chromium: str, microphone: Path) -> Iterator[Any]:
    """A browser whose microphone is allowed and speaks."""
    fake = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    ]
    started = playwright.chromium.launch(executable_path=chromium, args=FLAGS + fake)
    yield started
    started.close()


@pytest.fixture(scope="session")
def filmed_browser(playwright: Any, chromium: str, microphone: Path, camera: Path) -> Iterator[Any]:
    """A browser whose webcam shows a face and whose microphone speaks."""
    fake = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
        f"--use-file-for-fake-video-capture={camera}",
    ]
    started = playwright.chromium.launch(executable_path=chromium, args=FLAGS + fake)
    yield started
    started.close()


@pytest.fixture(scope="session")
def mute_browser(playwright: Any, chromium: str) -> Iterator[Any]:
    """A browser that has no microphone to give."""
    started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield started
    started.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def served(command: Callable[[int], list[str]], log: Path) -> Iterator[str]:
    """Start a server, yield its address once it answers, stop it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(port), cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait(address, process, log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.fail(f"the server ended early:\n{log.read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"no answer from {address} within {START} s:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def fake_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "fake.log"


@pytest.fixture(scope="session")
def fake_app(chromium: str, fake_log: Path) -> Iterator[str]:
    """The demo over a stand-in model."""
    yield from served(
        lambda port: [sys.executable, "-m", "tests.browser.serve_fake", str(port)], fake_log
    )


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """The file for which the model of `slow_app` waits."""
    return tmp_path / "model"


@pytest.fixture
def slow_app(chromium: str, tmp_path: Path, model_file: Path) -> Iterator[str]:
    """The demo over a stand-in model that loads until `model_file` is there."""
    yield from served(
        lambda port: [sys.executable, "-m", "tests.browser.serve_fake", str(port), str(model_file)],
        tmp_path / "slow.log",
    )


@pytest.fixture(scope="session")
def real_app(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`python app.py` with the shipped model."""
    log = tmp_path_factory.mktemp("server") / "real.log"
    yield from served(lambda port: [sys.executable, "app.py", "--port", str(port)], log)


@pytest.fixture(scope="session")
def atlas_app(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The interactive map alone, over a made-up atlas of 1000 pairs."""
    log = tmp_path_factory.mktemp("server") / "atlas.log"
    yield from served(
        lambda port: [sys.executable, "-m", "tests.browser.serve_atlas", str(port)], log
    )


Opener = Callable[..., Any]


def _note_requests(page: Any, address: str, foreign: list[str]) -> None:
    """Collect requests to other hosts."""
    allowed = (address, address.replace("http", "ws", 1), "data:", "blob:")
    page.on(
        "request", lambda sent: None if sent.url.startswith(allowed) else foreign.append(sent.url)
    )


# What gradio 6.31 logs when a page is left while an event runs: its `beforeunload` handler calls
# `Client.close`, which aborts the event stream; the stream's `onerror` logs the abort, with a stack
# inside gradio's own bundle, and then one broken connection for every event that ran. Chromium
# words the abort by whether the answer's body had begun to arrive.
ABORTED = re.compile(
    r"AbortError: (signal is aborted without reason|BodyStreamBuffer was aborted)"
    r"(\n +at (\S+ \()?\S+/assets/[Ii]ndex-\S+)*"
)
BROKEN = "Unexpected error Connection errored out. "


def _note_errors(page: Any, errors: list[str], leaves: bool) -> None:
    """Collect what the console reports as an error.

    Where the visitor `leaves` a page, what gradio logs then is left out: `ABORTED`, and `BROKEN`
    after it.
    """
    aborted = False

    def note(text: str) -> None:
        nonlocal aborted
        if leaves and ABORTED.fullmatch(text):
            aborted = True
        elif not (aborted and text == BROKEN):
            errors.append(text)

    def unsent(message: Any) -> bool:
        """gradio refuses to cancel an event whose id it has not sent yet; the page clears twice."""
        return bool(message.location["url"].endswith(("/cancel", "/reset")))

    page.on("console", lambda m: note(m.text) if m.type == "error" and not unsent(m) else None)
    page.on("pageerror", lambda error: note(str(error)))


@pytest.fixture
def open_page() -> Iterator[Opener]:
    """`open_page(browser, address, "/face", width=…, dark=…)`.

    `script` runs before the page's own. Fails on requests to other hosts, and on errors in the
    console unless `noisy` allows them; `leaves` allows what gradio logs when a page is left.
    """
    contexts: list[Any] = []
    foreign: list[str] = []
    errors: list[str] = []

    def opened(
        browser: Any,
        address: str,
        path: str = "/",
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        until: str = ".at-model-ready",
        noisy: bool = False,
        leaves: bool = False,
        script: str = "",
    ) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale="en-US", permissions=[]
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.add_init_script(script)
        _note_requests(page, address, foreign)
        if not noisy:
            _note_errors(page, errors, leaves)
        page.goto(f"{address}{path}?__theme={'dark' if dark else 'light'}")
        page.wait_for_selector(until)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not foreign, f"the page asked other hosts: {foreign}"
    assert not errors, f"the page's console holds errors: {errors}"


@pytest.fixture
def page(mute_browser: Any, atlas_app: str, open_page: Opener) -> Any:
    """The interactive map, at rest."""
    from tests.browser.map_actions import READY, wait_for_rest

    opened = open_page(mute_browser, atlas_app, "/atlas", until=READY)
    wait_for_rest(opened)
    return opened
