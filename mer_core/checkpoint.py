"""A framework on disk: `config.json`, weights, `tokenizer.json`, `metrics.json`, card.

Each encoder's weights lie in a file of their own (`speech_encoder.safetensors`), everything else
in `model.safetensors`: several heads can share an encoder, and a new head is a small file.

Safetensors and JSON only: loading a checkpoint, ours or a stranger's, runs no code of its own.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mer_core.encoders.base import Encoder
from mer_core.encoders.registry import TOKENIZER_FILE
from mer_core.frameworks.base import Framework
from mer_core.frameworks.registry import build_framework
from mer_core.frameworks.unimodal import Unimodal

CONFIG_FILE, WEIGHTS_FILE, METRICS_FILE = "config.json", "model.safetensors", "metrics.json"
FORMAT = 1  # of config.json


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
    folder: Path, framework: Framework, *, half: bool = False, **extra: Any
) -> None:
    """Write `framework` to `folder`.

    Args:
        folder: Made if missing; files of the same names are replaced.
        framework: Any.
        half: Store floats as fp16, half the size.
        **extra: Further JSON-able keys of `config.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "format": FORMAT,
        "architecture": framework.architecture(),
        "labels": list(framework.labels),
        **extra,
    }
    write_json(folder / CONFIG_FILE, config)
    files: dict[str, dict[str, Tensor]] = {name: {} for name in weight_files(framework)}
    for name, value in framework.state_dict().items():
        stored = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        own = f"{name.split('.')[0]}.safetensors"
        files[own if own in files else WEIGHTS_FILE][name] = (
            stored.half() if half and stored.is_floating_point() else stored
        )
    for name, weights in files.items():
        save_file(weights, folder / name)
        (folder / name).chmod(0o644)  # safetensors writes for the owner alone
    for module in framework.modules():
        tokenizer = getattr(module, "tokenizer", None)
        if isinstance(module, Encoder) and tokenizer is not None:
            (folder / TOKENIZER_FILE).write_text(tokenizer.tokenizer.to_str(), "utf-8")


def load_checkpoint(source: str | os.PathLike[str], revision: str | None = None) -> Checkpoint:
    """Read a checkpoint from a local folder or, if there is no such folder, from the Hub.

    Raises:
        CheckpointError: Not found, not ours, incomplete, or of a newer format.
    """
    folder = locate(source, revision)
    if not (folder / CONFIG_FILE).is_file():
        raise CheckpointError(f"{source}: {CONFIG_FILE} is missing from the checkpoint.")
    try:
        config = json.loads((folder / CONFIG_FILE).read_text("utf-8"))
        if config["format"] > FORMAT:
            raise CheckpointError(f"{source}: made by a newer version (format {config['format']}).")
        framework = build_framework(config["architecture"], tuple(config["labels"]), folder)
        weights: dict[str, Tensor] = {}
        for name in weight_files(framework):
            if not (folder / name).is_file():
                raise CheckpointError(f"{source}: {name} is missing from the checkpoint.")
            weights |= load_file(folder / name)
        framework.load_state_dict(
            {n: v.float() if v.is_floating_point() else v for n, v in weights.items()}
        )
    except CheckpointError:
        raise
    except (KeyError, ValueError, RuntimeError, OSError) as error:
        raise CheckpointError(f"{source} is not a checkpoint of this program: {error}") from error
    metrics_file = folder / METRICS_FILE
    metrics = json.loads(metrics_file.read_text("utf-8")) if metrics_file.exists() else {}
    return Checkpoint(framework.eval(), config, metrics, str(source))


def weight_files(framework: Framework) -> list[str]:
    """Names of the files that hold a framework's weights."""
    children = dict(framework.named_children())
    encoders = [name for name, child in children.items() if isinstance(child, Encoder)]
    return [*(f"{name}.safetensors" for name in encoders), WEIGHTS_FILE]


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


def load_encoder(folder: Path) -> Encoder:
    """The encoder of a single-encoder checkpoint, for a framework to start from.

    Raises:
        CheckpointError: `folder` holds no such checkpoint.
    """
    framework = load_checkpoint(folder).framework
    if not isinstance(framework, Unimodal):
        raise CheckpointError(f"{folder.name} holds no single encoder.")
    return framework.encoder


def write_json(path: Path, tree: Any) -> None:
    """Readable JSON with a final newline."""
    path.write_text(json.dumps(tree, indent=1, ensure_ascii=False) + "\n", "utf-8")


def parameters(module: nn.Module) -> int:
    """How many weights a module has."""
    return sum(parameter.numel() for parameter in module.parameters())
