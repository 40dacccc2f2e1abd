"""What the pretrained adapters share: a transformers backbone by Hub id, folder or config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

import mer_core.torchaudio_compat  # noqa: F401  (before transformers, see there)

from transformers import AutoConfig, AutoModel  # isort: skip


# Only safetensors are read, and code that lies beside the weights is never run.
LOADING: dict[str, Any] = {
    "use_safetensors": True,
    "trust_remote_code": False,
    "dtype": torch.float32,
}


def load_config(
    source: str, revision: str | None, config: dict[str, Any] | None, families: tuple[str, ...]
) -> Any:
    """transformers' config of a backbone that the adapter understands; see `load_backbone`."""
    if config is None and not source:
        raise ValueError("A pretrained encoder needs a source: a Hub id or a local folder.")
    if config is None:
        loaded = AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=False)
        family = loaded.model_type
    else:
        family = config.get("model_type", "")
    if family not in families:
        raise ValueError(
            f"{source or 'The config'!r} is a {family or 'nameless'!r} model; "
            f"this adapter reads {', '.join(families)}."
        )
    return loaded if config is None else AutoConfig.for_model(**config)


def load_backbone(
    source: str,
    revision: str | None,
    config: dict[str, Any] | None,
    families: tuple[str, ...],
    **model_settings: Any,
) -> Any:
    """A bare transformers model in float32.

    Args:
        source: Hub id or local folder, for pretrained weights.
        revision: Branch, tag or commit of a Hub id, or None for its default branch.
        config: transformers' own config; where it is given, nothing is read from `source` and the
            weights are fresh (a checkpoint of ours brings them).
        families: The `model_type`s that the adapter understands.
        model_settings: Passed to the model class.

    Raises:
        ValueError: Neither `source` nor `config`, or a model of another family.
        OSError: `source` cannot be found or has no safetensors.
    """
    loaded = load_config(source, revision, config, families)
    if config is not None:
        return AutoModel.from_config(
            loaded, trust_remote_code=False, dtype=torch.float32, **model_settings
        )
    return AutoModel.from_pretrained(
        source, revision=revision, config=loaded, **LOADING, **model_settings
    )


def describe_backbone(source: str, revision: str | None, model: Any) -> dict[str, Any]:
    """`source`, `revision` and `config` that `load_backbone` rebuilds `model` from, offline.

    A local folder is told by its name alone: a checkpoint says nothing about the machine it was
    made on, and does not need the folder any more.
    """
    return {
        "source": Path(source).name if Path(source).is_dir() else source,
        "revision": revision,
        "config": model.config.to_diff_dict(),
    }
