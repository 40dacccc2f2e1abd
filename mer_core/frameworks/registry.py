"""The frameworks by name. To add one: a file, a line in `FRAMEWORKS`, a descriptor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mer_core.encoders.base import Encoder
from mer_core.encoders.registry import build_encoder
from mer_core.frameworks.base import Framework
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.frameworks.mgcma import MGCMA
from mer_core.frameworks.mgcma_config import MGCMAConfig
from mer_core.frameworks.unimodal import Unimodal, UnimodalConfig

MakeEncoder = Callable[[dict[str, Any]], Encoder]  # from what `Encoder.architecture` says


def _unimodal(
    make: MakeEncoder, labels: tuple[str, ...], *, encoder: dict[str, Any], **settings: Any
) -> Framework:
    return Unimodal(make(encoder), labels, UnimodalConfig(**settings))


def _mgcma(
    make: MakeEncoder,
    labels: tuple[str, ...],
    *,
    speech_encoder: dict[str, Any],
    text_encoder: dict[str, Any],
    **settings: Any,
) -> Framework:
    return MGCMA(make(speech_encoder), make(text_encoder), labels, MGCMAConfig(**settings))


def _foal_net(
    make: MakeEncoder,
    labels: tuple[str, ...],
    *,
    audio_encoder: dict[str, Any],
    video_encoder: dict[str, Any],
    **settings: Any,
) -> Framework:
    return FoalNet(make(audio_encoder), make(video_encoder), labels, FoalNetConfig(**settings))


FRAMEWORKS: dict[str, Callable[..., Framework]] = {
    "unimodal": _unimodal,
    "mgcma": _mgcma,
    "foal_net": _foal_net,
}


def build_framework(
    architecture: dict[str, Any],
    labels: tuple[str, ...],
    folder: Path | None = None,
    encoders: Mapping[str, Encoder] | None = None,
) -> Framework:
    """A framework with fresh weights.

    Args:
        architecture: `framework`, a key of `FRAMEWORKS`, and that framework's settings.
        labels: The C classes, in the order of the logits.
        folder: Checkpoint folder, where a tokenizer may lie.
        encoders: Encoders by what they read, to use in place of those that `architecture` would
            build. They are not copied.

    Raises:
        ValueError: Unknown framework, encoder or setting, or an encoder that is not given.
    """

    def make(encoder: dict[str, Any]) -> Encoder:
        if encoders is None:
            return build_encoder(encoder, folder)
        if encoder.get("modality") not in encoders:
            raise ValueError(f"Given are encoders of {', '.join(encoders)}; none for {encoder}.")
        return encoders[encoder["modality"]]

    settings = dict(architecture)
    name = settings.pop("framework", None)
    if name not in FRAMEWORKS:
        raise ValueError(f"There is no framework {name!r}; frameworks are {', '.join(FRAMEWORKS)}.")
    try:
        return FRAMEWORKS[name](make, labels, **settings)
    except TypeError as error:
        raise ValueError(f"Framework {name!r}: {error}") from None
