"""A value computed in a background thread, so that the page can answer first."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

Value = TypeVar("Value")
State = Literal["waiting", "loading", "ready", "failed"]


class Background(Generic[Value]):
    """Runs `compute` once in a daemon thread and keeps its value or its failure.

    Args:
        compute: What to run; may take long and import anything.
        name: What is being computed, for the operator's terminal.
    """

    def __init__(self, compute: Callable[[], Value], name: str) -> None:
        self._compute = compute
        self._name = name
        self._started = threading.Lock()
        self._done = threading.Event()
        self._value: Value | None = None
        self.state: State = "waiting"

    def start(self) -> None:
        """Begin in the background; later calls change nothing."""
        if self._started.acquire(blocking=False):
            self.state = "loading"
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def wait(self, timeout: float) -> bool:
        """Whether the computation has ended, well or not, within `timeout` seconds."""
        return self._done.wait(timeout)

    @property
    def value(self) -> Value | None:
        """The value once `state` is `ready`, else None."""
        return self._value

    def _run(self) -> None:
        try:
            self._value = self._compute()
            self.state = "ready"
        except Exception as error:  # the page shows a sentence, the terminal the reason
            self.state = "failed"
            print(f"{self._name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            self._done.set()
