"""Experiments of both frameworks on encoders too small to matter, frozen, on the tiny corpora."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer

import mer_core.torchaudio_compat  # noqa: F401  (before transformers)

from transformers import BertConfig, BertModel  # isort: skip

from train.config import Experiment, OptimConfig, SourceConfig

SPEECH = {"family": "compact_speech", "channels": (16, 16), "blocks": 1, "width": 16}
OPTIM = OptimConfig(epochs=1, draws=16, batch_size=8, learning_rate=1e-3, precision="fp32")


def write_bert(folder: Path, tokenizer: Tokenizer) -> Path:
    """A BERT of one layer, for `pretrained_text`."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=16, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def tiny_mgcma(bert: Path) -> Experiment:
    return Experiment(
        name="mgcma",
        seed=4,
        freeze_encoders=True,
        architecture={
            "framework": "mgcma", "width": 12, "heads": 2, "feed_forward": 1.0, "samples": 1,
            "instance_targets": "label", "speech_encoder": SPEECH,
            "text_encoder": {"family": "pretrained_text", "source": str(bert)},
        },
        sources={
            "speech": SourceConfig(corpora={"ravdess": 1.0}, crop_seconds=0.5, views=1),
            "text": SourceConfig(corpora={"meld": 1.0}),
        },
        drop_modality={"speech": 0.25, "text": 0.25},
        loss_weights={"distribution": 0.1, "instance": 0.2},
        optim=OPTIM,
    )  # fmt: skip


def tiny_foal_net() -> Experiment:
    return Experiment(
        name="foal_net",
        seed=1,
        freeze_encoders=True,
        architecture={
            "framework": "foal_net", "projection_width": 8, "heads": 2, "audio_encoder": SPEECH,
            "video_encoder": {
                "family": "compact_face", "stem": 16, "channels": (16, 16), "blocks": (1, 1),
                "crop": 0,
            },
        },
        sources={
            "speech": SourceConfig(corpora={"ravdess": 1.0}, crop_seconds=0.5, views=1),
            "video": SourceConfig(corpora={"fer2013": 1.0}, views=1, frames=3),
        },
        loss_weights={"avel": 1.0, "mem": 0.1},
        optim=OPTIM,
    )  # fmt: skip
