"""Features of frozen encoders, computed once and kept: keyed by the inputs and by the encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from mer_core.data import collate
from mer_core.data.collate import Tokenize
from mer_core.encoders.base import Augmentation, Encoder, encoder_hash
from mer_core.types import Utterance

BATCH = 32


def frozen_features(
    encoder: Encoder,
    count: int,
    utterance: Callable[[int], Utterance],
    *,
    key: Sequence[str],
    title: str,
    augment: bool = False,
    tokenize: Tokenize | None = None,
    device: torch.device | None = None,
    cache: Path | None = None,
) -> list[Tensor]:
    """(T, D) fp16 tokens of `count` utterances.

    Args:
        encoder: Its weights are part of the key.
        count: How many utterances there are; best sorted by length, for they are batched in order.
        utterance: Index → utterance; only called where nothing is stored.
        key: What the utterances are made of: file contents, texts, augmentation.
        title: Of the progress bar.
        augment: Let the encoder hide parts of its input as in its own training. It knows its
            training clips by heart; what stands on it must not learn to trust it that much.
        tokenize: Where the encoder reads text.
        device: Where to compute.
        cache: Folder to keep the result in.
    """
    parts = [encoder_hash(encoder), *key, *(["augment"] if augment else [])]
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]
    path = cache / f"features-{name}.safetensors" if cache else None
    if path and path.exists():
        stored = load_file(path)
        return list(torch.split(stored["tokens"], stored["lengths"].tolist()))
    encoder = encoder.to(device or torch.device("cpu")).eval()
    torch.manual_seed(int(name[:8], 16))
    for module in encoder.modules():
        if isinstance(module, Augmentation):
            module.train(augment)
    rows: list[Tensor] = []
    for start in tqdm(range(0, count, BATCH), desc=title, mininterval=5.0):
        part = [utterance(i) for i in range(start, min(count, start + BATCH))]
        rows += _encode(encoder, part, tokenize, device or torch.device("cpu"))
    encoder.eval()
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        lengths = torch.tensor([len(row) for row in rows])
        save_file({"tokens": torch.cat(rows), "lengths": lengths}, path)
    return rows


def _encode(
    encoder: Encoder, part: list[Utterance], tokenize: Tokenize | None, device: torch.device
) -> Iterator[Tensor]:
    with torch.inference_mode():
        features = encoder(collate(part, tokenize).to(device)).to("cpu")
    for tokens, mask in zip(features.tokens, features.mask, strict=True):
        yield tokens[mask].half().clone()
