"""A value computed in a background thread, so that the page can answer first."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Generic, TypeVar

Value = TypeVar("Value")


class LoadState(StrEnum):
    """How far a computation in the background is; the string is part of a CSS class."""

    WAITING = "waiting"  # not started
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether the computation is over, successful or not."""
        return self in (LoadState.READY, LoadState.FAILED)


class Background(Generic[Value]):
    """Runs `compute` once in a daemon thread and stores its value or its failure.

    Args:
        compute: What to run; may take long and import anything.
        name: What is being computed, for the operator's terminal.
    """

    def __init__(self, compute: Callable[[], Value], name: str) -> None:
        self._compute = compute
        self._name = name
        self._started = threading.Lock()
        self._ended = threading.Event()
        self._value: Value | None = None
        self.state = LoadState.WAITING

    def start(self) -> None:
        """Begin in the background; later calls change nothing."""
        if self._started.acquire(blocking=False):
            self.state = LoadState.LOADING
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def wait(self, timeout: float) -> bool:
        """Whether the computation has ended, successful or not, within `timeout` seconds."""
        return self._ended.wait(timeout)

    @property
    def value(self) -> Value | None:
        """The value once `state` is `READY`, else None."""
        return self._value

    def _run(self) -> None:
        try:
            self._value = self._compute()
            self.state = LoadState.READY
        except Exception as error:  # the page shows a sentence, the terminal the reason
            self.state = LoadState.FAILED
            print(f"{self._name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            self._ended.set()
