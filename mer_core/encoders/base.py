"""The contract of every encoder: a `Batch` in, `Features` of one modality out."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any, Literal

from torch import nn

from mer_core.encoders.text_tokens import TextTokenizer
from mer_core.types import Batch, Features

View = Literal["face", "frame"]  # the followed face, or the whole frame


class Encoder(nn.Module, ABC):
    """Encodes one modality; it reads only that modality's fields of the batch.

    Attributes:
        modality: `speech`, `text` or `video`: which fields of the batch it reads.
        width: D of its tokens.
        tokenizer: Text to token ids; None unless it reads text.
        view: Which pictures it reads; None unless it reads video.
        picture_size: Side in pixels of square pictures that it need not resize; None unless it
            reads video.
    """

    modality: str
    width: int
    tokenizer: TextTokenizer | None = None
    view: View | None = None
    picture_size: int | None = None

    @abstractmethod
    def forward(self, batch: Batch) -> Features:
        """Tokens (B, T, D), their mask (B, T) and presence (B,)."""

    @abstractmethod
    def architecture(self) -> dict[str, Any]:
        """What `build_encoder` needs to rebuild this encoder, apart from the weights."""

    def frozen_part(self) -> Encoder | None:
        """What never learns, as an encoder of its own; None if nothing can be taken apart.

        `forward` takes its features from `Batch.cached`, where they are.
        """
        return None

    def depth(self, parameter: str) -> int:
        """How many layers follow the one that holds a parameter, named as in `named_parameters`.

        Lower layers may learn more slowly. 0 for the last layer, and for all of an encoder that
        does not count its layers.
        """
        return 0

    def checkpoint_gradients(self) -> bool:
        """Compute layers again during `backward` instead of keeping what they computed.

        Returns:
            Whether this encoder does so now: it must have layers that learn, and support it.
        """
        return False


class CachedEncoder(Encoder):
    """Replaces a frozen encoder whose features were computed earlier (`Batch.cached`)."""

    def __init__(self, modality: str, width: int) -> None:
        super().__init__()
        self.modality = modality
        self.width = width

    def forward(self, batch: Batch) -> Features:
        """The batch's cached features of this modality."""
        return batch.cached[self.modality]

    def architecture(self) -> dict[str, Any]:
        """Family and shape for `build_encoder`."""
        return {"family": "cached", "modality": self.modality, "width": self.width}


def encoder_hash(encoder: Encoder) -> str:
    """SHA-256 of an encoder's architecture and weights; it identifies caches and heads."""
    digest = hashlib.sha256(repr(encoder.architecture()).encode())
    for name, value in sorted(encoder.state_dict().items()):
        digest.update(name.encode())
        value = value.detach().cpu().contiguous()
        if value.is_floating_point():
            value = value + 0.0  # averaging turns -0 into 0, which computes the same
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


class Augmentation(nn.Module):
    """Hides or moves parts of an encoder's input, in training mode only.

    A separate module, so that it can be on while a frozen encoder's features are computed.
    """
