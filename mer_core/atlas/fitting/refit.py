"""Refitting a map with a visitor's points, in a separate process, with progress and cancel.

umap-learn cannot be stopped, and neither can a thread in numba; a process can. Its folder is
removed with it, so that a cancelled fit leaves nothing behind, and it blocks no queue.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from mer_core.atlas.fitting.progress import RefitProgress, RefitStage, StageReport
from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.reference import Reference
from mer_core.types import FloatArray

EXTRA_FILE = "extra.npy"  # a visitor's embeddings
ROOT = Path(__file__).resolve().parents[3]  # of `mer_core`, for the worker's path


class RefitCancelledError(RuntimeError):
    """The fit was cancelled before its end."""


@dataclass(frozen=True, eq=False)
class RefitJob:
    """One fit, as `fit_map` takes it.

    Attributes:
        reference: What is fitted.
        params: How.
        extra: (M, D) vectors that take part.
        onto: The map whose frame is wanted; or the index of an earlier job of the same run, for
            the map that it makes.
        aligned: Start from that map too. Without it the layout is UMAP's own, and shows how far it
            depends on its settings.
    """

    reference: Reference
    params: MapParams
    extra: FloatArray | None = None
    onto: AtlasMap | int | None = None
    aligned: bool = False


@dataclass(frozen=True, eq=False)
class Refitted:
    """The result of a fit: the reference's map and the visitor's points (M, 2) on it."""

    map: AtlasMap
    extra: FloatArray


class Refit:
    """A run of fits, one after the other; iterate for progress, then ask for the results.

    Use it in a `with` block: leaving the block ends the process, if it still runs, and removes its
    temporary folder. A visitor's vectors are deleted from there as soon as they have been read.
    `cancel` may be called from another thread. If our own process is killed, the worker removes
    the folder and ends too.
    """

    def __init__(self, jobs: Sequence[RefitJob]) -> None:
        """Start the first one.

        Raises:
            ValueError: No jobs, or one that builds on a map that is not made before it.
        """
        if not jobs:
            raise ValueError("There is nothing to refit.")
        for index, job in enumerate(jobs):
            if isinstance(job.onto, int) and not 0 <= job.onto < index:
                raise ValueError(f"Job {index} cannot build on job {job.onto}.")
        self._count = len(jobs)
        self._folder = tempfile.TemporaryDirectory(prefix="attune-refit-")
        self.folder = Path(self._folder.name)
        requests = [_write(job, self.folder / str(index)) for index, job in enumerate(jobs)]
        (self.folder / "request.json").write_text(json.dumps(requests), "utf-8")
        self._errors = (self.folder / "errors.txt").open("w+", encoding="utf-8")
        self._cancelled = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mer_core.atlas.fitting.refit_worker", str(self.folder)],
            stdin=subprocess.PIPE,  # never written to; its end tells the worker that we are gone
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=_environment(),
        )

    def __iter__(self) -> Iterator[RefitProgress]:
        """Progress until the process ends, for whatever reason."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            report = StageReport.from_line(line)
            if report.stage is RefitStage.LAYOUT:  # so the worker has read the vectors
                (self.folder / str(report.job) / EXTRA_FILE).unlink(missing_ok=True)
            yield RefitProgress.of(report, self._count)

    def result(self) -> tuple[Refitted, ...]:
        """Wait for the end; one result per job.

        Raises:
            RefitCancelledError: The run was cancelled.
            RuntimeError: A fit failed; with the last line of the worker's error output.
        """
        for _ in self:  # empties the pipe, so that the worker never waits for a reader
            pass
        code = self.process.wait()
        if self._cancelled:
            raise RefitCancelledError("The refit was cancelled.")
        if code:
            self._errors.seek(0)
            lines = self._errors.read().strip().splitlines() or [f"exit code {code}"]
            raise RuntimeError(f"The refit failed: {lines[-1]}")
        return tuple(_read(self.folder / str(index)) for index in range(self._count))

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
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self._errors.close()
        self._folder.cleanup()


def _write(job: RefitJob, folder: Path) -> dict[str, Any]:
    """Write a job's arrays for the worker; returns the rest of it, as JSON."""
    job.reference.save(folder / "reference.npz")  # makes the folder
    if isinstance(job.onto, AtlasMap):
        job.onto.save(folder / "onto.npz")
    rows = np.zeros((0, 0), np.float32) if job.extra is None else job.extra.astype(np.float32)
    np.save(folder / EXTRA_FILE, rows, allow_pickle=False)
    earlier = job.onto if isinstance(job.onto, int) else None
    return {"params": asdict(job.params), "aligned": job.aligned, "onto": earlier}


def _read(folder: Path) -> Refitted:
    """The worker's result of one job."""
    placed = np.load(folder / "placed.npy", allow_pickle=False)
    return Refitted(AtlasMap.load(folder / "map.npz"), placed)


def _environment() -> dict[str, str]:
    """Ours, with one thread for everything and `mer_core` on the path."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths)}
