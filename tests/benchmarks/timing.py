"""What the benchmarks share: a stopwatch."""

from __future__ import annotations

import time
from collections.abc import Callable


def timed(function: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
