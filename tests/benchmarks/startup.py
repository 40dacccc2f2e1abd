"""Time until the page answers and until the first prediction, in a fresh process.

    python -m tests.benchmarks.startup [--repeats 3]

Baseline of the ratio: a Python process that only imports gradio, in the same run.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from gradio_client import Client, handle_file

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 120.0  # seconds
TEXT = "We won! I can't believe it, this is wonderful."


def main() -> None:
    """Start the app several times and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    imports, pages, firsts = [], [], []
    for _ in range(options.repeats):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import gradio"], check=True)
        imports.append(time.perf_counter() - started)
        page, first = start_seconds()
        pages.append(page)
        firsts.append(first)
    gradio, page, first = (statistics.median(times) for times in (imports, pages, firsts))
    print(f"python -c 'import gradio'            {gradio:8.1f} s")
    print(f"python app.py until the page answers {page:8.1f} s")
    print(f"then until the first prediction      {first:8.1f} s")
    print(f"ratio page / import gradio           {page / gradio:8.2f}")


def start_seconds() -> tuple[float, float]:
    """Seconds from `python app.py` to the page, and from there to a prediction of clip and text."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    started = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for(address, started)
        answered = time.perf_counter()
        client = Client(address, verbose=False)
        clip = handle_file(str(ROOT / "assets" / "examples" / "bright.flac"))
        client.predict(audio=clip, text=TEXT, api_name="/analyse")
        return answered - started, time.perf_counter() - answered
    finally:
        server.terminate()
        server.wait()


def wait_for(address: str, started: float) -> None:
    """Return once `address` answers."""
    while time.perf_counter() - started < TIMEOUT:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError("the page did not answer")


if __name__ == "__main__":
    main()
