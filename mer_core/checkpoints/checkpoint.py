"""A framework on disk: `config.json`, weights, `tokenizer.json`, `metrics.json`, card.

Each encoder's weights lie in a file named by what it reads (`speech_encoder.safetensors`),
everything else in `model.safetensors`. A bundle is a folder of encoders with one folder a
framework inside, whose `config.json` says that the encoders lie one level up: so MGCMA and
Foal-Net share one speech encoder, and another head is a small file.

Safetensors and JSON only: loading a checkpoint, ours or a stranger's, runs no code of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mer_core.encoders.base import Encoder
from mer_core.encoders.registry import TOKENIZER_FILE
from mer_core.frameworks.base import Framework
from mer_core.frameworks.registry import FRAMEWORKS, build_framework

CONFIG_FILE, WEIGHTS_FILE, METRICS_FILE = "config.json", "model.safetensors", "metrics.json"
FORMAT = 1  # of config.json
HERE, ABOVE = ".", ".."  # where config.json may say that the encoders lie
GIVEN = "given"  # or that there are none: what `mer_core.checkpoints.heads` reads


class CheckpointError(ValueError):
    """A checkpoint that cannot be loaded, in words."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded framework and what lies beside its weights.

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
        ValueError: Another encoder of the same modality already lies one level up.
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
            place = folder.parent if shared else folder
            (place / TOKENIZER_FILE).write_text(tokenizer.tokenizer.to_str(), "utf-8")
    config = {**describe(framework), "encoders_in": ABOVE if shared else HERE, **extra}
    write_json(folder / CONFIG_FILE, config)


def describe(framework: Framework) -> dict[str, Any]:
    """What every `config.json` says."""
    return {
        "format": FORMAT,
        "architecture": framework.architecture(),
        "labels": list(framework.labels),
    }


def as_stored(weights: Mapping[str, Tensor], half: bool) -> dict[str, Tensor]:
    """Copies for a file, floats as fp16 if `half`."""
    stored = {}
    for key, value in weights.items():
        copy = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        stored[key] = copy.half() if half and copy.is_floating_point() else copy
    return stored


def write_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """A safetensors file that everyone may read; safetensors itself writes for the owner alone."""
    save_file(weights, path)
    path.chmod(0o644)


def _check_same(path: Path, weights: dict[str, Tensor]) -> None:
    """A shared encoder must not change under the frameworks that were trained on it."""
    there = load_file(path)
    if set(there) != set(weights) or any(
        value.dtype != there[key].dtype or not torch.equal(value, there[key])
        for key, value in weights.items()
    ):
        raise ValueError(
            f"{path} holds another encoder, which other frameworks may stand on; "
            "delete it first, or write to another folder."
        )


def load_checkpoint(source: str | os.PathLike[str], revision: str | None = None) -> Checkpoint:
    """Read one framework from a local folder or, if there is no such folder, from the Hub.

    Raises:
        CheckpointError: Not found, not ours, incomplete, or of a newer format.
    """
    return _load(locate(source, revision), str(source))


def load_checkpoints(
    source: str | os.PathLike[str], revision: str | None = None
) -> dict[str, Checkpoint]:
    """Read every framework of a bundle, or the one of a plain checkpoint, by name.

    Raises:
        CheckpointError: As for `load_checkpoint`, or a folder without any framework.
    """
    folder = locate(source, revision)
    inside = [name for name in FRAMEWORKS if (folder / name / CONFIG_FILE).is_file()]
    if not inside or (folder / CONFIG_FILE).is_file():
        found = [_load(folder, str(source))]
    else:
        found = [_load(folder / name, str(source)) for name in inside]
    return {checkpoint.config["architecture"]["framework"]: checkpoint for checkpoint in found}


def _load(folder: Path, source: str) -> Checkpoint:
    return read_checkpoint(folder, source, lambda config: _with_encoders(config, folder, source))


def read_checkpoint(
    folder: Path, source: str, build: Callable[[dict[str, Any]], Framework]
) -> Checkpoint:
    """Read `config.json`, let `build` make the framework of it; what fails is said in words."""
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
    except (TypeError, AttributeError) as error:  # JSON of another shape: in words for programmers
        said = f"{source} is not a checkpoint of this program: one of its JSON files is damaged."
        raise CheckpointError(said) from error
    return Checkpoint(framework.eval(), config, metrics, source)


