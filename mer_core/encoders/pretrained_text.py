"""BERT and RoBERTa from transformers (arXiv 1810.04805, 1907.11692).

Batches are padded with token 0, which is `<s>` in RoBERTa, and RoBERTa derives positions from its
own padding token. So positions are passed explicitly: they start where the family starts, and
neither padding nor a `<pad>` that a visitor typed shifts them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from tokenizers import Tokenizer

from mer_core.encoders.base import Encoder
from mer_core.encoders.pretrained import (
    BackboneConfig,
    checkpoint_backbone,
    describe_backbone,
    load_backbone,
)
from mer_core.encoders.text_tokens import TextTokenizer
from mer_core.layers.attention import attendable
from mer_core.types import Batch, Features

from transformers import AutoTokenizer  # isort: skip  (after torchaudio_compat)

FROM_ZERO = ("bert",)  # families whose positions start at 0
FROM_PADDING = ("roberta", "xlm-roberta")  # families whose positions start after the padding id


@dataclass(frozen=True)
class PretrainedTextConfig(BackboneConfig):
    """Which backbone, and how it is used.

    Attributes:
        max_tokens: Later text is not read. Fewer where the backbone has fewer positions.
    """

    max_tokens: int = 128


class PretrainedTextEncoder(Encoder):
    """`input_ids` (B, T) → the last layer's tokens (B, T, width)."""

    modality = "text"
    tokenizer: TextTokenizer

    def __init__(self, settings: PretrainedTextConfig, tokenizer: Tokenizer | None = None) -> None:
        """Load the backbone and its tokenizer.

        Args:
            settings: Which backbone.
            tokenizer: The checkpoint's; None is that of `settings.source`.
        """
        super().__init__()
        self.settings = settings
        self.backbone = load_backbone(
            settings,
            FROM_ZERO + FROM_PADDING,
            add_pooling_layer=False,  # only tokens are read
        )
        config = self.backbone.config
        self.width = int(config.hidden_size)
        self.first_position = config.pad_token_id + 1 if config.model_type in FROM_PADDING else 0
        positions = config.max_position_embeddings - self.first_position
        self.tokenizer = TextTokenizer(
            tokenizer or _load_tokenizer(settings), min(settings.max_tokens, positions)
        )

    def architecture(self) -> dict[str, Any]:
        """Family, settings and the backbone's config; the tokenizer is a separate file."""
        backbone = describe_backbone(self.settings, self.backbone)
        return {"family": "pretrained_text", **asdict(self.settings), **backbone}

    def checkpoint_gradients(self) -> bool:
        """See `Encoder.checkpoint_gradients`."""
        return checkpoint_backbone(self.backbone)

    def forward(self, batch: Batch) -> Features:
        """One token per word piece; see `Encoder.forward`."""
        assert batch.input_ids is not None
        assert batch.attention_mask is not None
        assert batch.text_present is not None
        mask = batch.attention_mask & batch.text_present[:, None]  # (B, T)
        steps = torch.arange(mask.shape[1], device=mask.device)
        tokens = self.backbone(
            torch.where(mask, batch.input_ids, 0),  # padding must not matter
            attention_mask=attendable(mask).long(),
            position_ids=(steps + self.first_position).expand(mask.shape),
        ).last_hidden_state  # (B, T, D)
        return Features(torch.where(mask[:, :, None], tokens, 0.0), mask, mask.any(dim=1))


def _load_tokenizer(settings: PretrainedTextConfig) -> Tokenizer:
    if settings.config is not None:
        raise ValueError("A config does not contain a tokenizer; give the checkpoint's as well.")
    loaded = AutoTokenizer.from_pretrained(
        settings.source, revision=settings.revision, trust_remote_code=False
    )
    backend: Tokenizer = loaded.backend_tokenizer
    return backend
