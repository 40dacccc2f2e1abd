"""Our compact text encoder: a BERT with fewer layers and a smaller vocabulary.

A transformers `BertModel` of any size with its own tokenizer. The shipped one is MiniLM (6 layers,
384 wide, 30 522 word pieces) without some layers and most of the vocabulary (`train/prune.py`),
fine-tuned on emotion corpora.
"""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer

import mer_core.torchaudio_compat  # noqa: F401  (before transformers, see there)

from transformers import BertConfig, BertModel  # isort: skip

from mer_core.encoders.base import Encoder
from mer_core.encoders.text_tokens import TextTokenizer
from mer_core.layers.attention import attendable
from mer_core.types import Batch, Features

MAX_TOKENS = 96  # 99.9 % of the corpora's texts are shorter


class CompactTextEncoder(Encoder):
    """`input_ids` (B, T) → the last layer's tokens (B, T, width)."""

    modality = "text"
    tokenizer: TextTokenizer

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        vocabulary: int,
        width: int = 384,
        layers: int = 5,
        heads: int = 12,
        intermediate: int = 1536,
        max_tokens: int = MAX_TOKENS,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.width = width
        self.shape = {
            "vocabulary": vocabulary,
            "width": width,
            "layers": layers,
            "heads": heads,
            "intermediate": intermediate,
            "max_tokens": max_tokens,
            "dropout": dropout,
        }
        self.tokenizer = TextTokenizer(tokenizer, max_tokens)
        config = BertConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=intermediate,
            max_position_embeddings=max_tokens,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
        )
        self.bert = BertModel(config, add_pooling_layer=False)

    def architecture(self) -> dict[str, Any]:
        """Family and shape for `build_encoder`; the tokenizer is a separate file."""
        return {"family": "compact_text", **self.shape}

    def forward(self, batch: Batch) -> Features:
        """One token per word piece; see `Encoder.forward`."""
        assert batch.input_ids is not None
        assert batch.attention_mask is not None
        assert batch.text_present is not None
        mask = batch.attention_mask
        attention_mask = attendable(mask).long()
        tokens = self.bert(batch.input_ids, attention_mask=attention_mask).last_hidden_state
        return Features(tokens * mask[:, :, None].to(tokens.dtype), mask, batch.text_present)
