"""Several processes, and Ray's actors: the same bytes as from one process, and no traceback."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

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
    job = open_fake(manifest, tmp_path / "out")
    run = judge(job, list(remaining(job)), Engine.LOCAL, WORKERS)
    next(run)
    workers = multiprocessing.active_children()
    assert workers
    with pytest.raises(KeyboardInterrupt):
        run.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    for worker in workers:
        worker.join(30)
        assert not worker.is_alive()


def test_without_ray_there_is_a_sentence(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BulkError, match=r"pip install -r requirements-ray\.txt"):
        clips(open_fake(manifest, tmp_path / "out"), Engine.RAY)
