"""Several processes, and Ray's actors: the same bytes as from one process, and no traceback."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mer_core.serving.bulk.errors import BulkError
from mer_core.serving.bulk.job import Engine, Job
from mer_core.serving.bulk.parts import remaining
from mer_core.serving.bulk.run import judge
from tests.serving.bulk.fake_model import (
    KILL,
    load_nothing,
    open_fake,
    parts,
    write_texts,
)

ROWS = 47
WORKERS = 2


def clips(job: Job, engine: Engine, workers: int | None = WORKERS) -> list[int]:
    return list(judge(job, list(remaining(job)), engine, workers))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_texts(tmp_path, ROWS)


@pytest.fixture
def expected(manifest: Path, tmp_path: Path) -> dict[str, bytes]:
    """The results of one process."""
    clips(open_fake(manifest, tmp_path / "expected"), Engine.LOCAL, 1)
    return parts(tmp_path / "expected")


@pytest.fixture(params=list(Engine))
def engine(request: pytest.FixtureRequest) -> Engine:
    chosen = Engine(request.param)
    if chosen is Engine.RAY:
        pytest.importorskip("ray", reason="Ray is optional: requirements-ray.txt")
    return chosen


@pytest.mark.slow
def test_workers_give_the_results_of_one_process(
    engine: Engine, manifest: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    """Even where they go on from a part of them, and where a worker has more than one shard."""
    out = tmp_path / "out"
    assert sorted(clips(open_fake(manifest, out), engine)) == [7, 10, 10, 10, 10]
    assert parts(out) == expected
    for name in ("part-00001.parquet", "part-00004.parquet"):
        (out / name).unlink()
    assert sorted(clips(open_fake(manifest, out), engine)) == [7, 10]
    assert parts(out) == expected


@pytest.mark.slow
def test_a_worker_that_cannot_go_on_says_why(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    job = open_fake(manifest, tmp_path / "out", load_nothing)
    with pytest.raises(BulkError, match="The model cannot be loaded: there is no model"):
        clips(job, engine)
    assert not parts(job.out)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a kill that nothing can catch")
def test_a_killed_worker_is_a_sentence(tmp_path: Path) -> None:
    job = open_fake(write_texts(tmp_path, ROWS, {25: KILL}), tmp_path / "out")
    with pytest.raises(BulkError, match="with fewer --jobs"):
        clips(job, Engine.LOCAL)
    assert "part-00002.parquet" not in parts(job.out)
    assert parts(job.out)


@pytest.mark.slow
def test_no_worker_outlives_an_interrupted_run(manifest: Path, tmp_path: Path) -> None:
    others = multiprocessing.active_children()  # of earlier tests
    job = open_fake(manifest, tmp_path / "out")
    run = judge(job, list(remaining(job)), Engine.LOCAL, WORKERS)
    next(run)
    workers = [child for child in multiprocessing.active_children() if child not in others]
    assert workers
    with pytest.raises(KeyboardInterrupt):
        run.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    until = time.monotonic() + 30
    while any(worker.is_alive() for worker in workers) and time.monotonic() < until:
        time.sleep(0.1)  # `join` returns when its files are closed, before a process is gone
    assert not any(worker.is_alive() for worker in workers)


def test_without_ray_there_is_a_sentence(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BulkError, match=r"pip install -r requirements-ray\.txt"):
        clips(open_fake(manifest, tmp_path / "out"), Engine.RAY)


class RayInThisProcess:
    """As much of Ray as the engine calls, without workers; real Ray is used above, where it is."""

    exceptions = SimpleNamespace(RayError=type("RayError", (Exception,), {}))

    def __init__(self, reachable: bool = True, **resources: float) -> None:
        self.reachable, self.resources = reachable, resources
        self.asked: dict[str, Any] = {}
        self.up = False
        self.data = SimpleNamespace(
            from_items=self.from_items,
            ActorPoolStrategy=lambda size: size,
            DataContext=SimpleNamespace(get_current=SimpleNamespace),
        )

    def init(self, **_: Any) -> None:
        if not self.reachable:
            raise ConnectionError("Failed to connect.\nAnd much more.")
        self.up = True

    def shutdown(self) -> None:
        self.up = False

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def from_items(self, items: list[dict[str, int]], override_num_blocks: int) -> Any:
        assert override_num_blocks == len(items)  # or several shards would go to one actor

        def map_batches(kind: Any, fn_constructor_args: tuple[Any], **asked: Any) -> Any:
            self.asked = asked
            actor = kind(*fn_constructor_args)

            def iter_rows() -> Iterator[dict[str, Any]]:
                for item in items:
                    columns = actor({name: np.array([value]) for name, value in item.items()})
                    yield {name: values[0] for name, values in columns.items()}

            return SimpleNamespace(iter_rows=iter_rows)

        return SimpleNamespace(map_batches=map_batches)


@pytest.mark.parametrize(
    ("resources", "workers", "cpus", "gpus", "actors"),
    [
        ({"CPU": 3.0}, None, 1, None, 3),
        ({"CPU": 16.0}, None, 1, None, 5),  # no more than shards
        ({"CPU": 16.0, "GPU": 2.0}, None, 0, 1.0, 2),
        ({"CPU": 16.0, "GPU": 2.0}, 4, 0, 0.5, 4),
    ],
)
def test_actors_take_gpus_or_else_cpus(
    resources: dict[str, float], workers: int | None, cpus: int, gpus: float | None, actors: int,
    manifest: Path, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    ray = RayInThisProcess(**resources)
    monkeypatch.setitem(sys.modules, "ray", ray)
    assert clips(open_fake(manifest, tmp_path / "out"), Engine.RAY, workers) == [10] * 4 + [7]
    assert parts(tmp_path / "out") == expected
    asked = (ray.asked["num_cpus"], ray.asked["num_gpus"], ray.asked["compute"])
    assert asked == (cpus, gpus, actors)
    assert ray.asked["batch_size"] == 1
    assert not ray.up


def test_what_ray_cannot_do_is_a_sentence(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", RayInThisProcess(reachable=False))
    with pytest.raises(BulkError, match=r"started or reached: Failed to connect\.$"):
        clips(open_fake(manifest, tmp_path / "out"), Engine.RAY)
    monkeypatch.setitem(sys.modules, "ray", RayInThisProcess(CPU=2.0))
    with pytest.raises(BulkError, match="The model cannot be loaded"):
        clips(open_fake(manifest, tmp_path / "out", load_nothing), Engine.RAY)
