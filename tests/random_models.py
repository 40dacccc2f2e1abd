"""Both papers' models with tuned encoders and random weights, at any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer, models

import mer_core.torchaudio_compat  # noqa: F401  (before transformers)
from mer_core.data import collate
from mer_core.emotions import FOUR
from mer_core.encoders.pretrained_speech import PretrainedSpeechConfig, PretrainedSpeechEncoder
from mer_core.encoders.pretrained_text import PretrainedTextConfig, PretrainedTextEncoder
from mer_core.encoders.pretrained_vision import PretrainedVisionConfig, PretrainedVisionEncoder
from mer_core.frameworks.base import Framework
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.frameworks.mgcma import MGCMA
from mer_core.frameworks.mgcma_config import MGCMAConfig
from mer_core.types import Batch, Utterance

from transformers import (  # isort: skip
    BertConfig,
    CLIPVisionConfig,
    Wav2Vec2Config,
    WavLMConfig,
)

VOCABULARY = 1_000  # of BERT; the word pieces that are looked up cost nothing
LABELS = (0, 0, 1, 2, 1, 0)  # of `batch`


@dataclass(frozen=True)
class Size:
    """Of a transformer, and of what surrounds it.

    Attributes:
        width: Of the transformer, the frameworks' own layers included.
        layers: Of the transformer.
        heads: Of its attention.
        channels: Of the convolutions below a speech encoder.
        picture: Side of a vision encoder's input, in pixels.
        patch: Side of a patch, in pixels.
    """

    width: int
    layers: int
    heads: int
    channels: int
    picture: int = 224
    patch: int = 14


BASE = Size(768, 12, 12, 512)  # wav2vec2-base, BERT-base
LARGE = Size(1024, 24, 16, 512)  # WavLM-large, CLIP ViT-L/14
TINY = Size(16, 2, 2, 8, 28, 14)


def mgcma(size: Size = BASE, dropout: float = 0.1) -> Framework:
    """wav2vec 2.0 and BERT, both tuned, as in `mgcma_base.toml`."""
    text = BertConfig(
        vocab_size=VOCABULARY, hidden_size=size.width, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, intermediate_size=4 * size.width,
        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    vocabulary = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    config = MGCMAConfig(
        width=size.width, heads=8 if size.width % 16 == 0 and size.width > 16 else 2,
        dropout=dropout, classifier_dropout=dropout, instance_targets="label",
    )  # fmt: skip
    return MGCMA(
        _speech(Wav2Vec2Config(**_speech_shape(size, dropout))),
        PretrainedTextEncoder(PretrainedTextConfig(config=text.to_diff_dict()), vocabulary),
        FOUR,
        config,
    )


def foal_net(size: Size = LARGE, dropout: float = 0.1) -> Framework:
    """WavLM, tuned, and CLIP, frozen, as in `foal_net_large.toml`."""
    shape = _speech_shape(size, dropout)
    if size.width >= LARGE.width:
        shape |= {"do_stable_layer_norm": True, "feat_extract_norm": "layer"}
    vision = CLIPVisionConfig(
        hidden_size=size.width, num_hidden_layers=size.layers, num_attention_heads=size.heads,
        intermediate_size=4 * size.width, image_size=size.picture, patch_size=size.patch,
        projection_dim=size.width * 3 // 4,
    )  # fmt: skip
    config = FoalNetConfig(
        projection_width=min(512, size.width), dropout=dropout, projection_dropout=dropout,
        classifier_dropout=dropout, temperature=0.2,
    )  # fmt: skip
    return FoalNet(
        _speech(WavLMConfig(**shape)),
        PretrainedVisionEncoder(PretrainedVisionConfig(config=vision.to_diff_dict())),
        FOUR,
        config,
    )


def _speech_shape(size: Size, dropout: float) -> dict[str, object]:
    names = ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout")
    return {
        "hidden_size": size.width, "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads, "intermediate_size": 4 * size.width,
        "conv_dim": (size.channels,) * 7, "layerdrop": 0.0, "apply_spec_augment": False,
        "num_conv_pos_embeddings": 128 if size.width > 16 else 8,
        "num_conv_pos_embedding_groups": 16 if size.width > 16 else 2,
        **dict.fromkeys(names, dropout),
    }  # fmt: skip


def _speech(config: Wav2Vec2Config | WavLMConfig) -> PretrainedSpeechEncoder:
    settings = PretrainedSpeechConfig(config=config.to_diff_dict(), do_normalize=True)
    return PretrainedSpeechEncoder(settings)


def batch(rows: slice = slice(None)) -> Batch:
    """Six utterances of different lengths, or some of them; padded to the longest that is there.

    The third has no speech, and the fourth nothing else.
    """
    random = np.random.default_rng(0)
    utterances = [
        Utterance(
            waveform=None if i == 2 else random.normal(0, 0.1, 4_000 + 900 * i).astype(np.float32),
            text=None if i == 3 else "x" * (i + 2),
            frames=None if i == 3 else random.integers(0, 256, (i + 1, 40, 36, 3), np.uint8),
        )
        for i in range(len(LABELS))
    ]
    ids = np.random.default_rng(1).integers(1, VOCABULARY, len(LABELS) + 2).tolist()
    return collate(utterances[rows], lambda text: ids[: len(text)])
