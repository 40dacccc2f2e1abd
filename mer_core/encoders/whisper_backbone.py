"""Which part of a Whisper model an encoder uses, and how that part is loaded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import nn

from mer_core.encoders.pretrained import LOADING, BackboneConfig, load_config
from mer_core.encoders.whisper_mel import HOP
from mer_core.types import SAMPLE_RATE

from transformers.models.whisper.modeling_whisper import (  # isort: skip  (after torchaudio_compat)
    WhisperEncoder,
)

FAMILIES = ("whisper",)
FRAME_RATE = 50  # Hz, of the encoder's frames
SLOWEST = 12.5  # Hz, of the tokens
# Of transformers' config, what the encoder's part depends on; the rest describes the decoder.
USED = (
    "model_type", "d_model", "encoder_layers", "encoder_attention_heads", "encoder_ffn_dim",
    "num_mel_bins", "max_source_positions", "activation_function", "dropout",
    "attention_dropout", "activation_dropout",
)  # fmt: skip
NOT_LOADED = (r"decoder\.", r"proj_out\.", r"^layers\.\d+\.", r"^layer_norm\.")


@dataclass(frozen=True)
class PretrainedWhisperConfig(BackboneConfig):
    """Which backbone, any size of Whisper, and how it is used.

    Attributes:
        layers: Its first transformer layers that are used; 0 uses all. The others are not kept.
        final_norm: Apply the model's last layer norm; None applies it only if all layers are used,
            which is the only place where it was trained.
        frozen_layers: The convolutions and this many layers stay as pretrained and compute no
            gradient; 0 freezes the convolutions only, -1 nothing. The positions are constants.
        mix: Tokens are a learned convex combination of several layers' outputs, with equal shares
            at the start.
        join: Tokens are a learned linear map, to this many channels, of several layers' outputs
            side by side; 0 = none. Not together with `mix`.
        combine_from: The lowest output that is mixed or joined, 0 being the convolutions'; every
            output above it takes part. None: that of the last frozen layer.
        normalize: Scale every output to zero mean and unit variance over its channels, before they
            are mixed or joined. From a base model's fourth layer on, one channel is a hundred times
            the others.
        pool: Frames averaged into one token: 1, 2, 3 or 4 for 50 to 12.5 tokens a second.
        pool_after: Layer after which frames are averaged; None averages what comes out at the end.
            The layers above it then read tokens, which is cheaper but not as pretrained: fine-tune
            them. Outputs from below are averaged alike.
        max_seconds: Later sound is not read; Whisper has positions for 30 seconds.
        dropout: Of the tokens.
        frequency_mask: Widest SpecAugment band, in mels (training only).
        time_mask: Longest SpecAugment stretch, in 10 ms frames (training only).
        frequency_shift: Furthest shift of the spectrum up or down, in mels (training only).
    """

    layers: int = 0
    final_norm: bool | None = None
    frozen_layers: int = 0
    mix: bool = False
    join: int = 0
    combine_from: int | None = None
    normalize: bool = False
    pool: int = 2
    pool_after: int | None = None
    max_seconds: float = 30.0
    dropout: float = 0.0
    frequency_mask: int = 0
    time_mask: int = 0
    frequency_shift: int = 0

    def __post_init__(self) -> None:
        if self.pool < 1 or FRAME_RATE / self.pool < SLOWEST:
            raise ValueError(
                f"pool = {self.pool}: must be 1 to {int(FRAME_RATE / SLOWEST)}, "
                f"which gives {FRAME_RATE} to {SLOWEST} tokens a second."
            )
        if self.mix and self.join:
            raise ValueError("mix and join exclude each other.")
        if self.max_seconds <= 0:
            raise ValueError(f"max_seconds = {self.max_seconds}: must be above 0.")

    @property
    def split(self) -> int:
        """Number of the last layer that does not learn; 0: only the convolutions do not."""
        return max(0, self.frozen_layers)

    @property
    def lowest(self) -> int:
        """Number of the lowest output of which the tokens are made; `layers` resolved."""
        if not (self.mix or self.join):
            return self.layers
        return self.split if self.combine_from is None else self.combine_from


def load_encoder_part(settings: PretrainedWhisperConfig) -> Any:
    """transformers' `WhisperEncoder` of `settings.layers` layers in float32, no longer than needed.

    Args:
        settings: `layers` and `final_norm` resolved.

    Raises:
        OSError: `source` does not exist or has no safetensors.
        ValueError: `source` lacks some of the encoder's weights.
    """
    config = load_config(settings, FAMILIES)
    config.encoder_layers = settings.layers
    positions = -(-int(settings.max_seconds * SAMPLE_RATE) // (2 * HOP))  # ceil
    positions = min(positions, config.max_source_positions)
    if settings.config is not None:
        config.max_source_positions = positions
        backbone = WhisperEncoder(config)
    else:
        backbone = _load(settings, config)
        config = backbone.config
        config.max_source_positions = positions
        weight = backbone.embed_positions.weight[:positions].detach().clone()
        backbone.embed_positions.weight = nn.Parameter(weight)
    if not settings.final_norm:
        backbone.layer_norm = nn.Identity()
    return backbone


def _load(settings: PretrainedWhisperConfig, config: Any) -> Any:
    """The encoder of a checkpoint that may hold a whole model; what is not used is not read."""
    backbone, report = _EncoderOnly.from_pretrained(
        settings.source,
        revision=settings.revision,
        config=config,
        key_mapping={r"^(model\.)?encoder\.": ""},
        output_loading_info=True,
        **LOADING,
    )
    if missing := sorted(report["missing_keys"]):
        raise ValueError(f"{settings.source!r} has no weights for {', '.join(missing)}.")
    return backbone


class _EncoderOnly(WhisperEncoder):  # type: ignore[misc]
    """Loads without a warning about a checkpoint's decoder and later layers."""

    _keys_to_ignore_on_load_unexpected: ClassVar = list(NOT_LOADED)


def resolve(settings: PretrainedWhisperConfig) -> PretrainedWhisperConfig:
    """`layers` and `final_norm` as numbers, checked against the backbone's."""
    available = int(load_config(settings, FAMILIES).encoder_layers)
    layers = settings.layers or available
    if not 1 <= layers <= available:
        raise ValueError(f"layers = {layers}: the model has {available}.")
    if not -1 <= settings.frozen_layers <= layers:
        raise ValueError(
            f"frozen_layers = {settings.frozen_layers}: must be -1 (nothing is frozen) to {layers}."
        )
    for name in ("pool_after", "combine_from"):
        value = getattr(settings, name)
        if value is not None and not 0 <= value <= layers:
            raise ValueError(f"{name} = {value}: must be 0 to {layers}.")
    norm = settings.final_norm
    return replace(
        settings, layers=layers, final_norm=layers == available if norm is None else norm
    )
