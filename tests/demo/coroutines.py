"""Coroutines in tests: Playwright's loop may still run in this thread, and loops do not nest."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Value = TypeVar("Value")


def finished(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """What a coroutine returns, run in its own thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
