"""Small references whose structure is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.maps import AtlasMap, MapParams, MapQuality
from mer_core.atlas.reference import Pairing, Reference, at_half_precision

EMOTIONS = ("angry", "happy", "neutral", "sad")


def make_reference(
    each: int = 15, width: int = 8, gap: float = 0.5, pairing: str = "label", seed: int = 0
) -> Reference:
    """Four clusters in two modalities, whose centres are `gap` apart, of unit vectors."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4), each)
    centres = np.random.default_rng(99).standard_normal((4, width))
    offsets = np.random.default_rng(98).standard_normal((2, width))
    embeddings = {}
    for modality, offset in zip(("speech", "text"), offsets, strict=True):
        rows = centres[labels] + gap * offset + 0.3 * random.standard_normal((4 * each, width))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        embeddings[modality] = at_half_precision(rows.astype(np.float32))
    names = tuple(f"corpus {i % 3}" for i in range(4 * each))
    groups = tuple(f"speaker {i % 7}" for i in range(4 * each))
    return Reference(
        embeddings, labels, EMOTIONS, dict.fromkeys(embeddings, names),
        dict.fromkeys(embeddings, groups), Pairing(pairing),
    )  # fmt: skip


def with_pairs(reference: Reference, rows: NDArray[np.int64]) -> Reference:
    """Only these pairs, in this order."""
    return replace(
        reference,
        embeddings={m: vectors[rows] for m, vectors in reference.embeddings.items()},
        labels=reference.labels[rows],
        corpora={m: tuple(np.array(names)[rows]) for m, names in reference.corpora.items()},
        groups={m: tuple(np.array(names)[rows]) for m, names in reference.groups.items()},
    )


def make_map(reference: Reference, scale: float = 0.1, n_neighbors: int = 5) -> AtlasMap:
    """A map without UMAP: a linear projection of the embeddings, at the size of a real map."""
    axes = np.random.default_rng(5).standard_normal((reference.joint.shape[1], 2))
    points = (8 * reference.joint @ axes * scale).astype(np.float32)
    return AtlasMap(
        points, MapParams(n_neighbors=n_neighbors), MapQuality(1.0, 1.0, 15), (1.577, 0.895), scale
    )


@pytest.fixture
def reference() -> Reference:
    return make_reference()


@pytest.fixture
def linear_map(reference: Reference) -> AtlasMap:
    return make_map(reference)


@pytest.fixture(scope="session")
def stored_atlas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An atlas of two strategies."""
    folder = tmp_path_factory.mktemp("stored") / "mgcma"
    charts = {}
    for seed, name in enumerate(("none", "token")):
        reference = make_reference(seed=seed)
        charts[name] = Chart(reference, make_map(reference))
    Atlas("mgcma", charts, {"none": {"median_percent": 0.2}}).save(folder)
    return folder


@pytest.fixture
def folder(stored_atlas: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return shutil.copytree(stored_atlas, tmp_path / "mgcma")


def write_ablation(folder: Path) -> None:
    """The smallest valid table, beside the maps of an atlas."""
    protocol = {"split": "test", "sets": [], "seeds": [1], "modalities": ["speech", "text"]}
    table = {"title": "", "protocol": protocol, "rows": {"none": {}}}
    (folder / "ablation.json").write_text(json.dumps(table), "utf-8")


def error_of(load: Callable[[Path], Any], path: Path, start: str) -> str:
    """The error's message: one sentence on one line that names the file and no NumPy option."""
    with pytest.raises(ValueError) as caught:
        load(path)
    assert type(caught.value) is ValueError
    message = str(caught.value)
    assert message.startswith(start)
    assert message.endswith(".")
    assert "\n" not in message
    assert "pickle" not in message
    return message
