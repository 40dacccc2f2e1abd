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
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.reference import Reference
from mer_core.types import FloatArray

EXTRA_FILE = "extra.npy"  # what a visitor gives to a fit
ROOT = Path(__file__).resolve().parents[3]  # where `mer_core` is found
# CPU seconds of each stage, measured on 2 000 points: what a share of the progress stands for.
LOADING = 2.2  # umap and numba, once
COMPILING = 4.7  # once, while the first job finds its neighbours
NEIGHBOURS, LAYOUT, JUDGING = 0.15, 1.5, 0.6  # of every job


class RefitCancelledError(RuntimeError):
    """The fit was ended before it was done."""


@dataclass(frozen=True, eq=False)
class RefitJob:
    """One fit, as `fit_map` takes it.

    Attributes:
        reference: What is fitted.
        params: How.
        extra: (M, D) vectors that take part.
        onto: The map whose frame is wanted; or the number of an earlier job of the same run, for
            the map that it makes.
        aligned: Start from that map too. Without it the layout is UMAP's own, and shows how far it
            hangs on its settings.
    """

    reference: Reference
    params: MapParams
    extra: FloatArray | None = None
    onto: AtlasMap | int | None = None
    aligned: bool = False


@dataclass(frozen=True)
class RefitProgress:
    """How far a run is.

    Attributes:
        stage: `loading` umap, finding `neighbours`, the `layout`, or `done` with all jobs.
        share: 0 to 1, of the whole run.
        job: Number of the job that is under way.
    """

    stage: str
    share: float
    job: int = 0


@dataclass(frozen=True, eq=False)
class Refitted:
    """What a fit leaves: the reference's map and the visitor's points (M, 2) on it."""

    map: AtlasMap
    extra: FloatArray


class Refit:
    """Fits in a row that are under way; iterate for their progress, then ask for the results.

    Use it in a `with` block: leaving the block ends the process, if it still runs, and removes its
    folder, which lies among the system's temporary files. A visitor's vectors lie there no longer
    than until they have been read. `cancel` may be called from another thread. Should our own
    process be killed, the other one ends too, and removes the folder.
    """

    def __init__(self, jobs: Sequence[RefitJob]) -> None:
        """Start them, the first one first.

        Raises:
            ValueError: No job at all, or one that builds on a map that is not made before it.
        """
        if not jobs:
            raise ValueError("There is nothing to refit.")
        for number, job in enumerate(jobs):
            if isinstance(job.onto, int) and not 0 <= job.onto < number:
                raise ValueError(f"Job {number} cannot build on job {job.onto}.")
        self._count = len(jobs)
        self._folder = tempfile.TemporaryDirectory(prefix="attune-refit-")
        self.folder = Path(self._folder.name)
        requests = [_write(job, self.folder / str(number)) for number, job in enumerate(jobs)]
        (self.folder / "request.json").write_text(json.dumps(requests), "utf-8")
        self._errors = (self.folder / "errors.txt").open("w+", encoding="utf-8")
        self._cancelled = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mer_core.atlas.fitting.refit_worker", str(self.folder)],
            stdin=subprocess.PIPE,  # never written to: it ends when we do
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=_environment(),
        )

    def __iter__(self) -> Iterator[RefitProgress]:
        """Progress until the process ends, for whatever reason."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            job, stage, done, total = line.split()
            if stage == "layout":  # so its vectors have been read
                (self.folder / job / EXTRA_FILE).unlink(missing_ok=True)
            share = share_of(stage, int(job), self._count, int(done) / int(total))
            yield RefitProgress(stage, share, int(job))

    def result(self) -> tuple[Refitted, ...]:
        """Wait for the end; what each job made.

        Raises:
            RefitCancelledError: They were cancelled.
            RuntimeError: One failed; the last line of what it said.
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
        return tuple(_read(self.folder / str(number)) for number in range(self._count))

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


def share_of(stage: str, job: int, jobs: int, done: float) -> float:
    """How much of a run of `jobs` is over when `done` (0 to 1) of a job's stage is."""
    each = NEIGHBOURS + LAYOUT + JUDGING
    before = LOADING + COMPILING + job * each
    spent = {
        "loading": done * LOADING,
        "neighbours": LOADING + done * (COMPILING + NEIGHBOURS) if job == 0 else before,
        "layout": before + NEIGHBOURS + done * LAYOUT,
        "done": before + each,
    }[stage]
    return spent / (LOADING + COMPILING + jobs * each)


def _write(job: RefitJob, folder: Path) -> dict[str, Any]:
    """What the worker reads of one job; the rest of it as JSON."""
    job.reference.save(folder / "reference.npz")  # makes the folder
    if isinstance(job.onto, AtlasMap):
        job.onto.save(folder / "onto.npz")
    rows = np.zeros((0, 0), np.float32) if job.extra is None else job.extra.astype(np.float32)
    np.save(folder / EXTRA_FILE, rows, allow_pickle=False)
    earlier = job.onto if isinstance(job.onto, int) else None
    return {"params": asdict(job.params), "aligned": job.aligned, "onto": earlier}


def _read(folder: Path) -> Refitted:
    """What the worker wrote of one job."""
    placed = np.load(folder / "placed.npy", allow_pickle=False)
    return Refitted(AtlasMap.load(folder / "map.npz"), placed)


def _environment() -> dict[str, str]:
    """Ours, with one thread for everything and `mer_core` where it can be found."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths)}
