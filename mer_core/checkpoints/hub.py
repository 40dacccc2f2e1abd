"""Finding a checkpoint: a local folder, or a repository of the Hugging Face Hub."""

from __future__ import annotations

import os
from pathlib import Path

from mer_core.checkpoints.errors import CheckpointError


def locate(source: str | os.PathLike[str], revision: str | None = None) -> Path:
    """The folder of a checkpoint, downloaded into the Hub's cache unless it is local.

    Raises:
        CheckpointError: There is no such folder, and the Hub has none or cannot be reached.
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
        # The Hub client raises many kinds; users need one sentence, developers the cause.
        raise CheckpointError(
            f"{source} is no folder here and could not be fetched from the Hub "
            f"({type(error).__name__})."
        ) from error


def _looks_like_hub_id(source: str) -> bool:
    parts = source.split("/")
    return len(parts) == 2 and all(parts) and not source.startswith((".", "~"))