def _with_encoders(config: dict[str, Any], folder: Path, source: str) -> Framework:
    place = config.get("encoders_in", HERE)
    if place == GIVEN:
        raise CheckpointError(f"{source} is a head: it must be given the encoders it stands on.")
    if place not in (HERE, ABOVE):
        raise CheckpointError(f"{source}: its encoders may lie beside it or one level up only.")
    encoders = folder if place == HERE else folder.parent
    framework = build_framework(config["architecture"], tuple(config["labels"]), encoders)
    weights: dict[str, Tensor] = {}
    own = _own_names(framework)
    for name in {*own.values(), WEIGHTS_FILE}:
        weights |= read_weights((folder if name == WEIGHTS_FILE else encoders) / name, source)
    renamed = {Path(file).stem: attribute for attribute, file in own.items()}
    loaded = {}
    for key, value in weights.items():
        first, _, rest = key.partition(".")
        loaded[f"{renamed.get(first, first)}.{rest}" if rest else first] = value
    framework.load_state_dict(loaded)
    return framework


def read_weights(path: Path, source: str) -> dict[str, Tensor]:
    """What `write_weights` wrote, floats as float32.

    Raises:
        CheckpointError: There is no such file, or it is damaged.
    """
    if not path.is_file():
        raise CheckpointError(f"{source}: {path.name} is missing from the checkpoint.")
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{source}: {path.name} is damaged: {error}") from error
    return {key: v.float() if v.is_floating_point() else v for key, v in weights.items()}


def _own_names(framework: Framework) -> dict[str, str]:
    """Attribute of each encoder → its file, named by what it reads, whatever the paper calls it."""
    return {
        attribute: f"{encoder.modality}_encoder.safetensors"
        for attribute, encoder in encoder_attributes(framework).items()
    }


def encoder_attributes(framework: Framework) -> dict[str, Encoder]:
    """Attribute of the framework, which its architecture calls by the same name → encoder."""
    return {n: child for n, child in framework.named_children() if isinstance(child, Encoder)}


def weights_by_file(framework: Framework) -> dict[str, dict[str, Tensor]]:
    """File → its weights; an encoder's names begin with the stem of its file."""
    own = _own_names(framework)
    files: dict[str, dict[str, Tensor]] = {name: {} for name in (*own.values(), WEIGHTS_FILE)}
    for key, value in framework.state_dict().items():
        first, _, rest = key.partition(".")
        if first in own:
            files[own[first]][f"{Path(own[first]).stem}.{rest}"] = value
        else:
            files[WEIGHTS_FILE][key] = value
    return files


def locate(source: str | os.PathLike[str], revision: str | None = None) -> Path:
    """The folder of a checkpoint, downloaded into the Hub's cache if it is no local one.

    Raises:
        CheckpointError: There is neither.
    """
    path = Path(source)
    if path.is_dir():
        return path
    if path.exists() or not _looks_like_hub_id(str(source)):
        raise CheckpointError(f"{source} is neither a folder nor a Hub id such as name/model.")
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                str(source), revision=revision, allow_patterns=["*.json", "*.safetensors"]
            )
        )
    except Exception as error:
        # The Hub client raises many kinds; a visitor needs one sentence, a developer the cause.
        raise CheckpointError(
            f"{source} is no folder here and could not be fetched from the Hub "
            f"({type(error).__name__})."
        ) from error


def _looks_like_hub_id(source: str) -> bool:
    parts = source.split("/")
    return len(parts) == 2 and all(parts) and not source.startswith((".", "~"))


def load_encoder(folder: Path, modality: str | None = None) -> Encoder:
    """An encoder of a checkpoint, for a framework to start from.

    Args:
        folder: A checkpoint.
        modality: Which encoder, by what it reads; needed where there are several.

    Raises:
        CheckpointError: `folder` holds no such checkpoint or encoder.
    """
    encoders = load_checkpoint(folder).framework.encoders().values()
    found = [e for e in encoders if modality in (None, e.modality)]
    if len(found) != 1:
        there = ", ".join(e.modality for e in encoders)
        raise CheckpointError(f"{folder.name} holds encoders of {there}: name one as `modality`.")
    return found[0]


def write_json(path: Path, tree: Any) -> None:
    """Readable JSON with a final newline."""
    path.write_text(json.dumps(tree, indent=1, ensure_ascii=False) + "\n", "utf-8")


def parameters(module: nn.Module) -> int:
    """How many weights a module has."""
    return sum(parameter.numel() for parameter in module.parameters())
