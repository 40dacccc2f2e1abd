"""How far a fit is: counted in epochs within a process, sent as JSON lines between two."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum

OnEpoch = Callable[[int, int], None]  # (epochs done, of how many)

# CPU seconds of each stage on 2,000 points, as weights of the progress.
LOADING = 2.4  # umap and numba, once
COMPILING = 5.7  # once, during the first job's first stage
NEIGHBOURS, LAYOUT, JUDGING = 0.3, 1.7, 0.6  # every job


class RefitStage(StrEnum):
    """What a refit is doing."""

    LOADING = "loading"  # imports umap and numba
    NEIGHBOURS = "neighbours"
    LAYOUT = "layout"
    DONE = "done"  # with all jobs


@dataclass(frozen=True)
class StageReport:
    """What the worker process sends: how much of a job's stage is done.

    Attributes:
        job: Index of the job.
        stage: What it is doing.
        done: Steps of the stage so far.
        total: Steps of the stage.
    """

    job: int
    stage: RefitStage
    done: int = 0
    total: int = 1

    def to_line(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> StageReport:
        """Read what `to_line` wrote."""
        fields = json.loads(line)
        return cls(fields["job"], RefitStage(fields["stage"]), fields["done"], fields["total"])


@dataclass(frozen=True)
class RefitProgress:
    """How far a run of jobs is.

    Attributes:
        stage: What it is doing.
        share: Of the whole run, 0 to 1.
        job: Index of the current job.
    """

    stage: RefitStage
    share: float
    job: int = 0

    @classmethod
    def of(cls, report: StageReport, jobs: int) -> RefitProgress:
        """The share of a run of `jobs` that is over at `report`."""
        return cls(report.stage, _share(report, jobs), report.job)


def _share(report: StageReport, jobs: int) -> float:
    done = report.done / report.total
    each = NEIGHBOURS + LAYOUT + JUDGING
    start = LOADING + COMPILING + report.job * each
    if report.stage is RefitStage.LOADING:
        spent = done * LOADING
    elif report.stage is RefitStage.NEIGHBOURS:
        first = LOADING + done * (COMPILING + NEIGHBOURS)
        spent = first if report.job == 0 else start + done * NEIGHBOURS
    elif report.stage is RefitStage.LAYOUT:
        spent = start + NEIGHBOURS + done * LAYOUT
    else:
        spent = LOADING + COMPILING + (report.job + 1) * each
    return spent / (LOADING + COMPILING + jobs * each)
