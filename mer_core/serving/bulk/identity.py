"""What a folder of results was made from, so that results of two models are never mixed."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mer_core.files import UNFINISHED, sha256, write_atomically
from mer_core.serving.bulk.errors import BulkError
from mer_core.serving.bulk.job import Settings
from mer_core.serving.bulk.manifest import Inspected

IDENTITY_FILE = "_run.json"  # readers of Parquet folders skip names with an underscore
FORMAT = 1
# Key of that file → what has changed where it differs.
CHANGES = {
    "format": "by another version of Attune",
    "version": "by another version of Attune",
    "manifest": "from another manifest, or the manifest has changed since",
    "models": "with another model, or the model has changed since",
    "settings": "with other options (--shard-rows, --batch-size, --transcribe or --sound-only)",
}


def identity(
    inspected: Inspected, models: dict[str, str], settings: Settings, version: str
) -> dict[str, Any]:
    """What `_run.json` holds: hashes and settings, no names and nothing of the clips.

    Args:
        inspected: The manifest.
        models: Purpose → `fingerprint` of a model.
        settings: How clips are judged.
        version: Of Attune.
    """
    return {
        "format": FORMAT,
        "version": version,
        "manifest": asdict(inspected),
        "models": models,
        "settings": asdict(settings),
    }


def fingerprint(source: str | os.PathLike[str]) -> str:
    """Hash of a model's file, or of the configuration and weights in its folder.

    Anything else, such as the id of a model that its library fetches by itself, stands for itself.
    """
    path = Path(source)
    if path.is_file():
        return sha256(path)
    if not path.is_dir():
        return str(source)
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.suffix in {".json", ".safetensors", ".bin"} and file.name != "metrics.json":
            digest.update(f"{file.relative_to(path).as_posix()} {sha256(file)}\n".encode())
    return digest.hexdigest()


def claim(folder: Path, run: dict[str, Any]) -> None:
    """Make `folder` the one of this run, or check that it is.

    Raises:
        BulkError: It holds results of another run, or other files.
        OSError: It cannot be written.
    """
    path = folder / IDENTITY_FILE
    files = list(folder.iterdir()) if folder.is_dir() else []
    names = {file.name for file in files if file.suffix != UNFINISHED}
    if names - {IDENTITY_FILE}:
        if IDENTITY_FILE not in names:
            raise BulkError(
                f"{folder} holds other files and no {IDENTITY_FILE}: give a new or empty folder."
            )
        _check(folder, run)
        return
    text = json.dumps(run, indent=1) + "\n"
    write_atomically(path, lambda file: file.write_text(text, "utf-8"))


def _check(folder: Path, run: dict[str, Any]) -> None:
    try:
        begun = json.loads((folder / IDENTITY_FILE).read_text("utf-8"))
        differing = [key for key in CHANGES if begun.get(key) != run[key]]
    except (ValueError, AttributeError):
        raise BulkError(f"{folder / IDENTITY_FILE} is damaged: give another --out.") from None
    if differing:
        raise BulkError(
            f"{folder} was begun {CHANGES[differing[0]]}. Results of both would be mixed: "
            "give another --out, or what it was begun with."
        )
