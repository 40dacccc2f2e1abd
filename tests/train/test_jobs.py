"""Runs dealt over processes come back in order, and so do their errors."""

from __future__ import annotations

import os
import signal

import pytest
import torch

from train.jobs import deal, device_of

CPU = torch.device("cpu")


def prepare(device: torch.device) -> list[int]:
    """What the runs of a process share: how many it has had."""
    return []


def count(shared: list[int], item: int) -> tuple[int, int, int]:
    shared.append(item)
    return item, len(shared), os.getpid()


def fail(shared: list[int], item: int) -> int:
    if item == 2:
        raise ValueError("the second one is wrong")
    return item


def die(shared: list[int], item: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_one_job_is_this_process() -> None:
    dealt = list(deal(prepare, count, [5, 6, 7], 1, CPU))
    assert dealt == [(5, 1, os.getpid()), (6, 2, os.getpid()), (7, 3, os.getpid())]


@pytest.mark.slow
def test_jobs_keep_the_order_and_share_within_a_process() -> None:
    before = dict(os.environ)
    dealt = list(deal(prepare, count, list(range(6)), 2, CPU))
    assert [item for item, _, _ in dealt] == list(range(6))
    processes = {pid for _, _, pid in dealt}
    assert os.getpid() not in processes
    assert sum(nth == 1 for _, nth, _ in dealt) == len(processes) <= 2
    assert dict(os.environ) == before


@pytest.mark.slow
def test_errors_reach_the_caller() -> None:
    with pytest.raises(ValueError, match="the second one is wrong"):
        list(deal(prepare, fail, [1, 2, 3], 2, CPU))
    with pytest.raises(ValueError, match="fewer --jobs"):
        list(deal(prepare, die, [1, 2], 2, CPU))


def test_no_jobs_are_refused() -> None:
    with pytest.raises(ValueError, match="--jobs must be 1 or more"):
        list(deal(prepare, count, [1], 0, CPU))


def test_jobs_are_spread_over_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    cuda = torch.device("cuda")
    assert [device_of(job, cuda).index for job in range(4)] == [0, 1, 0, 1]
    assert device_of(3, torch.device("cuda:1")) == torch.device("cuda:1")
    assert device_of(3, CPU) == CPU
