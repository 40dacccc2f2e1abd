"""Heads: frameworks saved without their encoders, for encoders that are already loaded.

The heads of all alignment strategies share one set of encoders, so each is a small file.
`config.json` names the encoders that a head was trained on by their hash: features of any other
encoder are meaningless to it, so they are refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from mer_core.checkpoints.checkpoint import (
    CONFIG_FILE,
    GIVEN,
    Checkpoint,
    describe,
    read_checkpoint,
    write_json,
)
from mer_core.checkpoints.errors import CheckpointError, ForeignHeadError, MissingHeadError
from mer_core.checkpoints.weights import (
    WEIGHTS_FILE,
    as_stored,
    encoder_attributes,
    read_weights,
    weights_by_file,
    write_weights,
)
from mer_core.encoders.base import CachedEncoder, Encoder, encoder_hash
from mer_core.frameworks.base import Framework
from mer_core.frameworks.registry import build_framework


def save_head(folder: Path, framework: Framework, *, half: bool = True, **extra: Any) -> None:
    """Write everything of `framework` but its encoders, and their hashes.

    Args:
        folder: Made if missing; files of the same names are replaced.
        framework: With the encoders that it will be loaded with.
        half: Store floats as fp16, half the size.
        **extra: Further JSON-able keys of `config.json`, such as `temperatures`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(folder / WEIGHTS_FILE, as_stored(weights_by_file(framework)[WEIGHTS_FILE], half))
    config = describe(framework)
    for attribute, encoder in encoder_attributes(framework).items():
        stand_in = CachedEncoder(encoder.modality, encoder.width)
        config["architecture"][attribute] = stand_in.architecture()
    hashes = {e.modality: encoder_hash(e) for e in encoder_attributes(framework).values()}
    write_json(folder / CONFIG_FILE, {**config, "encoders_in": GIVEN, "encoders": hashes, **extra})


def load_head(folder: Path, encoders: Mapping[str, Encoder]) -> Checkpoint:
    """Load what `save_head` wrote, on given encoders, which are shared and not copied.

    Args:
        folder: Of the head.
        encoders: As `Framework.encoders` gives them; what they read counts, not their keys.

    Raises:
        MissingHeadError: There is no head, or a file of it is missing.
        ForeignHeadError: It was trained on other encoders.
        CheckpointError: It is damaged, no head, or of a newer format.
    """
    return _Given.of(encoders).load(folder)


def load_heads(folder: Path, encoders: Mapping[str, Encoder]) -> dict[str, Checkpoint]:
    """Every head inside `folder` by the name of its subfolder, sorted.

    Raises:
        CheckpointError: As for `load_head`.
    """
    given = _Given.of(encoders)
    found = sorted(path.parent for path in folder.glob(f"*/{CONFIG_FILE}"))
    return {path.name: given.load(path) for path in found}


@dataclass(frozen=True)
class _Given:
    """Encoders by what they read, and their hashes, which take a while to compute."""

    encoders: dict[str, Encoder]
    hashes: dict[str, str]

    @classmethod
    def of(cls, encoders: Mapping[str, Encoder]) -> _Given:
        read = {encoder.modality: encoder for encoder in encoders.values()}
        return cls(read, {modality: encoder_hash(encoder) for modality, encoder in read.items()})

    def load(self, folder: Path) -> Checkpoint:
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            if not (folder / name).is_file():
                raise MissingHeadError(f"{folder.name}: {name} is missing.")
        return read_checkpoint(folder, folder.name, lambda config: self._build(config, folder))

    def _build(self, config: dict[str, Any], folder: Path) -> Framework:
        if config.get("encoders_in") != GIVEN:
            raise CheckpointError(f"{folder.name} is no head: it comes with its own encoders.")
        _check_values(config)
        for modality, name in config["encoders"].items():
            if modality not in self.hashes:
                raise ForeignHeadError(f"{folder.name}: this head also needs a {modality} encoder.")
            if self.hashes[modality] != name:
                raise ForeignHeadError(
                    f"{folder.name}: this head was trained on another {modality} encoder."
                )
        labels = tuple(config["labels"])
        framework = build_framework(config["architecture"], labels, encoders=self.encoders)
        # All of them: an encoder without a hash could be any.
        needed = {encoder.modality for encoder in framework.encoders().values()}
        if config["encoders"].keys() != needed:
            names = ", ".join(sorted(needed))
            raise ValueError(f"hashes in {CONFIG_FILE} must be those of its encoders: {names}.")
        _fill(framework, read_weights(folder / WEIGHTS_FILE, folder.name))
        return framework


def _check_values(config: dict[str, Any]) -> None:
    """Refuse values that JSON allows and a head does not."""
    if not isinstance(config.get("architecture"), dict):
        raise ValueError(f"{CONFIG_FILE} must hold an architecture.")
    hashes = config.get("encoders")
    if not isinstance(hashes, dict) or not all(isinstance(h, str) for h in hashes.values()):
        raise ValueError(f"{CONFIG_FILE} must name its encoders by their hashes.")
    labels = config.get("labels")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"labels in {CONFIG_FILE} must be names.")
    if not all(0 < t < math.inf for t in config.get("temperatures", {}).values()):
        raise ValueError(f"temperatures in {CONFIG_FILE} must be positive numbers.")


def _fill(framework: Framework, weights: Mapping[str, Tensor]) -> None:
    """Load exactly the weights that a framework has besides its encoders, all of them finite."""
    own = weights_by_file(framework)[WEIGHTS_FILE]
    # Exactly these: a file with an encoder's weights would change the shared encoder.
    differ = {
        key
        for key in weights.keys() | own.keys()
        if key not in weights or key not in own or weights[key].shape != own[key].shape
    }
    if differ:
        some = ", ".join(sorted(differ)[:3])
        raise ValueError(f"{WEIGHTS_FILE} does not fit {CONFIG_FILE}: {some}.")
    if not all(value.isfinite().all() for value in weights.values()):
        raise ValueError(f"{WEIGHTS_FILE} holds weights that are not finite numbers.")
    framework.load_state_dict(weights, strict=False)
