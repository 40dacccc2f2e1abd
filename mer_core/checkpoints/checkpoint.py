"""A framework on disk: `config.json`, weights, `tokenizer.json`, `metrics.json`, card.

Each encoder's weights are in a file named by what it reads (`speech_encoder.safetensors`),
everything else in `model.safetensors`. A bundle is a folder of encoders with one subfolder for
each framework, whose `config.json` says that the encoders are one level up. So MGCMA and Foal-Net
share one speech encoder.

Safetensors and JSON only: loading a checkpoint never runs code from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from mer_core.checkpoints.errors import CheckpointError
from mer_core.checkpoints.hub import locate
from mer_core.checkpoints.weights import (
    WEIGHTS_FILE,
    as_stored,
    encoder_files,
    read_weights,
    weights_by_file,
    write_weights,
)
from mer_core.encoders.base import Encoder
from mer_core.encoders.registry import TOKENIZER_FILE
from mer_core.frameworks.base import Framework
from mer_core.frameworks.registry import FRAMEWORKS, build_framework

CONFIG_FILE, METRICS_FILE = "config.json", "metrics.json"
FORMAT = 1  # of config.json
HERE, ABOVE = ".", ".."  # where config.json may say that the encoders are
GIVEN = "given"  # or that it has none: a head, see `mer_core.checkpoints.heads`


@dataclass(frozen=True)
class Checkpoint:
    """A loaded framework and what is stored beside its weights.

    Attributes:
        framework: In evaluation mode, float32, on the CPU.
        config: `format`, `architecture`, `labels`, and what the export added (temperatures).
        metrics: Of `metrics.json`, or empty.
        source: Folder or Hub id, as given.
    """

    framework: Framework
    config: dict[str, Any]
    metrics: dict[str, Any]
    source: str


def save_checkpoint(
    folder: Path, framework: Framework, *, half: bool = False, shared: bool = False, **extra: Any
) -> None:
    """Write `framework` to `folder`.

    Args:
        folder: Made if missing; files of the same names are replaced.
        framework: Any.
        half: Store floats as fp16, half the size.
        shared: Put the encoders one level up, beside those of other frameworks.
        **extra: Further JSON-able keys of `config.json`.

    Raises:
        ValueError: Another encoder of the same modality is already one level up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, weights in weights_by_file(framework).items():
        stored = as_stored(weights, half)
        path = folder / name
        if shared and name != WEIGHTS_FILE:
            path = folder.parent / name
            if path.exists():
                _check_same(path, stored)
                continue
        write_weights(path, stored)
    for encoder in framework.encoders().values():
        tokenizer = encoder.tokenizer
        if tokenizer is not None:
            tokenizer_folder = folder.parent if shared else folder
            (tokenizer_folder / TOKENIZER_FILE).write_text(tokenizer.tokenizer.to_str(), "utf-8")
    config = {**describe(framework), "encoders_in": ABOVE if shared else HERE, **extra}
    write_json(folder / CONFIG_FILE, config)


def describe(framework: Framework) -> dict[str, Any]:
    """What every `config.json` holds."""
    return {
        "format": FORMAT,
        "architecture": framework.architecture(),
        "labels": list(framework.labels),
    }


def _check_same(path: Path, weights: dict[str, Tensor]) -> None:
    """A shared encoder must not change under the frameworks that were trained on it."""
    stored = load_file(path)
    if set(stored) != set(weights) or any(
        value.dtype != stored[key].dtype or not torch.equal(value, stored[key])
        for key, value in weights.items()
    ):
        raise ValueError(
            f"{path} holds another encoder, which other frameworks may use; "
            "delete it first, or write to another folder."
        )


def load_checkpoint(
    source: str | os.PathLike[str], revision: str | None = None, subfolder: str = ""
) -> Checkpoint:
    """Read one framework from a local folder or, if there is no such folder, from the Hub.

    Args:
        source: A folder, or a Hub id such as `name/model`.
        revision: Branch, tag or commit of a Hub id.
        subfolder: One checkpoint within a bundle.

    Raises:
        CheckpointError: Not found, not ours, incomplete, damaged, or of a newer format.
    """
    return _load(locate(source, revision, subfolder), str(source))


