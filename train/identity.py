"""What makes a run the run that it is: settings, encoders, data. Its folder is for no other."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mer_core.checkpoints.checkpoint import write_json
from mer_core.data import Example
from mer_core.emotions import FOUR
from train.config import Experiment
from train.data.portraits import archive_of
from train.data.tasks import source_examples
from train.files import UNFINISHED, write_whole

IDENTITY_FILE = "run.json"
SPLITS = ("train", "dev", "test")


def identity(experiment: Experiment, encoders: Mapping[str, str], data: str) -> dict[str, Any]:
    """As JSON.

    Args:
        experiment: With the run's own name and seed.
        encoders: Modality → hash of the frozen encoder.
        data: As `data_digest` says it.
    """
    told = {"experiment": dataclasses.asdict(experiment), "encoders": encoders, "data": data}
    return dict(json.loads(json.dumps(told)))


def claim(folder: Path, run: Mapping[str, Any]) -> None:
    """Write down whose folder this is."""
    write_whole(folder / IDENTITY_FILE, lambda file: write_json(file, run))


def check_claim(folder: Path, run: Mapping[str, Any]) -> None:
    """Refuse a folder that another run has left something in; a mere claim binds nobody.

    Raises:
        ValueError: Other settings, encoders or data, or nobody knows which.
    """
    files = folder.iterdir() if folder.is_dir() else ()
    held = {file.name for file in files if file.suffix != UNFINISHED}  # of a killed process
    if held <= {IDENTITY_FILE}:
        return
    if IDENTITY_FILE not in held or claimed(folder) != run:
        raise ValueError(
            f"{folder} holds a run with other settings, encoders or data; give another --out."
        )


def claimed(folder: Path) -> dict[str, Any]:
    """The identity of the run in a folder.

    Raises:
        ValueError: Nothing there says it: the file is missing (older versions wrote none) or
            damaged.
    """
    try:
        said = json.loads((folder / IDENTITY_FILE).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        said = None
    if not isinstance(said, dict):
        raise ValueError(
            f"{folder} does not say what its run was trained on, as {IDENTITY_FILE} is missing or "
            "damaged; train it anew in another folder."
        )
    return said


def data_digest(experiment: Experiment, root: Path) -> str:
    """A name for all that an experiment may read of its corpora: labels, texts, sizes of files.

    The folder that they lie in is no part of it, for moved data are the same. Contents of files are
    not read here; features are kept by them.

    Raises:
        ValueError: A corpus is missing.
    """
    digest = hashlib.sha256()
    for modality, source in experiment.sources.items():
        for split in SPLITS:
            for example in source_examples(source, root, split, FOUR, modality):
                digest.update(json.dumps([modality, *_told(example, root)]).encode())
    return digest.hexdigest()


def _told(example: Example, root: Path) -> Iterator[str | int | None]:
    yield from (example.corpus, example.split, example.emotion, example.group, example.text)
    for path in (example.path, example.image):
        if path is not None:
            # A corpus that lies elsewhere, behind a link, may name its files by where they are.
            yield path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
            yield (archive_of(path) or path).stat().st_size
