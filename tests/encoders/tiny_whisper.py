"""A Whisper of a few numbers, recordings made by chance, and what transformers makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mer_core.data.collate import collate
from mer_core.encoders.base import Encoder
from mer_core.encoders.registry import build_encoder
from mer_core.types import SAMPLE_RATE, Batch, FloatArray, Utterance

from transformers import (  # isort: skip  (after torchaudio_compat)
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)
from transformers.models.whisper.modeling_whisper import (  # isort: skip
    WhisperEncoder as OriginalEncoder,
)

LAYERS, WIDTH = 3, 16
TINY = {
    "d_model": WIDTH, "encoder_layers": LAYERS, "decoder_layers": 1, "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 8, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "vocab_size": 20, "max_target_positions": 8, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 1, "decoder_start_token_id": 2, "suppress_tokens": None,
    "begin_suppress_tokens": None, "dropout": 0.0, "num_mel_bins": 80,
}  # fmt: skip
LENGTHS = (201, 320, 1_599, 4_000, 9_999)
FRAMES = (1, 2, 9, 25, 62)  # of the spectrum, one every 160 samples
SETTINGS = {"layers": 2, "frozen_layers": 1, "mix": True, "pool": 2, "max_seconds": 12.0}


def tiny_model(**more: object) -> WhisperForConditionalGeneration:
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(WhisperConfig(**{**TINY, **more})).eval()
    encoder = model.get_encoder()
    with torch.no_grad():  # fresh weights and zero biases would hide mistakes
        for name, parameter in encoder.named_parameters():
            if not name.startswith("embed_positions"):
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def build(folder: Path, **settings: object) -> Encoder:
    architecture = {"family": "pretrained_whisper", "source": str(folder), "pool": 1, **settings}
    return build_encoder(architecture).eval()


def waves(lengths: tuple[int, ...] = LENGTHS) -> list[FloatArray]:
    """Noise whose level rises and falls, each of another loudness."""
    random = np.random.default_rng(1)
    made = []
    for number, length in enumerate(lengths, start=1):
        envelope = 0.05 * number * (1.1 + np.sin(np.arange(length) / 900))
        made.append((envelope * random.standard_normal(length)).astype(np.float32))
    return made


def batch_of(*waveforms: FloatArray | None) -> Batch:
    return collate([Utterance(waveform=waveform) for waveform in waveforms])


def spectrum(waveform: FloatArray, mels: int = 80) -> torch.Tensor:
    """(M, T) of transformers' own feature extractor, of the recording without padding."""
    extractor = WhisperFeatureExtractor(feature_size=mels)
    found = extractor(
        waveform, sampling_rate=SAMPLE_RATE, padding=False, truncation=False, return_tensors="pt"
    )
    return found.input_features[0]


def original(folder: Path, waveform: FloatArray) -> tuple[torch.Tensor, ...]:
    """(T, D) after the convolutions and after each layer, the last one normed, by transformers.

    Its encoder accepts one length only, so one of that length is built with the same weights.
    """
    mel = spectrum(waveform)
    weights = WhisperForConditionalGeneration.from_pretrained(folder).get_encoder().state_dict()
    positions = -(-mel.shape[1] // 2)
    weights["embed_positions.weight"] = weights["embed_positions.weight"][:positions]
    encoder = OriginalEncoder(WhisperConfig(**TINY, max_source_positions=positions)).eval()
    encoder.load_state_dict(weights)
    vars(encoder.config)["max_source_positions"] = mel.shape[1] / 2  # it then accepts odd lengths
    states = encoder(mel[None], output_hidden_states=True).hidden_states
    return tuple(state[0] for state in states)
