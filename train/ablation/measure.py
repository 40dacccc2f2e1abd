"""What one trained strategy is worth: recognition of pairs, and how the two clouds lie.

Every figure is the mean over the paired sets, each counting equally, and comes with replicates
that resample the same items for every strategy and seed, so that differences can be taken replicate
by replicate. Recognition: bootstrap over speakers (`train.ablation.recognition`). Alignment:
half-samples of the items of each label without replacement, whose spread equals the bootstrap's,
while a clip drawn twice would lie at distance 0 from itself. Of natural sets, whole pairs are taken
and halved, and what asks for them is the mean over these sets alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor

from mer_core.alignment.gaussians import Gaussians
from mer_core.data import Example
from mer_core.data.collate import collate_features
from mer_core.emotions import FOUR
from mer_core.frameworks.base import Framework
from mer_core.metrics.report import METRICS, REASONS, alignment_report
from mer_core.types import Output
from train.ablation.recognition import recognition, speakers
from train.data.paired_task import label_indices
from train.data.pairs import Pair, is_natural
from train.evaluate.evaluation import common_temperature
from train.evaluate.measured import Figures, Floats, Measured, joined, mean_over_sets

BATCH = 64
HALVES = 100  # half-samples of the items
PER_LABEL = 100  # items of each label and modality in a set's clouds, at most

SPACES = {"after": "embedding", "before": "pooled"}  # space → the framework's feature
NO_COMMON_SPACE = "without a common width and without AVEL the two modalities share no space"

Item = TypeVar("Item", Example, Pair)


@dataclass(frozen=True)
class AblationData:
    """What strategies are measured on: computed once, the same for all of them.

    Attributes:
        dev: Paired development sets, from which the temperature comes.
        judged: Paired sets that are measured.
        tokens: Example → (T, D) features of its frozen encoder, without augmentation.
        widths: Modality → D.
        device: Where frameworks run.
    """

    dev: Mapping[str, Sequence[Pair]]
    judged: Mapping[str, Sequence[Pair]]
    tokens: Mapping[Example, Tensor]
    widths: dict[str, int]
    device: torch.device

    def outputs(self, framework: Framework, pairs: Sequence[Pair]) -> Iterator[Output]:
        """The framework's outputs, batch by batch in the order of `pairs`."""
        with torch.inference_mode():
            for start in range(0, len(pairs), BATCH):
                rows = [self._row(pair) for pair in pairs[start : start + BATCH]]
                yield framework(collate_features(rows, self.widths).to(self.device))

    def logits(self, framework: Framework, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """(N, C)."""
        parts = [output.logits.float().cpu().numpy() for output in self.outputs(framework, pairs)]
        return np.concatenate(parts)

    def _row(self, pair: Pair) -> dict[str, Tensor | None]:
        parts = {modality: getattr(pair, modality) for modality in self.widths}
        return {m: None if part is None else self.tokens[part] for m, part in parts.items()}


def measure(
    framework: Framework, bench: AblationData, shared: Mapping[str, bool]
) -> dict[str, Any]:
    """All figures of one trained framework, as JSON.

    Args:
        framework: Reads cached features.
        bench: What it is measured on.
        shared: `before` and `after` alignment → whether the modalities share a space there.
    """
    temperature = common_temperature(
        [(bench.logits(framework, p), label_indices(p).numpy()) for p in bench.dev.values()]
    )
    by_set = {}
    for name, pairs in bench.judged.items():
        logits = bench.logits(framework, pairs).astype(np.float64)
        by_set[name] = joined(
            recognition(pairs, softmax(logits / temperature, axis=1)),
            clouds(framework, bench, pairs, shared, natural=is_natural(name)),
        )
    whole = mean_over_sets(list(by_set.values()))
    missing = [name for name, value in whole.figures.items() if value is None]
    natural = any(is_natural(name) for name in by_set)
    return {
        "temperature": temperature,
        "modalities": list(framework.encoders()),
        "figures": whole.figures,
        "reasons": {name: reason(name, shared, natural=natural) for name in missing},
        "sets": {name: measured.figures for name, measured in by_set.items()},
        "speakers": {name: len(speakers(pairs)) for name, pairs in bench.judged.items()},
        "replicates": {name: values.tolist() for name, values in whole.replicates.items()},
    }


def reason(name: str, shared: Mapping[str, bool], *, natural: bool = False) -> str:
    """Why a figure does not exist; `name` as in `Measured.figures`, `natural` if pairs were."""
    space, _, metric = name.rpartition("/")
    if not shared[space or "after"]:
        return NO_COMMON_SPACE
    needs = METRICS[metric].needs
    return REASONS["gaussians" if natural and needs == "paired gaussians" else needs]


def clouds(
    framework: Framework,
    bench: AblationData,
    pairs: Sequence[Pair],
    shared: Mapping[str, bool],
    *,
    natural: bool = False,
) -> Measured:
    """Alignment metrics of a set's own items, balanced by label, each seen alone.

    Metrics after alignment keep their names; those before it are called `before/…`. With
    `natural`, row i of one modality and row i of the other are the halves of one of `pairs`.
    """
    modalities = {name: encoder.modality for name, encoder in framework.encoders().items()}
    chosen = _chosen(pairs, list(modalities.values()), natural)
    seen = [
        _features(framework, bench, name, modality, items)
        for (name, modality), items in zip(modalities.items(), chosen, strict=True)
    ]
    labels = [np.array([FOUR.index(item.emotion) for item in items]) for items in chosen]
    measured = Measured(dict.fromkeys(_names()), {})
    for space in SPACES:
        if shared[space]:
            measured = joined(measured, _in_space(space, seen, labels, natural))
    return measured


def _chosen(pairs: Sequence[Pair], modalities: Sequence[str], natural: bool) -> list[list[Example]]:
    """For each modality, its examples in the clouds."""
    if natural:
        (pairs,) = balanced([pairs])
        return [[getattr(pair, m) for pair in pairs] for m in modalities]
    return balanced([list(dict.fromkeys(getattr(pair, m) for pair in pairs)) for m in modalities])


def balanced(pools: Sequence[Sequence[Item]]) -> list[list[Item]]:
    """As many items of every label from every pool, at most `PER_LABEL`, label by label."""
    shuffled = [
        [pool[i] for i in np.random.default_rng(0).permutation(len(pool))] for pool in pools
    ]
    by_label = [{label: [e for e in s if e.emotion == label] for label in FOUR} for s in shuffled]
    size = min(PER_LABEL, *(len(items) for pool in by_label for items in pool.values()))
    if size < 2:
        raise ValueError("Alignment metrics need two items or more of every label and modality.")
    return [[e for label in FOUR for e in pool[label][:size]] for pool in by_label]


def _features(
    framework: Framework, bench: AblationData, name: str, modality: str, items: Sequence[Example]
) -> dict[str, Floats]:
    """Kind (`embedding`, `pooled`, and `mean` and `std` of Gaussians) → (N, D)."""
    found: dict[str, list[Floats]] = {}
    for output in bench.outputs(framework, [Pair(**{modality: item}) for item in items]):
        for kind in (*SPACES.values(), "mean", "std"):
            if (values := output.features.get(f"{name}_{kind}")) is not None:
                found.setdefault(kind, []).append(values.double().cpu().numpy())
    return {kind: np.concatenate(parts) for kind, parts in found.items()}


def _in_space(
    space: str,
    seen: Sequence[dict[str, Floats]],
    labels: Sequence[NDArray[np.int64]],
    natural: bool,
) -> Measured:
    """The report of one space; replicates only after alignment, where the tables compare."""
    every = [np.arange(len(own)) for own in labels]
    figures = _report(space, seen, labels, every, natural)
    prefix = "" if space == "after" else f"{space}/"
    if prefix:
        return Measured({f"{prefix}{name}": value for name, value in figures.items()}, {})
    drawn = half_samples(labels[:1] if natural else labels)
    if natural:  # the two modalities keep the same pairs
        drawn = ([rows, rows] for (rows,) in drawn)
    halves = [_report(space, seen, labels, half, natural) for half in drawn]
    replicates = {}
    for name, value in figures.items():
        if value is not None:
            rows = np.array([half[name] for half in halves], dtype=np.float64)
            replicates[name] = value + rows - rows.mean()  # a half is smaller, so only its spread
    return Measured(figures, replicates)


def half_samples(labels: Sequence[NDArray[np.int64]]) -> Iterator[list[NDArray[np.int64]]]:
    """`HALVES` times, for each modality, places of half of the items of every label."""
    generator = np.random.default_rng(0)
    for _ in range(HALVES):
        yield [
            np.concatenate(
                [
                    generator.permutation(np.flatnonzero(own == label))[: (own == label).sum() // 2]
                    for label in np.unique(own)
                ]
            )
            for own in labels
        ]


def _report(
    space: str,
    seen: Sequence[dict[str, Floats]],
    labels: Sequence[NDArray[np.int64]],
    rows: Sequence[NDArray[np.int64]],
    natural: bool,
) -> Figures:
    x, y = (features[SPACES[space]][i] for features, i in zip(seen, rows, strict=True))
    gaussians = None
    if space == "after" and "mean" in seen[0]:
        of_x, of_y = (Gaussians(f["mean"][i], f["std"][i]) for f, i in zip(seen, rows, strict=True))
        gaussians = of_x, of_y
    of_rows = [own[i] for own, i in zip(labels, rows, strict=True)]
    return alignment_report(x, y, *of_rows, natural=natural, gaussians=gaussians)


def _names() -> list[str]:
    return [*METRICS, *(f"before/{name}" for name in METRICS)]
