"""Refits in a separate process: the same bits as here, progress, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mer_core.atlas.fitting.fit import fit_map
from mer_core.atlas.fitting.progress import RefitStage, StageReport
from mer_core.atlas.fitting.refit import EXTRA_FILE, Refit, RefitCancelledError, RefitJob
from mer_core.atlas.maps import MapParams
from tests.atlas.conftest import make_map, make_reference

ROOT = Path(__file__).resolve().parents[3]
PARAMS = MapParams(n_neighbors=10, seed=3)
STAGES = [RefitStage.LOADING, RefitStage.NEIGHBOURS, RefitStage.LAYOUT]

ABANDONED = """
import time
from mer_core.atlas.maps import MapParams
from mer_core.atlas.fitting.progress import RefitStage, StageReport
from mer_core.atlas.fitting.refit import Refit, RefitJob
from tests.atlas.conftest import make_reference
refit = Refit([RefitJob(make_reference(each=100), MapParams())])
next(iter(refit))
print(refit.process.pid, refit.folder, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_a_run_of_jobs_gives_the_bits_of_separate_processes() -> None:
    before, after = make_reference(gap=1.5, width=16), make_reference(gap=0.2, width=16)
    extra = make_reference(each=2, gap=1.5, width=16, seed=1).joint
    stored = make_map(before)
    first = RefitJob(before, PARAMS, extra, stored)
    with Refit([first, RefitJob(after, PARAMS, extra, onto=0, aligned=True)]) as refit:
        progress = list(refit)
        assert not list(refit.folder.rglob(EXTRA_FILE))
        together = refit.result()
    assert not refit.folder.exists()
    shares = [step.share for step in progress]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    stages = list(dict.fromkeys((step.job, step.stage) for step in progress))
    second = [RefitStage.NEIGHBOURS, RefitStage.LAYOUT, RefitStage.DONE]
    assert stages == [*((0, stage) for stage in STAGES), *((1, stage) for stage in second)]
    with Refit([first]) as alone:
        (one,) = alone.result()
    with Refit([RefitJob(after, PARAMS, extra, one.map, aligned=True)]) as alone:
        (two,) = alone.result()
    here = fit_map(before, PARAMS, onto=stored, extra=extra)
    for actual, expected in zip((*together, one), (one, two, here), strict=True):
        np.testing.assert_array_equal(actual.map.points, expected.map.points)
        np.testing.assert_array_equal(actual.extra, expected.extra)
        assert actual.map.quality == expected.map.quality
        assert (actual.map.curve, actual.map.scale) == (expected.map.curve, expected.map.scale)


def test_a_job_builds_only_on_an_earlier_one() -> None:
    reference = make_reference()
    for onto in (0, -1, 3):
        with pytest.raises(ValueError, match=f"Job 0 cannot build on job {onto}"):
            Refit([RefitJob(reference, PARAMS, onto=onto)])
    with pytest.raises(ValueError, match="nothing to refit"):
        Refit([])


def test_a_visitors_vectors_are_deleted_once_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process in the worker's place sends its reports."""
    reports = [
        StageReport(0, RefitStage.LOADING), StageReport(0, RefitStage.NEIGHBOURS),
        StageReport(0, RefitStage.LAYOUT, 1, 200), StageReport(1, RefitStage.NEIGHBOURS),
        StageReport(1, RefitStage.DONE, 1),
    ]  # fmt: skip
    lines = [report.to_line() for report in reports]
    start = subprocess.Popen
    command = [sys.executable, "-c", f"print(*{lines}, sep=chr(10))"]
    monkeypatch.setattr(subprocess, "Popen", lambda _, **more: start(command, **more))
    job = RefitJob(make_reference(), PARAMS, make_reference(each=1).joint)
    with Refit([job, job]) as refit:
        first, second = (refit.folder / name / EXTRA_FILE for name in ("0", "1"))
        present = [(first.exists(), second.exists()) for _ in refit]
    assert present == [(True, True), (True, True), (False, True), (False, True), (False, True)]
    assert not refit.folder.exists()


@pytest.mark.slow
def test_a_cancelled_refit_leaves_nothing() -> None:
    jobs = [RefitJob(make_reference(each=100), PARAMS)]
    with Refit(jobs) as refit:
        threading.Timer(0.5, refit.cancel).start()
        steps = list(refit)
        with pytest.raises(RefitCancelledError):
            refit.result()
        assert all(step.stage is not RefitStage.DONE for step in steps)
    assert refit.process.poll() is not None
    assert not refit.folder.exists()
    with Refit(jobs) as exited:
        next(iter(exited))
    assert exited.process.poll() is not None
    assert not exited.folder.exists()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process outright")
def test_a_refit_whose_parent_is_killed_leaves_nothing() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ABANDONED], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent:
        pid, folder = parent.stdout.readline().split(maxsplit=1)
        path = Path(folder.strip())
        assert path.is_dir()
        parent.kill()
    deadline = time.monotonic() + 30
    while (runs(int(pid)) or path.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(int(pid))
    assert not path.exists()


def runs(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.slow
def test_a_failed_refit_gives_the_reason() -> None:
    jobs = [RefitJob(make_reference(each=4), MapParams(n_neighbors=50))]
    with Refit(jobs) as refit, pytest.raises(RuntimeError) as error:
        refit.result()
    assert "32 points cannot have 50 neighbours" in str(error.value)
