"""Features of frozen encoders, computed once and cached by a hash of the inputs and the encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from mer_core.data import Example, collate
from mer_core.data.collate import Tokenize, collate_features
from mer_core.encoders.base import Augmentation, Encoder, encoder_hash
from mer_core.types import Batch, Utterance
from train.data.draws import epoch_generator
from train.data.material import Material, digest
from train.files import cached
from train.precision import autocast_type

BATCH = 32

Rows = list[Tensor]


def features_as_they_are(
    encoder: Encoder,
    examples: Iterable[Example],
    material: Material,
    *,
    tokenize: Tokenize | None = None,
    device: torch.device | None = None,
    cache: Path | None = None,
) -> dict[Example, Tensor]:
    """Example → (T, D) fp16 tokens without augmentation, the shortest example first."""
    ordered = sorted(examples, key=material.size)
    rows = frozen_features(
        encoder,
        len(ordered),
        lambda i: material.utterance([ordered[i]]),
        key=["as it is", *(material.content(example) for example in ordered)],
        title=f"features of {encoder.modality}",
        tokenize=tokenize,
        device=device,
        cache=cache,
    )
    return dict(zip(ordered, rows, strict=True))


def feature_views(
    encoder: Encoder,
    examples: Iterable[Example],
    augmented: Collection[Example],
    material: Material,
    views: int,
    seed: int,
    **options: Any,
) -> dict[Example, Rows]:
    """Example → (T, D) fp16 tokens of it as it is, then of its augmented copies, if it has any.

    Args:
        encoder: Its own augmentation is on for the copies.
        examples: Of one modality.
        augmented: Those of them that have copies, augmented as their source says.
        material: Where they are read.
        views: Copies of each.
        seed: Of all copies.
        options: `tokenize`, `device` and `cache` of `frozen_features`.
    """
    plain = features_as_they_are(encoder, examples, material, **options)
    found = {example: [tokens] for example, tokens in plain.items()}
    copied = [example for example in plain if example in augmented]
    changes = material.sources[encoder.modality].changes(encoder.modality)
    for view in range(1, 1 + views):
        drawn = seed * 1_000 + view
        rows = frozen_features(
            encoder,
            len(copied),
            # A generator for each example: its augmentation does not depend on its neighbours.
            lambda i, s=drawn: material.utterance(  # type: ignore[misc]
                [copied[i]], epoch_generator(s, i)
            ),
            key=[str((drawn, changes)), *(material.content(e) for e in copied)],
            title=f"features of {encoder.modality}, view {view}",
            augment=True,
            precision="auto",  # as the training that reads them
            **options,
        )
        for example, tokens in zip(copied, rows, strict=True):
            found[example].append(tokens)
    return found


def frozen_features(
    encoder: Encoder,
    count: int,
    utterance: Callable[[int], Utterance],
    *,
    key: Sequence[str],
    title: str,
    augment: bool = False,
    precision: str = "fp32",
    tokenize: Tokenize | None = None,
    device: torch.device | None = None,
    cache: Path | None = None,
) -> Rows:
    """(T, D) fp16 tokens of `count` utterances.

    Args:
        encoder: Its weights are part of the key.
        count: Number of utterances, which are batched in order; best sorted by length.
        utterance: Index → utterance; only called where nothing is cached.
        key: What the utterances are made of: file contents, texts, augmentation.
        title: Of the progress bar.
        augment: Let the encoder hide parts of its input, as in its own training. It has overfitted
            its training clips; a head on clean features would trust it too much.
        precision: As in `OptimConfig`; what is measured is computed in fp32, as it is served.
        tokenize: Needed if the encoder reads text.
        device: Where to compute.
        cache: Folder for the result.
    """
    return _stored(
        encoder,
        count,
        lambda part: collate([utterance(i) for i in part], tokenize),
        key=[*key, *(["augment"] if augment else [])],
        title=title,
        augment=augment,
        precision=precision,
        device=device,
        cache=cache,
    )


def views_above(
    encoder: Encoder,
    lower: Mapping[Example, Rows],
    examples: Iterable[Example],
    augmented: Collection[Example],
    **options: Any,
) -> dict[Example, Rows]:
    """What `feature_views` gives, computed from the features of the encoder's frozen part.

    Args:
        encoder: In evaluation; what it hides of its input, it has hidden in `lower`.
        lower: Example → `feature_views` of `encoder.frozen_part()`.
        examples: All of them in `lower`.
        augmented: Those of them whose copies are wanted.
        options: `device` and `cache` of `frozen_features`.
    """
    ordered = sorted(examples, key=lambda example: len(lower[example][0]))
    found: dict[Example, Rows] = {example: [] for example in ordered}
    for view in range(max((len(lower[example]) for example in ordered), default=0)):
        chosen = [example for example in ordered if view == 0 or example in augmented]
        rows = [lower[example][view] for example in chosen]
        width = {encoder.modality: rows[0].shape[1]}
        tokens = _stored(
            encoder,
            len(rows),
            lambda part, r=rows, w=width: collate_features(  # type: ignore[misc]
                [{encoder.modality: r[i]} for i in part], w
            ),
            key=["above", *(digest(row.numpy().tobytes()) for row in rows)],
            title=f"features of {encoder.modality} above the frozen layers, view {view}",
            augment=False,
            precision="auto" if view else "fp32",
            **options,
        )
        for example, row in zip(chosen, tokens, strict=True):
            found[example].append(row)
    return found


def _stored(
    encoder: Encoder,
    count: int,
    batch: Callable[[range], Batch],
    *,
    key: Sequence[str],
    title: str,
    augment: bool,
    precision: str,
    device: torch.device | None,
    cache: Path | None,
) -> Rows:
    """(T, D) fp16 tokens of `count` items, of which `batch` collates some; cached by `key`."""
    parts = [encoder_hash(encoder), *key]
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]
    path = cache / f"features-{name}.safetensors" if cache else None
    on, seed = device or torch.device("cpu"), int(name[:8], 16)
    return cached(
        path,
        lambda: list(_encode(encoder.to(on), count, batch, title, augment, precision, seed)),
        read=_read,
        write=_write,
    )


def _encode(
    encoder: Encoder,
    count: int,
    batch: Callable[[range], Batch],
    title: str,
    augment: bool,
    precision: str,
    seed: int,
) -> Iterator[Tensor]:
    """Tokens of one item after another; `seed` decides what augmentation hides."""
    encoder.eval()
    torch.manual_seed(seed)
    device = next(encoder.parameters()).device
    for module in encoder.modules():
        if isinstance(module, Augmentation):
            module.train(augment)
    kind = autocast_type(precision, device)
    for start in tqdm(range(0, count, BATCH), desc=title, mininterval=5.0):
        part = batch(range(start, min(count, start + BATCH))).to(device)
        with (
            torch.inference_mode(),
            torch.autocast(device.type, kind or torch.bfloat16, kind is not None),
        ):
            features = encoder(part).to("cpu")
        for tokens, mask in zip(features.tokens, features.mask, strict=True):
            yield tokens[mask].half().clone()
    encoder.eval()


def _read(path: Path) -> Rows:
    stored = load_file(path)
    return list(torch.split(stored["tokens"], stored["lengths"].tolist()))


def _write(rows: Rows, path: Path) -> None:
    lengths = torch.tensor([len(row) for row in rows])
    save_file({"tokens": torch.cat(rows), "lengths": lengths}, path)
