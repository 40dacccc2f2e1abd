"""The frameworks by name; the only place that knows names. To add one: a file, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mer_core.encoders.registry import build_encoder
from mer_core.frameworks.base import Framework
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.frameworks.mgcma import MGCMA, MGCMAConfig
from mer_core.frameworks.unimodal import Unimodal


def _unimodal(
    folder: Path | None, labels: tuple[str, ...], *, encoder: dict[str, Any], **settings: Any
) -> Framework:
    return Unimodal(build_encoder(encoder, folder), labels, **settings)


def _mgcma(
    folder: Path | None,
    labels: tuple[str, ...],
    *,
    speech_encoder: dict[str, Any],
    text_encoder: dict[str, Any],
    **settings: Any,
) -> Framework:
    return MGCMA(
        build_encoder(speech_encoder, folder),
        build_encoder(text_encoder, folder),
        labels,
        MGCMAConfig(**settings),
    )


def _foal_net(
    folder: Path | None,
    labels: tuple[str, ...],
    *,
    audio_encoder: dict[str, Any],
    video_encoder: dict[str, Any],
    **settings: Any,
) -> Framework:
    return FoalNet(
        build_encoder(audio_encoder, folder),
        build_encoder(video_encoder, folder),
        labels,
        FoalNetConfig(**settings),
    )


FRAMEWORKS: dict[str, Callable[..., Framework]] = {
    "unimodal": _unimodal,
    "mgcma": _mgcma,
    "foal_net": _foal_net,
}


def build_framework(
    architecture: dict[str, Any], labels: tuple[str, ...], folder: Path | None = None
) -> Framework:
    """A framework with fresh weights.

    Args:
        architecture: `framework`, a key of `FRAMEWORKS`, and that framework's settings.
        labels: The C classes, in the order of the logits.
        folder: Checkpoint folder, where a tokenizer may lie.

    Raises:
        ValueError: Unknown framework, encoder or setting.
    """
    settings = dict(architecture)
    name = settings.pop("framework", None)
    if name not in FRAMEWORKS:
        raise ValueError(f"There is no framework {name!r}; frameworks are {', '.join(FRAMEWORKS)}.")
    try:
        return FRAMEWORKS[name](folder, labels, **settings)
    except TypeError as error:
        raise ValueError(f"Framework {name!r}: {error}") from None
