"""Files are complete or not there, whatever happens to the process that writes them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mer_core.files import write_atomically


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    def interrupted(file: Path) -> None:
        file.write_text("hal")
        raise KeyboardInterrupt

    path = tmp_path / "new" / "kept.txt"
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, interrupted)
    assert not path.exists()
    write_atomically(path, lambda file: file.write_text("whole"))
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, interrupted)
    assert [file.name for file in path.parent.iterdir()] == ["kept.txt"]
    assert path.read_text() == "whole"


def test_unfinished_files_of_killed_writes_are_removed_by_the_next(tmp_path: Path) -> None:
    day_ago = time.time() - 86_400
    names = ("a[0].txt.11.tmp", "a[0].txt.12.tmp", "a[0].txt", "other.txt.11.tmp", "a0.txt.11.tmp")
    for name in names:
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (day_ago, day_ago))
    os.utime(tmp_path / "a[0].txt.12.tmp")  # somebody is writing it
    write_atomically(tmp_path / "a[0].txt", lambda file: file.write_text("whole"))
    assert {file.name for file in tmp_path.iterdir()} == {*names} - {"a[0].txt.11.tmp"}
    assert (tmp_path / "a[0].txt").read_text() == "whole"