def load_checkpoints(
    source: str | os.PathLike[str], revision: str | None = None, subfolder: str = ""
) -> dict[str, Checkpoint]:
    """Read every framework of a bundle, or the one of a plain checkpoint, by name.

    Args:
        source: A folder, or a Hub id such as `name/model`.
        revision: Branch, tag or commit of a Hub id.
        subfolder: One checkpoint within a bundle, instead of all.

    Raises:
        CheckpointError: As for `load_checkpoint`, or a folder without any framework.
    """
    folder = locate(source, revision, subfolder)
    names = [name for name in FRAMEWORKS if (folder / name / CONFIG_FILE).is_file()]
    if not names or (folder / CONFIG_FILE).is_file():
        checkpoints = [_load(folder, str(source))]
    else:
        checkpoints = [_load(folder / name, str(source)) for name in names]
    return {
        checkpoint.config["architecture"]["framework"]: checkpoint for checkpoint in checkpoints
    }


def _load(folder: Path, source: str) -> Checkpoint:
    return read_checkpoint(folder, source, lambda config: _with_encoders(config, folder, source))


def read_checkpoint(
    folder: Path, source: str, build: Callable[[dict[str, Any]], Framework]
) -> Checkpoint:
    """Read `config.json` and build the framework; every failure becomes a `CheckpointError`."""
    if not (folder / CONFIG_FILE).is_file():
        raise CheckpointError(f"{source}: {CONFIG_FILE} is missing from the checkpoint.")
    try:
        config = json.loads((folder / CONFIG_FILE).read_text("utf-8"))
        if config["format"] > FORMAT:
            raise CheckpointError(f"{source}: made by a newer version (format {config['format']}).")
        framework = build(config)
        metrics_file = folder / METRICS_FILE
        metrics = json.loads(metrics_file.read_text("utf-8")) if metrics_file.exists() else {}
    except CheckpointError:
        raise
    except (KeyError, ValueError, RuntimeError, OSError) as error:
        raise CheckpointError(f"{source} is not a checkpoint of this program: {error}") from error
    except (TypeError, AttributeError) as error:  # JSON of another shape
        message = f"{source} is not a checkpoint of this program: one of its JSON files is damaged."
        raise CheckpointError(message) from error
    return Checkpoint(framework.eval(), config, metrics, source)


def _with_encoders(config: dict[str, Any], folder: Path, source: str) -> Framework:
    location = config.get("encoders_in", HERE)
    if location == GIVEN:
        raise CheckpointError(
            f"{source} is a head: load it with the encoders that it was trained on."
        )
    if location not in (HERE, ABOVE):
        raise CheckpointError(f"{source}: its encoders may only be beside it or one level up.")
    encoders = folder if location == HERE else folder.parent
    framework = build_framework(config["architecture"], tuple(config["labels"]), encoders)
    weights: dict[str, Tensor] = {}
    file_of = encoder_files(framework)
    for name in {*file_of.values(), WEIGHTS_FILE}:
        weights |= read_weights((folder if name == WEIGHTS_FILE else encoders) / name, source)
    attribute_of = {Path(file).stem: attribute for attribute, file in file_of.items()}
    loaded = {}
    for key, value in weights.items():
        first, _, rest = key.partition(".")
        loaded[f"{attribute_of.get(first, first)}.{rest}" if rest else first] = value
    framework.load_state_dict(loaded)
    return framework


def load_encoder(folder: Path, modality: str | None = None) -> Encoder:
    """An encoder of a checkpoint, for a framework to start from.

    Args:
        folder: A checkpoint.
        modality: Which encoder, by what it reads; needed where there are several.

    Raises:
        CheckpointError: `folder` holds no such checkpoint or encoder.
    """
    encoders = load_checkpoint(folder).framework.encoders().values()
    matches = [e for e in encoders if modality in (None, e.modality)]
    if len(matches) != 1:
        names = ", ".join(e.modality for e in encoders)
        raise CheckpointError(f"{folder.name} holds encoders of {names}: name one as `modality`.")
    return matches[0]


def write_json(path: Path, tree: Any) -> None:
    """Readable JSON with a final newline."""
    path.write_text(json.dumps(tree, indent=1, ensure_ascii=False) + "\n", "utf-8")
