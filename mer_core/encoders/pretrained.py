"""What the pretrained adapters share: a transformers backbone from a Hub id, folder or config."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import mer_core.torchaudio_compat  # noqa: F401  (before transformers, see there)

from transformers import AutoConfig, AutoModel  # isort: skip

# Only safetensors are loaded, and code beside the weights is never run.
LOADING: dict[str, Any] = {
    "use_safetensors": True,
    "trust_remote_code": False,
    "dtype": torch.float32,
}


@dataclass(frozen=True)
class BackboneConfig:
    """Which backbone an adapter uses.

    Attributes:
        source: Hub id or local folder of pretrained weights.
        revision: Branch, tag or commit of a Hub id; None is its default branch.
        config: transformers' own config. With it, nothing is read from `source` and the weights are
            fresh; a checkpoint of ours brings them.
    """

    source: str = ""
    revision: str | None = None
    config: dict[str, Any] | None = None


def load_config(settings: BackboneConfig, families: tuple[str, ...]) -> Any:
    """transformers' config of a backbone that the adapter supports; see `load_backbone`."""
    source, config = settings.source, settings.config
    if config is None and not source:
        raise ValueError("A pretrained encoder needs a source: a Hub id or a local folder.")
    if config is None:
        loaded = AutoConfig.from_pretrained(
            source, revision=settings.revision, trust_remote_code=False
        )
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
    settings: BackboneConfig, families: tuple[str, ...], **model_settings: Any
) -> Any:
    """A bare transformers model in float32.

    Args:
        settings: Which one.
        families: The `model_type`s that the adapter supports.
        model_settings: Passed to the model class.

    Raises:
        ValueError: There is neither `source` nor `config`, or the model is of another family.
        OSError: `source` does not exist or has no safetensors.
    """
    config = load_config(settings, families)
    if settings.config is not None:
        return AutoModel.from_config(
            config, trust_remote_code=False, dtype=torch.float32, **model_settings
        )
    return AutoModel.from_pretrained(
        settings.source, revision=settings.revision, config=config, **LOADING, **model_settings
    )


def describe_backbone(settings: BackboneConfig, model: Any) -> dict[str, Any]:
    """`source`, `revision` and `config` from which `load_backbone` rebuilds `model` offline.

    Of a local folder only the name is kept: a checkpoint must not reveal paths of the machine on
    which it was made, and no longer needs the folder.
    """
    folder = Path(settings.source)
    return {
        "source": folder.name if folder.is_dir() else settings.source,
        "revision": settings.revision,
        "config": model.config.to_diff_dict(),
    }


def checkpoint_backbone(backbone: Any) -> bool:
    """Turn on transformers' gradient checkpointing; False if it has none or nothing learns."""
    learns = any(parameter.requires_grad for parameter in backbone.parameters())
    if not learns or not backbone.supports_gradient_checkpointing:
        return False
    backbone.gradient_checkpointing_enable({"use_reentrant": False})
    return True
