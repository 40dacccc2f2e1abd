"""Alignment of natural pairs, against slow loops; and its mean beside label-paired sets."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from mer_core.data import Example
from mer_core.emotions import FOUR
from mer_core.metrics.catalogue import METRICS, NEEDS_GAUSSIANS, NEEDS_NATURAL_PAIRS, Need
from mer_core.types import Output
from train.ablation.measure import (
    HALVES,
    PER_LABEL,
    AblationData,
    _balanced_items,
    alignment,
    measure,
)
from train.data.pairs import Pair, SetName
from train.evaluate.measures import FIGURES, Measured, Space, mean_over_sets

CPU = torch.device("cpu")
SHARED = dict.fromkeys(Space, True)
NATURAL_ONLY = [name for name in METRICS if FIGURES[name].needs_pairs]


class Averaging:
    """In place of a framework: an embedding is the mean of an utterance's tokens."""

    def __init__(self, gaussians: bool = False) -> None:
        self.kinds = ("embedding", "pooled", *(("mean", "std") if gaussians else ()))

    def encoders(self) -> dict[str, Any]:
        return {m: SimpleNamespace(modality=m) for m in ("speech", "text")}

    def __call__(self, batch: Any) -> Output:
        features = {}
        for modality, found in batch.cached.items():
            weights = found.mask.float()[..., None]
            mean = (found.tokens * weights).sum(1) / weights.sum(1).clamp(min=1)
            features |= {f"{modality}_{kind}": mean.abs() + 0.1 if kind == "std" else mean
                         for kind in self.kinds}  # fmt: skip
        return Output(logits=mean[:, :4], features=features)


def recordings(corpus: str, each: int) -> list[Pair]:
    return [
        Pair(
            speech=Example(corpus, "test", emotion, f"{corpus}_{i % 2}", text=f"sound {i}"),
            text=Example(corpus, "test", emotion, f"{corpus}_{i % 2}", text=f"words {i}"),
        )
        for emotion in FOUR
        for i in range(each)
    ]


def data_of(sets: dict[str, list[Pair]], noise: float) -> AblationData:
    """Both halves of a pair have the same tokens, but for `noise`."""
    random = np.random.default_rng(0)
    tokens = {}
    for pair in (pair for pairs in sets.values() for pair in pairs):
        same = random.normal(size=(3, 6))
        for part in (pair.speech, pair.text):
            assert part is not None
            moved = same + noise * random.normal(size=(3, 6))
            tokens[part] = torch.tensor(moved, dtype=torch.float32)
    named = {SetName.parse(name): pairs for name, pairs in sets.items()}
    return AblationData(named, named, tokens, {"speech": 6, "text": 6}, CPU)


def unit(data: AblationData, examples: list[Any]) -> np.ndarray:
    rows = np.stack([data.tokens[example].double().mean(0).numpy() for example in examples])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_figures_of_natural_pairs_are_those_of_slow_loops() -> None:
    pairs = recordings("iemocap", 9)
    data = data_of({"natural/iemocap": pairs}, noise=1.0)
    found = alignment(Averaging(True), data, pairs, SHARED, natural=True)  # type: ignore[arg-type]
    x, y = unit(data, [p.speech for p in pairs]), unit(data, [p.text for p in pairs])
    ranks, closer = [], []
    for a, b in ((x, y), (y, x)):
        for i in range(len(a)):
            distances = [float(((a[i] - b[j]) ** 2).sum()) for j in range(len(b))]
            ranks.append(1 + sum(d < distances[i] for d in distances))
            closer.append((ranks[-1] - 1) / (len(b) - 1))
    near = NearestNeighbors(n_neighbors=5)
    there, back = (near.fit(b).kneighbors(a, return_distance=False) for a, b in ((x, y), (y, x)))
    hits = [[i in row for i, row in enumerate(rows)] for rows in (there, back)]
    a, b = x - x.mean(0), y - y.mean(0)
    cka = ((a.T @ b) ** 2).sum() / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)
    figures = found.figures
    assert figures["recall_at_1"] == pytest.approx(np.mean([rank == 1 for rank in ranks]))
    assert figures["recall_at_5"] == pytest.approx(np.mean(hits))
    assert figures["mrr"] == pytest.approx(np.mean([1 / rank for rank in ranks]))
    assert figures["foscttm"] == pytest.approx(np.mean(closer))
    assert figures["linear_cka"] == pytest.approx(cka)
    assert figures["alignment"] == pytest.approx(
        np.mean([((a - b) ** 2).sum() for a, b in zip(x, y, strict=True)])
    )
    assert 0 < figures["recall_at_1"] < 1  # neither trivial
    assert figures["w2_ratio"] is not None
    assert figures["w2_ratio"] < 1
    assert figures["before/recall_at_1"] == figures["recall_at_1"]  # the same features here
    assert figures["before/w2_ratio"] is None  # Gaussians are of the space after alignment
    assert all(len(found.replicates[name]) == HALVES for name in NATURAL_ONLY)


