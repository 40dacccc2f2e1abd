"""How soon the page answers and the model is ready, in a fresh process.

    python -m tests.benchmarks.startup [--repeats 3]

Baseline of the ratio: a Python process that only imports gradio, in the same run.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds


def main() -> None:
    """Start the app a few times and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    imports, pages = [], []
    for _ in range(options.repeats):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import gradio"], check=True)
        imports.append(time.perf_counter() - started)
        pages.append(page_seconds())
    gradio, page = statistics.median(imports), statistics.median(pages)
    print(f"python -c 'import gradio'            {gradio:8.1f} s")
    print(f"python app.py until the page answers {page:8.1f} s")
    print(f"ratio                                {page / gradio:8.2f}")


def page_seconds() -> float:
    """Seconds from the start of `python app.py` to the first answered request."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port)],
        cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while time.perf_counter() - started < PATIENCE:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                    return time.perf_counter() - started
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise TimeoutError("the page did not answer")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
