"""What identifies a run, and which run a folder belongs to."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import train.identity
from mer_core import __version__
from mer_core.data import Example
from tests.train.tiny_frameworks import tiny_foal_net
from train.config import Experiment
from train.identity import (
    DIGITS,
    check_claim,
    claim,
    claimed,
    code_version,
    config_digest,
    data_digest,
    identity,
)


@pytest.fixture
def experiment() -> Experiment:
    return tiny_foal_net()


def test_an_identity_is_what_its_file_holds(experiment: Experiment, tmp_path: Path) -> None:
    own = identity(experiment, {"speech": "a"}, "data")
    claim(tmp_path / "run", own)
    assert claimed(tmp_path / "run") == own
    assert json.dumps(own["experiment"]["optim"]["epochs"]) == str(experiment.optim.epochs)
    for other in (
        identity(dataclasses.replace(experiment, seed=9), {"speech": "a"}, "data"),
        identity(experiment, {"speech": "b"}, "data"),
        identity(experiment, {"speech": "a"}, "other"),
    ):
        assert other != own


def test_a_folder_belongs_to_the_run_whose_files_it_holds(tmp_path: Path) -> None:
    run: dict[str, Any] = {"data": "mine"}
    other: dict[str, Any] = {"data": "theirs"}
    folder = tmp_path / "run"
    check_claim(folder, run)  # nothing there
    claim(folder, other)
    check_claim(folder, run)  # it never began
    (folder / "log.jsonl").touch()
    check_claim(folder, other)
    with pytest.raises(ValueError, match="give another --out"):
        check_claim(folder, run)
    (folder / "run.json").unlink()
    with pytest.raises(ValueError, match="give another --out"):
        check_claim(folder, run)  # of an unknown run


def test_an_interrupted_claim_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "run.json.4711.tmp").write_text("{")
    check_claim(tmp_path, {"data": "mine"})
    (tmp_path / "log.jsonl").touch()
    with pytest.raises(ValueError, match="give another --out"):
        check_claim(tmp_path, {"data": "mine"})


@pytest.mark.parametrize("text", [None, "", "{", "[]", "7"])
def test_a_folder_without_its_identity_is_one_sentence(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(ValueError, match=r"does not record .* run\.json is missing or damaged"):
        claimed(tmp_path)


def test_a_corpus_behind_a_link_may_name_its_files_by_real_paths(
    experiment: Experiment, corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, root = tmp_path / "disk", tmp_path / "data"
    shutil.copytree(corpora, elsewhere)
    root.mkdir()
    for folder in elsewhere.iterdir():
        (root / folder.name).symlink_to(folder)
    assert data_digest(experiment, root) == data_digest(experiment, corpora)
    read = train.identity.source_examples

    def resolved(*arguments: Any) -> list[Example]:
        found = read(*arguments)
        return [e if e.path is None else replace(e, path=e.path.resolve()) for e in found]

    monkeypatch.setattr(train.identity, "source_examples", resolved)
    own = data_digest(experiment, root)
    assert data_digest(experiment, root) == own
    clip = next((elsewhere / "ravdess" / "Actor_06").iterdir())
    clip.write_bytes(clip.read_bytes() + bytes(8))
    assert data_digest(experiment, root) != own


def test_the_digest_does_not_depend_on_the_folder(
    experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    root = tmp_path / "moved"
    shutil.copytree(corpora, root)
    own = data_digest(experiment, corpora)
    assert data_digest(experiment, root) == own
    clip = next((root / "ravdess" / "Actor_06").iterdir())  # of the test split
    clip.write_bytes(clip.read_bytes() + bytes(8))
    longer = data_digest(experiment, root)
    clip.unlink()
    fewer = data_digest(experiment, root)
    table = root / "fer2013" / "metadata.csv"
    table.write_text(table.read_text().replace("train/happy/0.png,train,happy",
                                               "train/happy/0.png,train,sad"))  # fmt: skip
    relabelled = data_digest(experiment, root)
    assert len({own, longer, fewer, relabelled}) == 4
    with pytest.raises(ValueError, match="nothing found"):
        data_digest(experiment, tmp_path / "nowhere")


def test_a_digest_of_settings_is_of_seeds_folders_and_names_alike(experiment: Experiment) -> None:
    own = config_digest(experiment, {})
    assert len(own) == DIGITS
    assert config_digest(replace(experiment, name="other", seed=7), {}) == own
    assert config_digest(replace(experiment, optim=replace(experiment.optim, ema=0.5)), {}) != own

    def on(source: str, weights: str) -> str:
        encoder = {"family": "pretrained_speech", "source": source}
        table = {**experiment.architecture, "audio_encoder": encoder}
        return config_digest(replace(experiment, architecture=table), {"audio_encoder": weights})

    assert on("here", "a") == on("there", "a") != on("here", "b")
    fresh = {"audio_encoder": "of random weights"}
    assert config_digest(experiment, fresh) == own  # it starts from no weights that lie anywhere


def git(folder: Path, *arguments: str) -> None:
    name = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *name, *arguments], check=True, capture_output=True)


def test_the_code_is_named_by_its_commit_or_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "mer_core"
    package.mkdir()
    monkeypatch.setattr(train.identity, "PACKAGE", package)
    assert code_version() == __version__  # installed
    (package / "a.py").write_text("a = 1")
    git(tmp_path, "init", "-q")
    assert code_version() == __version__  # nothing committed yet
    git(tmp_path, "add", "mer_core/a.py")
    git(tmp_path, "commit", "-qm", "first")
    commit = code_version()
    assert re.fullmatch("[0-9a-f]{12}", commit)
    (package / "a.py").write_text("a = 2")
    assert code_version() == f"{commit}-changed"
    monkeypatch.setenv("PATH", "")
    assert code_version() == __version__  # no git
