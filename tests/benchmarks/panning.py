"""How smoothly the atlas page's map moves, compared with an empty page and the same drag.

    python -m tests.benchmarks.panning [--seconds 4] [--headed]

With 4000 points on both panels together: the intervals between frames while a mouse drags and while
the right panel morphs, and the times from the navigation until the map is painted and can be moved.
The baseline of the intervals is an empty page in the same run, that of the times the page "Speak &
type". Without a graphics card, Chromium draws WebGL on the processor.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.conftest import FLAGS, served

CHROMIUM = "/usr/bin/chromium"
SMOOTH = 17.0  # ms: 60 frames per second, and the clock's resolution
VIEWS = {"umap": "2000 points of UMAP", "linear": "2000 linear points", "matrix": "both matrices"}
COUNT = """() => {
    window.intervals = [];
    let last = 0;
    const tick = (now) => {
        if (last) window.intervals.push(now - last);
        last = now;
        window.ticking = requestAnimationFrame(tick);
    };
    cancelAnimationFrame(window.ticking || 0);
    window.ticking = requestAnimationFrame(tick);
}"""


def drag(page: Any, x: float, y: float, seconds: float) -> list[float]:
    """Drag the mouse; the intervals between frames, in ms."""
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(COUNT)
    for step in range(round(seconds * 1000 / 12)):
        page.mouse.move(x + step % 40 * 3, y + step % 30 * 2)
        page.wait_for_timeout(12)
    intervals = page.evaluate("window.intervals")
    page.mouse.up()
    return [float(interval) for interval in intervals]


def morph(page: Any) -> list[float]:
    """Play the change from before to after; the intervals between frames, in ms."""
    page.evaluate(COUNT)
    page.click(".at-map-play")
    page.wait_for_selector(".at-map-playing")
    page.wait_for_selector(".at-map:not(.at-map-playing)")
    return [float(interval) for interval in page.evaluate("window.intervals")]


def row(title: str, intervals: list[float], base: float) -> str:
    """Median, 95th percentile, share of smooth frames, ratio of the medians."""
    ordered = sorted(intervals)
    median, slow = statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))]
    smooth = sum(interval < SMOOTH for interval in ordered) / len(ordered)
    return (
        f"{title:<34}{median:7.1f} ms{slow:8.1f} ms{100 * smooth:7.0f} %"
        f"{median / base:8.2f}{len(ordered):7d}"
    )


def measure(page: Any, address: str, seconds: float) -> None:
    """Print one table."""
    page.goto("about:blank")
    still = drag(page, 300, 300, seconds)
    base = statistics.median(still)
    page.goto(f"{address}/")
    page.wait_for_selector(".at-model-ready")  # the model no longer uses the processor
    page.goto(f"{address}/")
    page.wait_for_selector("#analyse")
    empty = page.evaluate("performance.now()")
    page.goto(f"{address}/atlas")
    page.wait_for_selector(".at-map[data-state=ready]")
    ready = page.evaluate("performance.now()")
    painted = page.evaluate("document.querySelector('.at-map').attune.first")
    kind = page.evaluate("document.querySelector('.at-map').attune.state.kind")
    page.wait_for_timeout(1500)
    box = page.locator(".at-map-panel[data-side=before]").bounding_box()
    panned = drag(page, box["x"] + 150, box["y"] + 60, seconds)
    morphed = {}
    for view in VIEWS:
        page.check(f".at-map-views input[value={view}]", force=True)
        page.wait_for_timeout(1500)
        morphed[view] = morph(page)
    print(f"drawn as                          {kind}")
    print(f"{'':<34}{'median':>10}{'p95':>11}{'< 17 ms':>9}{'ratio':>8}{'frames':>7}")
    print(row("empty page, the same drag", still, base))
    print(row("panning 4000 points", panned, base))
    for view, intervals in morphed.items():
        print(row(f"morphing, {VIEWS[view]}", intervals, base))
    print(f"Speak & type could be used        {empty:7.0f} ms after the navigation")
    print(f"the map was painted               {painted:7.0f} ms  ratio {painted / empty:.2f}")
    print(f"the map could be moved            {ready:7.0f} ms  ratio {ready / empty:.2f}")


def main() -> None:
    """Serve the shipped model, open the atlas and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--headed", action="store_true", help="in a window, on a graphics card")
    options = parser.parse_args()
    flags = [flag for flag in FLAGS if not options.headed or not flag.startswith("--headless")]
    if options.headed:
        flags.remove("--disable-gpu")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = served(
            lambda port: [sys.executable, "app.py", "--port", str(port)],
            Path(folder) / "atlas.log",
        )
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=flags, headless=not options.headed
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for address in server:
            measure(page, address, options.seconds)
        browser.close()


if __name__ == "__main__":
    main()
