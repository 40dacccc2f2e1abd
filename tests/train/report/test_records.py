"""Lines that come back as they were, once each."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.train.report.made import record, study, system
from train.report.records import RunRecord, add_record, merge, read_all, read_records


def lines(records: list[RunRecord]) -> list[str]:
    return [one.line() for one in records]


def test_a_line_comes_back_as_it_was() -> None:
    for peeked in (False, True):
        first = record(system(), 1, 2, peeked=peeked)
        again = RunRecord.parse(first.line())
        assert again.line() == first.line()
        assert again.key == first.key
        assert again.system == first.system


def test_figures_in_a_line_are_those_of_its_counts() -> None:
    row = json.loads(record(system(), 1, 1, peeked=True).line())
    for result in [*row["results"], row["best_test_epoch"]]:
        right = sum(table[i][i] for table in result["units"].values() for i in range(4))
        items = sum(sum(map(sum, table)) for table in result["units"].values())
        assert result["figures"]["n"] == items
        assert result["figures"]["weighted_accuracy"] == pytest.approx(right / items)


def test_a_run_is_added_once(tmp_path: Path) -> None:
    path, runs = tmp_path / "runs" / "runs.jsonl", study(system())
    for one in [*runs, *runs]:
        add_record(path, one)
    assert path.read_text("utf-8").splitlines() == lines(runs)
    assert lines(read_all([path, path])) == lines(runs)


def test_lines_that_are_added_at_once_are_all_there(tmp_path: Path) -> None:
    path, runs = tmp_path / "runs.jsonl", study(system(), seeds=range(1, 5))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_record, [path] * len(runs), runs))
    assert sorted(path.read_text("utf-8").splitlines()) == sorted(lines(runs))


def test_half_a_line_of_a_killed_process_is_overwritten(tmp_path: Path) -> None:
    path, (first, second, *_) = tmp_path / "runs.jsonl", study(system())
    add_record(path, first)
    with path.open("a", encoding="utf-8") as file:
        file.write(second.line()[:100])
    assert lines(read_records(path)) == [first.line()]
    add_record(path, second)
    assert path.read_text("utf-8") == f"{first.line()}\n{second.line()}\n"


def test_a_run_that_was_looked_at_more_closely_replaces_its_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    add_record(path, record(system(), 1, 1))
    closer = record(system(), 1, 1, peeked=True)
    add_record(path, closer)
    assert path.read_text("utf-8") == f"{closer.line()}\n"


def test_other_figures_of_the_same_run_are_refused() -> None:
    first = record(system(), 1, 1)
    other = dataclasses.replace(record(system(), 1, 1, skill=0.4), code="def456")
    with pytest.raises(ValueError, match=r"Seed 1, fold 1 of mgcma_iemocap.*abc123 and def456"):
        merge([first, other])
    assert len(merge([first, record(system("other"), 1, 1)])) == 2


@pytest.mark.parametrize("damage", ["{}", "[]", "no json", '{"experiment": 1'])
def test_a_damaged_line_is_named(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(f"{record(system(), 1, 1).line()}\n{damage}\n", "utf-8")
    with pytest.raises(ValueError, match="line 2: not a run"):
        read_records(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.jsonl is missing"):
        read_all([tmp_path / "nowhere.jsonl"])
    assert read_records(tmp_path / "nowhere.jsonl") == []
