"""What maps are fitted to: embeddings of held-out pairs, as many of each emotion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mer_core.atlas.reference import Pairing, Reference, at_half_precision
from mer_core.data import Example
from mer_core.data.collate import collate_features
from mer_core.emotions import FOUR
from mer_core.frameworks.base import Framework
from mer_core.types import FloatArray
from train.config import Experiment
from train.data.features import features_as_they_are
from train.data.material import Material
from train.data.pairs import Pair, natural_pairs
from train.data.tasks import FIELDS, source_examples
from train.stages import detach_encoders, tokenizer_of

BATCH = 64


def balanced_pairs(
    experiment: Experiment,
    root: Path,
    split: str,
    count: int,
    generator: np.random.Generator,
    *,
    repeat: bool = True,
) -> list[Pair]:
    """Pairs of one split, as many of each of the four emotions, in their order.

    An example is repeated only if its emotion has too few, and then as rarely as possible; without
    `repeat`, there are fewer pairs instead. Where recordings are trained as pairs, these are the
    pairs; else the halves are drawn apart.

    Raises:
        ValueError: `count` cannot be shared among the emotions, or one of them has no example.
    """
    if count < len(FOUR) or count % len(FOUR):
        raise ValueError(f"--pairs {count}: must be a multiple of {len(FOUR)}.")
    each = count // len(FOUR)
    pools = _pools(experiment, root, split)
    smallest = min(sum(e.emotion == name for e in pool) for pool in pools for name in FOUR)
    if not smallest:
        raise ValueError(f"The {split} split lacks an emotion in one of its modalities.")
    each = each if repeat else min(each, smallest)
    pairs = []
    for emotion in FOUR:
        of_emotion = [[part for part in pool if part.emotion == emotion] for pool in pools]
        drawn = [_draw(pool, each, generator) for pool in of_emotion]
        pairs += [_joined(parts) for parts in zip(*drawn, strict=True)]
    return pairs


def embed_all(
    heads: Mapping[str, Framework],
    pairs: Sequence[Pair],
    experiment: Experiment,
    device: torch.device | None = None,
    cache: Path | None = None,
) -> dict[str, dict[str, FloatArray]]:
    """Strategy → the paper's name of a modality → (N, D) embeddings, rounded as they are stored."""
    parts = {m: list(dict.fromkeys(getattr(p, m) for p in pairs)) for m in experiment.sources}
    material = Material([e for p in parts.values() for e in p], experiment.sources, cache)
    first = next(iter(heads.values()))
    tokenize = tokenizer_of(first)
    names = {encoder.modality: name for name, encoder in first.encoders().items()}
    tokens = {
        encoder.modality: features_as_they_are(
            encoder, parts[encoder.modality], material,
            tokenize=tokenize, device=device, cache=cache,
        )
        for encoder in first.encoders().values()
    }  # fmt: skip
    embedded = {}
    for name, head in heads.items():
        detach_encoders(head)
        embedded[name] = _embed(head.eval(), pairs, tokens, names)
    return embedded


def reference_of(
    vectors: Mapping[str, FloatArray],
    pairs: Sequence[Pair],
    read: Mapping[str, str],
    pairing: Pairing = Pairing.LABEL,
) -> Reference:
    """The first `len(pairs)` rows of `vectors`, with labels, corpora and groups of their pairs.

    Args:
        vectors: The paper's name of a modality → (N, D), the leading one first.
        pairs: Of the rows.
        read: The paper's name → the encoder's modality, such as audio → speech.
        pairing: Of the pairs.
    """
    parts = {name: [getattr(pair, read[name]) for pair in pairs] for name in vectors}
    return Reference(
        embeddings={name: rows[: len(pairs)] for name, rows in vectors.items()},
        labels=np.array([FOUR.index(pair.emotion) for pair in pairs], dtype=np.int64),
        emotions=tuple(FOUR),
        corpora={name: tuple(e.corpus for e in examples) for name, examples in parts.items()},
        groups={name: tuple(e.group for e in examples) for name, examples in parts.items()},
        pairing=pairing,
    )


def _pools(experiment: Experiment, root: Path, split: str) -> list[list[Pair]]:
    """What is drawn from: whole recordings where they are pairs, else each modality's halves."""
    if experiment.natural_corpora:
        return [
            [
                pair
                for corpus in experiment.natural_corpora
                for pair in natural_pairs(corpus, root, split, experiment)
            ]
        ]
    return [
        [Pair.of({m: example}) for example in source_examples(source, root, split, FOUR, m)]
        for m, source in experiment.sources.items()
    ]


def _joined(parts: Sequence[Pair]) -> Pair:
    """One pair of everything that its parts hold."""
    held = {m: half for part in parts for m in FIELDS if (half := getattr(part, m))}
    return Pair.of(held)


def _draw(pool: Sequence[Pair], count: int, generator: np.random.Generator) -> list[Pair]:
    """`count` pairs in random order, each as often as the others, or once more."""
    order = generator.permutation(len(pool))
    chosen = [pool[order[i % len(pool)]] for i in range(count)]
    return [chosen[i] for i in generator.permutation(count)]


def _embed(
    framework: Framework,
    pairs: Sequence[Pair],
    tokens: Mapping[str, Mapping[Example, Tensor]],
    names: Mapping[str, str],
) -> dict[str, FloatArray]:
    """The paper's name of a modality → (N, D).

    Args:
        framework: Reads cached features.
        pairs: The N pairs.
        tokens: Modality → example → (T, D).
        names: Modality → the paper's name.
    """
    widths = {m: next(iter(rows.values())).shape[1] for m, rows in tokens.items()}
    parts: dict[str, list[FloatArray]] = {name: [] for name in names.values()}
    for start in range(0, len(pairs), BATCH):
        rows: list[dict[str, Tensor | None]] = [
            {m: tokens[m][getattr(pair, m)] for m in tokens}
            for pair in pairs[start : start + BATCH]
        ]
        with torch.inference_mode():
            features = framework(collate_features(rows, widths)).features
        for name, arrays in parts.items():
            arrays.append(features[f"{name}_embedding"].float().numpy())
    return {name: at_half_precision(np.concatenate(arrays)) for name, arrays in parts.items()}