def test_both_modalities_keep_the_same_pairs_in_every_half() -> None:
    """Equal halves of one recording find each other in every half-sample."""
    pairs = recordings("iemocap", 8)
    data = data_of({"natural/iemocap": pairs}, noise=0.0)
    found = alignment(Averaging(), data, pairs, SHARED, natural=True)  # type: ignore[arg-type]
    perfect = {"recall_at_1": 1, "recall_at_5": 1, "mrr": 1, "foscttm": 0, "linear_cka": 1}
    for name, value in perfect.items():
        np.testing.assert_allclose([found.figures[name], *found.replicates[name]], value, atol=1e-9)
    by_label = alignment(Averaging(), data, pairs, SHARED)  # type: ignore[arg-type]
    assert all(by_label.figures[name] is None for name in NATURAL_ONLY)


def test_both_modalities_leave_out_the_same_pairs() -> None:
    """The rarest label bounds all of them, and none has more than `PER_LABEL`."""
    many = recordings("iemocap", PER_LABEL + 10)
    rare = [pair for pair in recordings("iemocap", 7) if pair.emotion == "sad"]
    scarce = [pair for pair in many if pair.emotion != "sad"] + rare
    for pairs, each in ((many, PER_LABEL), (scarce, 7)):
        rows = _balanced_items(pairs, ["speech", "text"], natural=True)
        partner = {pair.speech: pair.text for pair in pairs}
        assert [partner[speech] for speech in rows[0]] == rows[1]
        assert Counter(example.emotion for example in rows[0]) == dict.fromkeys(FOUR, each)
        assert len(set(rows[0])) == len(rows[0])


def test_a_mix_of_sets_has_natural_figures_of_the_natural_ones() -> None:
    sets = {"paired/a×b": recordings("a", 6), "natural/c": recordings("c", 6),
            "natural/d": recordings("d", 6)}  # fmt: skip
    data = data_of(sets, noise=1.0)
    result = measure(Averaging(), data, SHARED)  # type: ignore[arg-type]
    of = result["sets"]
    for name, value in result["figures"].items():
        metric = METRICS.get(name.rpartition("/")[2])
        if metric and metric.needs == Need.PAIRS:
            assert of["paired/a×b"][name] is None
            assert value == pytest.approx((of["natural/c"][name] + of["natural/d"][name]) / 2)
        elif metric and Need.GAUSSIANS in metric.needs:
            assert value is None
            assert result["reasons"][name] == NEEDS_GAUSSIANS
        else:
            assert value == pytest.approx(np.mean([figures[name] for figures in of.values()]))
    label = measure(Averaging(), data_of({"paired/a×b": sets["paired/a×b"]}, 1.0), SHARED)  # type: ignore[arg-type]
    assert label["figures"]["recall_at_1"] is None
    assert label["reasons"]["recall_at_1"] == NEEDS_NATURAL_PAIRS
    assert NEEDS_NATURAL_PAIRS in label["reasons"]["w2_ratio"]
    assert result["replicates"].keys() - label["replicates"].keys() == {
        name for name in NATURAL_ONLY if METRICS[name].needs == Need.PAIRS
    }


def test_means_by_hand() -> None:
    def part(mrr: float | None, gap: float | None, rows: dict[str, list[float]]) -> Measured:
        arrays = {name: np.array(values) for name, values in rows.items()}
        figures = {"mrr": mrr, "modality_gap": gap}
        nulls = {name: None if figure is None else figure / 10 for name, figure in figures.items()}
        return Measured(figures, arrays, nulls)

    natural = part(0.5, 1.0, {"mrr": [0.4, 0.6], "modality_gap": [1.0, 1.0]})
    label = part(None, 2.0, {"modality_gap": [2.0, 4.0]})
    found = mean_over_sets([natural, label])
    assert found.figures == {"mrr": 0.5, "modality_gap": 1.5}
    assert found.nulls == pytest.approx({"mrr": 0.05, "modality_gap": 0.15})
    assert {name: rows.tolist() for name, rows in found.replicates.items()} == {
        "mrr": [0.4, 0.6], "modality_gap": [1.5, 2.5],
    }  # fmt: skip
    lacking = mean_over_sets([label, part(None, None, {})])
    assert lacking.figures == lacking.nulls == {"mrr": None, "modality_gap": None}
    assert lacking.replicates == {}
