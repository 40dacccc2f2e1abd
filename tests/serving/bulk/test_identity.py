"""A folder of results belongs to one manifest, one model and one choice of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from mer_core.serving.bulk.errors import BulkError
from mer_core.serving.bulk.identity import fingerprint
from tests.serving.bulk.fake_model import finish, open_fake, parts, write_texts

ROWS = 47  # four shards of ten and one of seven


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_texts(tmp_path, ROWS)


def test_results_of_two_runs_are_not_mixed(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish(open_fake(manifest, out))
    with pytest.raises(BulkError, match="with another model"):
        open_fake(manifest, out, model="b")
    with pytest.raises(BulkError, match="with other options"):
        open_fake(manifest, out, batch_size=5)
    with pytest.raises(BulkError, match="with other options"):
        open_fake(manifest, out, transcribe=True)
    manifest.write_text(manifest.read_text("utf-8").replace("text 9", "text 10"), "utf-8")
    with pytest.raises(BulkError, match="the manifest has changed"):
        open_fake(manifest, out)
    assert len(parts(out)) == 5


def test_a_folder_without_results_can_be_begun_again(manifest: Path, tmp_path: Path) -> None:
    open_fake(manifest, tmp_path / "out", model="a")
    job = open_fake(manifest, tmp_path / "out", model="b")
    assert finish(job) == ROWS
    with pytest.raises(BulkError, match="another model"):
        open_fake(manifest, tmp_path / "out", model="a")


def test_a_folder_of_other_files_is_left_alone(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(BulkError, match="holds other files"):
        open_fake(manifest, tmp_path)
    finish(open_fake(manifest, tmp_path / "out"))
    (tmp_path / "out" / "_run.json").write_text("[]", "utf-8")
    with pytest.raises(BulkError, match="damaged"):
        open_fake(manifest, tmp_path / "out")


def test_nothing_of_the_clips_is_kept_beside_the_results(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish(open_fake(manifest, out))
    assert {path.name for path in out.iterdir()} == {*parts(out), "_run.json"}
    kept = (out / "_run.json").read_text("utf-8")
    assert "text 7" not in kept
    assert "clips.csv" not in kept


def test_a_hash_of_a_model_covers_what_its_results_depend_on(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "mgcma").mkdir(parents=True)
    (folder / "mgcma" / "config.json").write_text("{}")
    (folder / "weights.safetensors").write_bytes(b"1")
    before = fingerprint(folder)
    (folder / "mgcma" / "metrics.json").write_text("{}")
    (folder / "README.md").write_text("words")
    assert fingerprint(folder) == before
    (folder / "weights.safetensors").write_bytes(b"2")
    changed = fingerprint(folder)
    (folder / "weights.safetensors").rename(folder / "mgcma" / "weights.safetensors")
    assert len({before, changed, fingerprint(folder)}) == 3
    assert fingerprint("small") == "small"
