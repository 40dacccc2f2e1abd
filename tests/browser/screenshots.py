"""Pictures of the three pages after an analysis, as the README shows them.

    python -m tests.browser.screenshots OUT [--dark] [--width 390]

The shipped models judge shipped example clips; the last one of the first page is uploaded, so that
its words are heard. The atlas shows three of them as stars.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from mer_core.checkpoints.shipped import ASSETS, EXAMPLES
from tests.browser.conftest import FLAGS

ROOT = ASSETS.parent
CHROMIUM = "/usr/bin/chromium"
PATIENCE = 180_000  # milliseconds, for the model to load
SPOKEN = (2, 1)  # indices of example clips on the first page
HEARD = EXAMPLES / "contradiction.flac"  # shown
SETTLED = 2_500  # milliseconds until drawings have come to rest
ATLAS_HEIGHT = 1_120  # pixels of the atlas that are shown


def main() -> None:
    """Write page.png, face_voice.png and atlas.png into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--width", type=int, default=1280, help="pixels (%(default)s)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    theme = "dark" if options.dark else "light"
    with running_app() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": options.width, "height": 900})
        page.goto(f"{url}/?__theme={theme}")
        page.get_by_text(re.compile("^Ready")).wait_for(timeout=PATIENCE)
        for index in SPOKEN:
            take(page, index, "emotion")
        hear(page, HEARD)
        shoot(page, options.folder / "page.png")
        page.goto(f"{url}/face?__theme={theme}")
        page.get_by_text(re.compile("^Ready")).wait_for(timeout=PATIENCE)
        take(page, 0, "companion")
        shoot(page, options.folder / "face_voice.png")
        page.set_viewport_size({"width": options.width, "height": ATLAS_HEIGHT})
        page.goto(f"{url}/atlas?__theme={theme}")
        page.get_by_text(re.compile("^Ready")).wait_for(timeout=PATIENCE)
        page.wait_for_timeout(4 * SETTLED)
        shoot(page, options.folder / "atlas.png", whole=options.width < 1000)
        browser.close()


@contextmanager
def running_app() -> Iterator[str]:
    """The app's address, while it runs."""
    command = [sys.executable, "-u", "app.py"]
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert app.stdout is not None
    try:
        yield app.stdout.readline().split()[-1].rstrip("/")
    finally:
        app.terminate()
        app.wait()


def take(page: Page, example: int, result: str) -> None:
    """Click an example clip, which analyses it, and wait for its result."""
    page.locator(".gallery-item").nth(example).click()
    page.wait_for_timeout(SETTLED)
    page.get_by_test_id(result).first.wait_for(timeout=PATIENCE)
    page.wait_for_timeout(SETTLED)


def hear(page: Page, clip: Path) -> None:
    """Upload a recording, and wait for its words and the result of both."""
    page.click("#clear")
    page.get_by_test_id("empty").wait_for()
    page.click('#voice button[aria-label="Upload file"]')
    page.set_input_files("#voice input[type=file]", clip)
    page.get_by_test_id("heard").wait_for(timeout=PATIENCE)
    page.get_by_test_id("occlusion").wait_for(timeout=PATIENCE)
    page.wait_for_timeout(SETTLED)


def shoot(page: Page, path: Path, *, whole: bool = True) -> None:
    """A picture in 256 colours, a third of the size of one in all colours."""
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path, full_page=whole)
    picture = Image.open(path).convert("RGB")
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3).save(path, optimize=True)


if __name__ == "__main__":
    main()
