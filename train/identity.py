"""What identifies a run: settings, encoders, data. A folder holds one run only."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mer_core import __version__
from mer_core.checkpoints.checkpoint import write_json
from mer_core.checkpoints.shipped import PACKAGE
from mer_core.data import Example
from mer_core.emotions import LABEL_SETS
from mer_core.files import UNFINISHED, write_atomically
from train.config import Experiment
from train.data.portraits import archive_of
from train.data.tasks import source_examples

IDENTITY_FILE = "run.json"
SPLITS = ("train", "dev", "test")
LOCATIONS = ("from", "source")  # of an encoder's weights, in its table of the architecture
DIGITS = 16  # of a hash in tables and in files that people read


def identity(experiment: Experiment, encoders: Mapping[str, str], data: str) -> dict[str, Any]:
    """What `run.json` holds.

    Args:
        experiment: With the name and seed of the run.
        encoders: Modality → hash of the frozen encoder.
        data: From `data_digest`.
    """
    settings = dataclasses.asdict(experiment)
    del settings["engine"]  # no figure depends on it
    run = {"experiment": settings, "encoders": encoders, "data": data}
    return dict(json.loads(json.dumps(run)))  # tuples become lists, as they do in the file


def claim(folder: Path, run: Mapping[str, Any]) -> None:
    """Record which run a folder belongs to."""
    write_atomically(folder / IDENTITY_FILE, lambda file: write_json(file, run))


def check_claim(folder: Path, run: Mapping[str, Any]) -> None:
    """Refuse a folder with files of another run; `run.json` alone does not count as one.

    Raises:
        ValueError: The files are of other settings, encoders or data, or of an unknown run.
    """
    files = folder.iterdir() if folder.is_dir() else ()
    names = {file.name for file in files if file.suffix != UNFINISHED}  # of a killed process
    if names <= {IDENTITY_FILE}:
        return
    if IDENTITY_FILE not in names or claimed(folder) != run:
        raise ValueError(
            f"{folder} holds a run with other settings, encoders or data; give another --out."
        )


def claimed(folder: Path) -> dict[str, Any]:
    """The identity of the run in a folder.

    Raises:
        ValueError: The file is missing (older versions wrote none) or damaged.
    """
    try:
        run = json.loads((folder / IDENTITY_FILE).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        run = None
    if not isinstance(run, dict):
        raise ValueError(
            f"{folder} does not record what its run was trained on, because {IDENTITY_FILE} is "
            "missing or damaged; train it again in another folder."
        )
    return run


def config_digest(experiment: Experiment, encoders: Mapping[str, str]) -> str:
    """A hash of all settings but name and seed; equal ones differ by their seeds alone.

    It does not depend on where encoders' weights are, but on the weights.

    Args:
        experiment: Of one seed.
        encoders: Table of the architecture → hash of the weights that it starts from.
    """
    settings = identity(experiment, {}, "")["experiment"]
    del settings["name"], settings["seed"]
    for key, weights in encoders.items():
        table = settings["architecture"][key]
        if any(name in table for name in LOCATIONS):
            kept = {name: value for name, value in table.items() if name not in LOCATIONS}
            settings["architecture"][key] = {**kept, "weights": weights}
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def code_version() -> str:
    """The commit of the checkout, with `-changed` if it was edited since; else the version."""
    root = PACKAGE.parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    if not (root / ".git").exists():  # installed, maybe below a repository of something else
        return __version__
    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=12", "HEAD") + ("-changed" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return __version__


def data_digest(experiment: Experiment, root: Path) -> str:
    """A hash of what an experiment may read of its corpora: labels, texts, sizes of files.

    It does not depend on the folder of the corpora, and does not read the files; features are
    cached by their contents.

    Raises:
        ValueError: A corpus is missing.
    """
    digest = hashlib.sha256()
    labels = LABEL_SETS[experiment.labels]
    for modality, source in experiment.sources.items():
        for split in SPLITS:
            for example in source_examples(source, root, split, labels, modality):
                digest.update(json.dumps([modality, *_described(example, root)]).encode())
    return digest.hexdigest()


def _described(example: Example, root: Path) -> Iterator[str | int | None]:
    yield from (example.corpus, example.split, example.emotion, example.group, example.text)
    yield from (example.session, example.dialogue)  # of which folds and resamples are made
    film = example.video
    for path in (example.path, example.image, film.path if film else None):
        if path is not None:
            # A corpus behind a link may name its files by their real paths.
            yield path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
            yield (archive_of(path) or path).stat().st_size
    if film is not None:
        yield f"{film.start} {film.end} {film.side}"
