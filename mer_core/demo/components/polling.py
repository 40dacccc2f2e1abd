"""Pages that follow something in the background until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

INTERVAL = 0.3  # seconds between two looks


async def until(ended: Callable[[], bool]) -> AsyncIterator[None]:
    """Once per `INTERVAL` until it has ended, and once afterwards."""
    while not ended():
        yield
        await asyncio.sleep(INTERVAL)
    yield
