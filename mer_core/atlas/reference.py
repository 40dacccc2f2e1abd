"""Reference embeddings: held-out pairs under one alignment strategy, stored at half precision.

What is kept is `<modality>_embedding` of a framework's `Output`: pooled, L2-normalised, before
fusion. Every strategy trains the layers that produce it, so comparing strategies by it is fair:

- MGCMA with the instance term off has no projection there: the embedding is the masked mean of the
  stream that fusion reads, which the classifier's cross-entropy trains.
- Foal-Net with `width` set and AVEL off has none either: the embedding is the mean of the tokens
  after the trained input layer. Without `width` there is no common space, and so no map.

So it is never the output of an untrained projection. In both papers it does not depend on the
other half of its pair, so that a recording alone gets the same point as with a partner.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.distances import normalise_for_metric
from mer_core.atlas.storage import Arrays, read_npz
from mer_core.types import FloatArray

Labels = NDArray[np.int64]

REPRESENTATION = "<modality>_embedding: pooled, L2-normalised, before fusion"


class Pairing(StrEnum):
    """What makes two recordings a pair."""

    LABEL = "label"  # they have the same label
    NATURAL = "natural"  # they are the two modalities of one recording


@dataclass(frozen=True, eq=False)
class Reference:
    """N pairs of one framework under one strategy; row i of every field belongs to pair i.

    Attributes:
        embeddings: Modality → (N, D) float32, the leading modality first; two of them.
        labels: (N,) indices into `emotions`, shared by both halves of a pair.
        emotions: The categories.
        corpora: Modality → N corpus names.
        groups: Modality → N names of the speaker, dialogue or picture.
        pairing: What makes two halves a pair.
    """

    embeddings: dict[str, FloatArray]
    labels: Labels
    emotions: tuple[str, ...]
    corpora: dict[str, tuple[str, ...]]
    groups: dict[str, tuple[str, ...]]
    pairing: Pairing = Pairing.LABEL

    def __post_init__(self) -> None:
        """Refuse rows of different numbers, and values that have no meaning."""
        if len(self.embeddings) != 2:
            raise ValueError(f"A reference holds two modalities, not {len(self.embeddings)}.")
        shapes = {vectors.shape for vectors in self.embeddings.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise ValueError(f"Embeddings of both modalities must be (N, D), but are {shapes}.")
        for name in self.embeddings:
            lengths = len(self.labels), len(self.corpora[name]), len(self.groups[name])
            if set(lengths) != {len(self)}:
                raise ValueError(f"{name}: {len(self)} embeddings, but {lengths} names and labels.")
        if not len(self):
            raise ValueError("A reference holds at least one pair.")
        if not all(np.isfinite(vectors).all() for vectors in self.embeddings.values()):
            raise ValueError("Embeddings must be finite numbers.")
        if self.labels.dtype.kind not in "iu" or self.labels.ndim != 1:
            raise ValueError("Labels must be (N,) whole numbers.")
        if self.labels.min() < 0 or self.labels.max() >= len(self.emotions):
            raise ValueError(f"Labels must be 0 to {len(self.emotions) - 1}, one an emotion.")

    def __len__(self) -> int:
        return len(next(iter(self.embeddings.values())))

    @property
    def modalities(self) -> tuple[str, str]:
        """The leading one first."""
        lead, partner = self.embeddings
        return lead, partner

    @property
    def joint(self) -> FloatArray:
        """(2N, D): every pair's leading half, then every partner; the order of a map's points."""
        return np.concatenate(list(self.embeddings.values()))

    @property
    def distances(self) -> FloatArray:
        """(N,) cosine distance of each pair's halves, 0 (same direction) to 2."""
        lead, partner = (
            normalise_for_metric(vectors, "cosine") for vectors in self.embeddings.values()
        )
        return np.asarray(1 - (lead * partner).sum(axis=1), dtype=np.float32)

    def save(self, path: Path) -> None:
        """Write an npz, embeddings as fp16."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = {
            "modalities": np.array(self.modalities),
            "labels": self.labels.astype(np.uint8),
            "emotions": np.array(self.emotions),
            "pairing": np.array(self.pairing.value),
        }
        for name in self.modalities:
            arrays[f"{name}_embedding"] = self.embeddings[name].astype(np.float16)
            arrays |= _coded(f"{name}_corpora", self.corpora[name])
            arrays |= _coded(f"{name}_groups", self.groups[name])
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Reference:
        """Read what `save` wrote; runs no code from the file.

        Raises:
            ValueError: There is no such file, it is damaged, or it is no reference.
        """
        return read_npz(path, "reference", _of)


def at_half_precision(vectors: FloatArray) -> FloatArray:
    """`vectors` as they will be read back: rounded to fp16. Maps are fitted on these."""
    return vectors.astype(np.float16).astype(np.float32)


def _coded(key: str, names: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    """Repeated names, as the distinct ones and an index into them for each."""
    distinct, codes = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    return {f"{key}_names": distinct, f"{key}_codes": codes.astype(np.uint16)}


def _of(arrays: Arrays) -> Reference:
    names = arrays.strings("modalities")
    return Reference(
        {name: arrays.table(f"{name}_embedding") for name in names},
        arrays.counts("labels"),
        arrays.strings("emotions"),
        {name: _decoded(arrays, f"{name}_corpora") for name in names},
        {name: _decoded(arrays, f"{name}_groups") for name in names},
        _pairing(arrays.string("pairing")),
    )


def _pairing(name: str) -> Pairing:
    if name not in list(Pairing):
        raise ValueError(f"pairing is {name!r}; it can be {', '.join(Pairing)}")
    return Pairing(name)


def _decoded(arrays: Arrays, key: str) -> tuple[str, ...]:
    distinct, codes = arrays.strings(f"{key}_names"), arrays.counts(f"{key}_codes")
    if codes.size and codes.max() >= len(distinct):
        raise ValueError(f"{key!r} counts to {codes.max()}, but names {len(distinct)}")
    return tuple(distinct[code] for code in codes)
