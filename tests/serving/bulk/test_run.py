"""Runs in this process: rows, resuming, refusals, and what is held in memory."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from mer_core.serving.bulk.errors import BulkError
from mer_core.serving.bulk.manifest import Entry
from mer_core.serving.bulk.parts import (
    ABANDONED_SECONDS,
    count_states,
    remove_unfinished,
    result_row,
    schema,
)
from mer_core.serving.bulk.scorer import MAX_FAILURES
from mer_core.types import Prediction, State
from tests.serving.bulk.fake_model import (
    CRASH,
    KILL,
    LABELS,
    FakeModel,
    finish,
    judge_missing,
    load_nothing,
    open_fake,
    parts,
    write_texts,
)

ROWS = 47  # four shards of ten and one of seven


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_texts(tmp_path, ROWS)


@pytest.fixture
def expected(manifest: Path, tmp_path: Path) -> dict[str, bytes]:
    """The results of a run without any trouble."""
    finish(open_fake(manifest, tmp_path / "expected"))
    return parts(tmp_path / "expected")


def stop_at(batch: int) -> Any:
    """A model that is interrupted in this batch."""

    def interrupt(model: FakeModel) -> None:
        if len(model.batches) == batch:
            raise KeyboardInterrupt

    return lambda: FakeModel(interrupt)


def test_a_folder_of_results_is_one_table(manifest: Path, tmp_path: Path) -> None:
    job = open_fake(manifest, tmp_path / "out")
    assert list(judge_missing(job)) == [4, 4, 2] * 4 + [4, 3]
    table = pd.read_parquet(tmp_path / "out")
    assert list(table["row"]) == list(range(ROWS))
    assert list(table["id"]) == [str(row) for row in range(ROWS)]
    assert set(table["emotion"]) == {"happy"}
    assert table["p_happy"].tolist() == table["text_happy"].tolist()
    assert table["speech_happy"].isna().all()
    assert [pq.read_metadata(tmp_path / "out" / name).num_rows for name in parts(job.out)] == [
        *[10] * 4,
        7,
    ]
    assert count_states(job.out) == {State.OK: ROWS}


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 12, 14])
def test_a_run_goes_on_where_it_was_interrupted(
    batch: int, manifest: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        finish(open_fake(manifest, out, stop_at(batch)))
    kept = parts(out)
    assert len(kept) == (batch - 1) // 3
    assert kept.items() <= expected.items()
    model = FakeModel()
    assert finish(open_fake(manifest, out, lambda: model)) == ROWS - 10 * len(kept)
    assert len(model.items) == ROWS - 10 * len(kept)
    assert parts(out) == expected


PROGRAM = """
import sys
from pathlib import Path
from tests.serving.bulk.fake_model import finish, open_fake
finish(open_fake(Path(sys.argv[1]), Path(sys.argv[2])))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a kill that nothing can catch")
def test_a_run_goes_on_after_a_kill(tmp_path: Path) -> None:
    """The model kills its process in the middle of the third shard, once."""
    manifest, out = write_texts(tmp_path, ROWS, {25: KILL}), tmp_path / "out"
    ran = subprocess.run([sys.executable, "-c", PROGRAM, manifest, out], timeout=60)
    assert ran.returncode == -9
    assert list(parts(out)) == ["part-00000.parquet", "part-00001.parquet"]
    finish(open_fake(manifest, out, lambda: Immortal()))
    finish(open_fake(manifest, tmp_path / "expected", lambda: Immortal()))
    assert parts(out) == parts(tmp_path / "expected")


class Immortal(FakeModel):
    """Takes the deadly text for any other one."""

    def read(self, item: Any) -> bytes:
        return str(item["text"]).encode()


def test_a_finished_run_needs_no_model(manifest: Path, tmp_path: Path) -> None:
    finish(open_fake(manifest, tmp_path / "out"))
    assert finish(open_fake(manifest, tmp_path / "out", load_nothing)) == 0


