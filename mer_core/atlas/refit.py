"""Refitting a map with a visitor's points: in a process of its own, with progress and cancel.

umap-learn has no way to be stopped, and a thread in numba cannot be: a process can. It ends with
its folder, so that a cancelled fit leaves nothing behind, and it waits in nobody's queue.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.reference import Reference
from mer_core.types import FloatArray

ROOT = Path(__file__).resolve().parents[2]  # where `mer_core` is found
# Stage → (share of the whole at its start, share at its end), roughly as time goes.
STAGES = {
    "loading": (0.0, 0.3), "neighbours": (0.3, 0.45), "layout": (0.45, 0.9), "done": (1.0, 1.0),
}  # fmt: skip


class RefitCancelledError(RuntimeError):
    """The fit was ended before it was done."""


@dataclass(frozen=True)
class RefitProgress:
    """How far a fit is.

    Attributes:
        stage: `loading` umap, finding `neighbours`, the `layout`, or `done`.
        share: 0 to 1, of the whole.
    """

    stage: str
    share: float


@dataclass(frozen=True, eq=False)
class Refitted:
    """What a fit leaves: the reference's map and the visitor's points (M, 2) on it."""

    map: AtlasMap
    extra: FloatArray


class Refit:
    """One fit that is under way; iterate over it for its progress, then ask for its result.

    Use it in a `with` block: leaving the block ends the process, if it still runs, and removes its
    folder. `cancel` may be called from another thread.
    """

    def __init__(
        self,
        reference: Reference,
        params: MapParams,
        extra: FloatArray | None = None,
        onto: AtlasMap | None = None,
        aligned: bool = False,
    ) -> None:
        """Start the fit of `reference` and `extra` (M, D) vectors, as `fit_map` takes them.

        Without `aligned`, the layout is UMAP's own and shows how far it hangs on its settings.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="attune-refit-")
        self.folder = Path(self._folder.name)
        reference.save(self.folder / "reference.npz")
        if onto is not None:
            onto.save(self.folder / "onto.npz")
        request = {"params": asdict(params), "aligned": aligned}
        (self.folder / "request.json").write_text(json.dumps(request), "utf-8")
        rows = np.zeros((0, 0), np.float32) if extra is None else extra.astype(np.float32)
        np.save(self.folder / "extra.npy", rows, allow_pickle=False)
        self._errors = (self.folder / "errors.txt").open("w+", encoding="utf-8")
        self._cancelled = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mer_core.atlas.refit_worker", str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=_environment(),
        )

    def __iter__(self) -> Iterator[RefitProgress]:
        """Progress until the process ends, for whatever reason."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            stage, done, total = line.split()
            start, end = STAGES[stage]
            yield RefitProgress(stage, start + (end - start) * int(done) / int(total))

    def result(self) -> Refitted:
        """Wait for the end.

        Raises:
            RefitCancelledError: It was cancelled.
            RuntimeError: It failed; the last line of what it said.
        """
        for _ in self:  # so that the process never waits for a reader
            pass
        code = self.process.wait()
        if self._cancelled:
            raise RefitCancelledError("The refit was cancelled.")
        if code:
            self._errors.seek(0)
            said = self._errors.read().strip().splitlines() or [f"exit code {code}"]
            raise RuntimeError(f"The refit failed: {said[-1]}")
        extra = np.load(self.folder / "placed.npy", allow_pickle=False)
        return Refitted(AtlasMap.load(self.folder / "map.npz"), extra)

    def cancel(self) -> None:
        """End the process now; does nothing to one that has ended."""
        if self.process.poll() is None:
            self._cancelled = True
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Refit:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()
        self._folder.cleanup()


def _environment() -> dict[str, str]:
    """Ours, with one thread for everything and `mer_core` where it can be found."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths)}
