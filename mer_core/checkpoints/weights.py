"""Weights as safetensors: one file for each encoder, one for everything else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mer_core.checkpoints.errors import CheckpointError
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import Framework

WEIGHTS_FILE = "model.safetensors"  # of everything but the encoders


def encoder_attributes(framework: Framework) -> dict[str, Encoder]:
    """Attribute of the framework → encoder; its architecture uses the same names."""
    return {n: child for n, child in framework.named_children() if isinstance(child, Encoder)}


def encoder_files(framework: Framework) -> dict[str, str]:
    """Attribute of each encoder → its file, named by what the encoder reads."""
    return {
        attribute: f"{encoder.modality}_encoder.safetensors"
        for attribute, encoder in encoder_attributes(framework).items()
    }


def weights_by_file(framework: Framework) -> dict[str, dict[str, Tensor]]:
    """File → its weights; an encoder's names begin with the stem of its file."""
    files_of = encoder_files(framework)
    files: dict[str, dict[str, Tensor]] = {name: {} for name in (*files_of.values(), WEIGHTS_FILE)}
    for key, value in framework.state_dict().items():
        first, _, rest = key.partition(".")
        if first in files_of:
            files[files_of[first]][f"{Path(files_of[first]).stem}.{rest}"] = value
        else:
            files[WEIGHTS_FILE][key] = value
    return files


def as_stored(weights: Mapping[str, Tensor], half: bool) -> dict[str, Tensor]:
    """Copies for a file, floats as fp16 if `half`."""
    stored = {}
    for key, value in weights.items():
        copy = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        stored[key] = copy.half() if half and copy.is_floating_point() else copy
    return stored


def write_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """A safetensors file that everyone may read; safetensors would let only its owner read it."""
    save_file(weights, path)
    path.chmod(0o644)


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


def parameters(module: nn.Module) -> int:
    """How many weights a module has."""
    return sum(parameter.numel() for parameter in module.parameters())