def test_damaged_and_missing_results_are_made_again(
    manifest: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "expected"
    (out / "part-00001.parquet").write_bytes(expected["part-00001.parquet"][:-20])
    footer = bytearray(expected["part-00002.parquet"])
    footer[-200:-8] = bytes(192)
    (out / "part-00002.parquet").write_bytes(footer)
    (out / "part-00003.parquet").unlink()
    shutil.copy(out / "part-00000.parquet", out / "part-00004.parquet")
    assert finish(open_fake(manifest, out)) == 10 + 10 + 10 + 7
    (out / "part-00000.parquet").write_bytes(b"")
    assert finish(open_fake(manifest, out)) == 10
    assert parts(out) == expected


def test_what_killed_writes_left_is_removed_later(tmp_path: Path) -> None:
    old, new = tmp_path / ".part-00000.parquet.1.tmp", tmp_path / ".part-00001.parquet.2.tmp"
    for file in (old, new):
        file.write_bytes(b"half")
    past = new.stat().st_mtime - 2 * ABANDONED_SECONDS
    os.utime(old, (past, past))
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == [new]


def test_a_bad_row_is_a_row_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "clip.wav").write_bytes(b"sound")
    manifest = tmp_path / "clips.csv"
    manifest.write_text("audio,id\nclip.wav,good\ngone.wav,bad\nclip.wav,also good\n", "utf-8")
    job = open_fake(manifest, tmp_path / "out")
    finish(job)
    good, bad, other = ds.dataset(job.out).to_table().to_pylist()
    assert (good["state"], good["file"], good["error"]) == ("ok", "clip.wav", None)
    assert (other["state"], other["id"]) == ("ok", "also good")
    assert (bad["state"], bad["error"], bad["emotion"]) == ("refused", "not_found", None)
    assert bad["message"] == "There is no file named 'gone.wav'."
    assert count_states(job.out) == {State.OK: 2, State.REFUSED: 1}


def test_a_clip_on_which_the_program_fails_costs_the_others_nothing(tmp_path: Path) -> None:
    job = open_fake(write_texts(tmp_path, 12, {5: CRASH}), tmp_path / "out")
    assert finish(job) == 12
    table = pd.read_parquet(job.out)
    assert list(table.index[table["state"] == "refused"]) == [5]
    assert table["error"][5] == "unexpected"
    assert table["message"][5] == "Judging this clip failed: RuntimeError: a bug"


def test_a_program_that_fails_on_everything_stops(tmp_path: Path) -> None:
    """As with a lost device: nothing is written of the shard in which it happens."""
    crashes = dict.fromkeys(range(13, 13 + MAX_FAILURES), CRASH)
    job = open_fake(write_texts(tmp_path, 100, crashes), tmp_path / "out", shard_rows=20)
    with pytest.raises(BulkError, match="16 clips in a row, up to row 28"):
        finish(job)
    assert list(parts(job.out)) == ["part-00000.parquet"]


def test_scattered_failures_do_not_stop_it(tmp_path: Path) -> None:
    crashes = dict.fromkeys(range(0, 4 * MAX_FAILURES, 2), CRASH)
    job = open_fake(write_texts(tmp_path, 4 * MAX_FAILURES, crashes), tmp_path / "out")
    finish(job)
    assert count_states(job.out)[State.REFUSED] == 2 * MAX_FAILURES


def test_a_model_that_does_not_load_is_a_sentence(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(BulkError, match="The model cannot be loaded: there is no model"):
        finish(open_fake(manifest, tmp_path / "out", load_nothing))


@pytest.mark.parametrize("rows", [40, 80])
def test_memory_holds_two_batches_however_long_the_manifest(rows: int, tmp_path: Path) -> None:
    """The batch at hand and the one before it; of a finished shard, nothing."""
    held: list[int] = []

    def count(_: FakeModel) -> None:
        held.append(sum(isinstance(o, Entry | Prediction) for o in gc.get_objects()))

    job = open_fake(write_texts(tmp_path, rows), tmp_path / "out", lambda: FakeModel(count))
    gc.freeze()  # what is there already does not count
    try:
        assert finish(job) == rows
    finally:
        gc.unfreeze()
    assert len(held) == rows / 10 * 3
    assert max(held) <= 2 * 4


def test_paths_start_at_the_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "clips.csv"
    elsewhere = (tmp_path / "elsewhere.wav").resolve()
    manifest.write_text(f"audio,video,text\na/b.wav,,yes\n{elsewhere},,\n,c.mp4,\n", "utf-8")
    model = FakeModel()
    finish(open_fake(manifest, tmp_path / "out", lambda: model))
    root = tmp_path.resolve()
    assert [tuple(item.values()) for item in model.items] == [
        (root / "a" / "b.wav", None, "yes"),
        (elsewhere, None, None),
        (None, root / "c.mp4", None),
    ]


def test_videos_can_be_judged_by_their_sound(tmp_path: Path) -> None:
    manifest = tmp_path / "clips.csv"
    manifest.write_text("audio,video\n,c.mp4\na.wav,c.mp4\n", "utf-8")
    model = FakeModel()
    finish(open_fake(manifest, tmp_path / "out", lambda: model, sound_only=True))
    assert [(item["audio"].name, item["video"]) for item in model.items] == [
        ("c.mp4", None),
        ("a.wav", None),
    ]


def test_every_part_has_the_same_columns() -> None:
    """Text, numbers, and nothing that depends on which rows a part holds."""
    columns = schema(LABELS)
    row = result_row(Entry(0, "0", text="a"), Prediction("sad", {"sad": 1.0}, {}), LABELS)
    assert list(row) == columns.names
    assert str(columns.field("row").type) == "int64"
    assert str(columns.field("both_sad").type) == "double"
    assert str(columns.field("transcript").type) == "string"
