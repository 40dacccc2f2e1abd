"""Progress of a refit: sent as lines, and a share that grows."""

from __future__ import annotations

import pytest

from mer_core.atlas.fitting.progress import RefitProgress, RefitStage, StageReport


def test_a_report_is_one_line_and_comes_back() -> None:
    report = StageReport(2, RefitStage.LAYOUT, 30, 200)
    assert "\n" not in report.to_line()
    assert StageReport.from_line(report.to_line() + "\n") == report
    assert StageReport.from_line(report.to_line()).stage is RefitStage.LAYOUT


def test_another_stage_is_an_error() -> None:
    line = StageReport(0, RefitStage.LAYOUT).to_line().replace("layout", "resting")
    with pytest.raises(ValueError, match="resting"):
        StageReport.from_line(line)


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_shares_grow_from_0_to_1(jobs: int) -> None:
    reports = [StageReport(0, RefitStage.LOADING, done) for done in (0, 1)]
    for job in range(jobs):
        for stage in (RefitStage.NEIGHBOURS, RefitStage.LAYOUT):
            reports += [StageReport(job, stage, done, 4) for done in (0, 1, 4)]
    reports.append(StageReport(jobs - 1, RefitStage.DONE, 1))
    shares = [RefitProgress.of(report, jobs).share for report in reports]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
