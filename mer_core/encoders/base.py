"""What every encoder is: a `Batch` in, `Features` of one modality out."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any, Literal

from torch import nn

from mer_core.encoders.text_tokens import TextTokenizer
from mer_core.types import Batch, Features

View = Literal["face", "frame"]  # the followed face, or the whole frame


class Encoder(nn.Module, ABC):
    """One modality's encoder. It picks its own fields from the batch.

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
        """Tokens (B, T, D), their mask (B, T) and who is present (B,)."""

    @abstractmethod
    def architecture(self) -> dict[str, Any]:
        """Everything but the weights that `build_encoder` needs to make this encoder again."""


class CachedEncoder(Encoder):
    """Stands in for a frozen encoder whose features were computed earlier (`Batch.cached`)."""

    def __init__(self, modality: str, width: int) -> None:
        super().__init__()
        self.modality = modality
        self.width = width

    def forward(self, batch: Batch) -> Features:
        """The features that the batch already carries for this modality."""
        return batch.cached[self.modality]

    def architecture(self) -> dict[str, Any]:
        """Name and shape, as `build_encoder` takes them."""
        return {"family": "cached", "modality": self.modality, "width": self.width}


def encoder_hash(encoder: Encoder) -> str:
    """A name for an encoder's architecture and weights; caches and heads go by it."""
    digest = hashlib.sha256(repr(encoder.architecture()).encode())
    for name, value in sorted(encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class Augmentation(nn.Module):
    """Hides or moves parts of an encoder's input, in training mode only.

    A class of its own so that features of a frozen encoder can be computed with it switched on.
    """
