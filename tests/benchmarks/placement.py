"""Distance of placed points from `umap.transform`, and time per point.

    python -m tests.benchmarks.placement [REFERENCE.npz ...]

On two synthetic references of 1 000 pairs, weakly and strongly clustered, or on stored references,
with every fifth pair held out of the fit. Errors are in percent of the map's diagonal, median and
90th percentile. Baselines in the same run: `transform` with another seed, the neighbours' mean
weighted by a softmax of their cosines, and the mean from which `transform` starts.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

import numpy as np

from mer_core.atlas.fitting.fit import fit_map
from mer_core.atlas.fitting.frame import diagonal
from mer_core.atlas.maps import MapParams
from mer_core.atlas.placement import Placer, memberships
from mer_core.atlas.reference import Reference, at_half_precision

EMOTIONS = ("angry", "happy", "neutral", "sad")
WIDTH = 128
SOFTMAX_TEMPERATURE = 0.05
POINTS = 200  # placed at most, of the held-out ones


def synthetic(clusters: float, gap: float, noise: float, each: int = 300) -> Reference:
    """Emotions as directions, modalities as offsets, ten hidden factors in each: unit vectors."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), each)
    directions, offsets = random.standard_normal((4, WIDTH)), random.standard_normal((2, WIDTH))
    embeddings = {}
    for name, offset in zip(("speech", "text"), offsets, strict=True):
        mixing = random.standard_normal((10, WIDTH)) / np.sqrt(10)
        hidden = random.standard_normal((len(labels), 10)) @ mixing
        rows = clusters * directions[labels] + gap * offset + noise * hidden
        rows += 0.1 * random.standard_normal(rows.shape)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        embeddings[name] = at_half_precision(rows.astype(np.float32))
    names = dict.fromkeys(embeddings, ("synthetic",) * len(labels))
    return Reference(embeddings, labels, EMOTIONS, names, names)


def rows_of(reference: Reference, rows: np.ndarray) -> Reference:
    """The reference with these pairs only."""
    return dataclasses.replace(
        reference,
        embeddings={name: vectors[rows] for name, vectors in reference.embeddings.items()},
        labels=reference.labels[rows],
        corpora={n: tuple(names[i] for i in rows) for n, names in reference.corpora.items()},
        groups={n: tuple(names[i] for i in rows) for n, names in reference.groups.items()},
    )


def means(placer: Placer, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two baselines, (M, 2) each, in the map's frame: softmax of cosines, and UMAP's start."""
    count = placer.params.n_neighbors
    soft, start = [], []
    for vector in vectors / np.linalg.norm(vectors, axis=1, keepdims=True):
        away = np.maximum(1 - placer.vectors @ vector, 0)
        nearest = np.argsort(away)[:count]
        for kept, weights in (
            (soft, np.exp(-(away[nearest] - away[nearest[0]]) / SOFTMAX_TEMPERATURE)),
            (start, memberships(away[nearest].astype(np.float64))),
        ):
            kept.append(weights @ placer.points[nearest] / weights.sum() * placer.scale)
    return np.array(soft), np.array(start)


def measure(title: str, reference: Reference) -> None:
    """Print one row per method."""
    numbers = np.arange(len(reference))
    fitted = fit_map(rows_of(reference, numbers[numbers % 5 > 0]), MapParams())
    held_out = rows_of(reference, numbers[numbers % 5 == 0]).joint
    held_out = held_out[np.random.default_rng(0).permutation(len(held_out))[:POINTS]]
    theirs = fitted.frame.apply(fitted.model.transform(held_out))
    fitted.model.transform_seed += 1
    again = fitted.frame.apply(fitted.model.transform(held_out))
    placer = Placer(rows_of(reference, numbers[numbers % 5 > 0]), fitted.map)
    soft, start = means(placer, held_out)
    durations = []
    for row in range(len(held_out)):
        started = time.perf_counter()
        placer.place(held_out[row : row + 1])
        durations.append(time.perf_counter() - started)
    methods = {
        "ours": placer.place(held_out), "transform, another seed": again,
        "mean, softmax of cosines": soft, "mean, as transform starts": start,
    }  # fmt: skip
    for name, placed in methods.items():
        away = 100 * np.linalg.norm(placed - theirs, axis=1) / diagonal(fitted.map.points)
        median, ninetieth = np.percentile(away, [50, 90])
        row = f"{title:<28}{name:<28}{median:6.2f} %{ninetieth:7.2f} %"
        print(row + (f"{1e3 * np.median(durations):8.2f} ms per point" if name == "ours" else ""))


def main(paths: list[str]) -> None:
    """Measure the given references, or the synthetic ones."""
    for path in paths:
        measure("/".join(Path(path).parts[-2:]), Reference.load(Path(path)))
    if not paths:
        measure("weakly clustered", synthetic(clusters=0.5, gap=1.0, noise=1.0))
        measure("strongly clustered", synthetic(clusters=1.0, gap=0.2, noise=0.6))


if __name__ == "__main__":
    main(sys.argv[1:])
