"""Figures of one trained strategy: recognition of pairs, and alignment of the two modalities.

Every figure is the mean over the paired sets, each counting equally. It comes with its null line,
which is what it would be if there were nothing to find, and with replicates that resample the same
items for every strategy and seed, so that differences can be taken replicate by replicate.
Recognition: bootstrap over speakers (`train.ablation.recognition`). Alignment: half-samples of the
items of each label without replacement, whose spread equals the bootstrap's; with replacement, a
clip drawn twice would be at distance 0 from itself. Natural sets are halved by whole pairs, and
figures that need natural pairs are the mean over these sets alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from mer_core.metrics.catalogue import REASONS, Need
from mer_core.metrics.clouds import Clouds
from mer_core.metrics.nulls import null_report
from mer_core.metrics.report import clouds_report
from mer_core.types import Output
from train.ablation.recognition import recognition
from train.data.paired_task import label_indices
from train.data.pairs import Pair, SetName
from train.evaluate.measures import (
    ALIGNMENT,
    FIGURES,
    Figures,
    Floats,
    Measured,
    Space,
    joined,
    mean_over_sets,
    speakers,
)
from train.evaluate.protocol import common_temperature

BATCH = 64
HALVES = 100  # half-samples of the items
PER_LABEL = 100  # items of each label and modality, at most

FEATURES = {Space.AFTER: "embedding", Space.BEFORE: "pooled"}  # of the framework's outputs
NO_COMMON_SPACE = "without a common width and without AVEL the two modalities share no space"

Item = TypeVar("Item", Example, Pair)


@dataclass(frozen=True)
class AblationData:
    """What strategies are measured on: computed once, the same for all of them.

    Attributes:
        dev: Paired development sets, for the temperature.
        measured: Paired sets to measure.
        tokens: Example → (T, D) features of its frozen encoder, without augmentation.
        widths: Modality → D.
        device: Where frameworks run.
    """

    dev: Mapping[SetName, Sequence[Pair]]
    measured: Mapping[SetName, Sequence[Pair]]
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
    framework: Framework, data: AblationData, shared: Mapping[Space, bool]
) -> dict[str, Any]:
    """All figures of one trained framework, as JSON.

    Args:
        framework: Reads cached features.
        data: What it is measured on.
        shared: Space → whether the modalities share it.
    """
    temperature = common_temperature(
        [(data.logits(framework, p), label_indices(p).numpy()) for p in data.dev.values()]
    )
    by_set: dict[SetName, Measured] = {}
    for name, pairs in data.measured.items():
        logits = data.logits(framework, pairs).astype(np.float64)
        by_set[name] = joined(
            recognition(pairs, softmax(logits / temperature, axis=1)),
            alignment(framework, data, pairs, shared, natural=name.is_natural),
        )
    mean = mean_over_sets(list(by_set.values()))
    missing = [name for name, value in mean.figures.items() if value is None]
    natural = any(name.is_natural for name in by_set)
    return {
        "temperature": temperature,
        "modalities": list(framework.encoders()),
        "figures": mean.figures,
        "nulls": mean.nulls,
        "reasons": {name: reason(name, shared, natural=natural) for name in missing},
        "sets": {str(name): measured.figures for name, measured in by_set.items()},
        "speakers": {str(name): len(speakers(pairs)) for name, pairs in data.measured.items()},
        "replicates": {name: values.tolist() for name, values in mean.replicates.items()},
    }


def reason(name: str, shared: Mapping[Space, bool], *, natural: bool = False) -> str:
    """Why a figure of `FIGURES` does not exist; `natural` if natural pairs were measured."""
    figure = FIGURES[name]
    if not shared[figure.space or Space.AFTER]:
        return NO_COMMON_SPACE
    needs = figure.metric.needs
    return REASONS[needs & ~Need.PAIRS if natural else needs]


def alignment(
    framework: Framework,
    data: AblationData,
    pairs: Sequence[Pair],
    shared: Mapping[Space, bool],
    *,
    natural: bool = False,
) -> Measured:
    """Alignment metrics of a set's items, balanced by label, each encoded alone.

    With `natural`, row i of one modality and row i of the other are the halves of one of `pairs`.
    """
    modalities = {name: encoder.modality for name, encoder in framework.encoders().items()}
    items = _balanced_items(pairs, list(modalities.values()), natural)
    features = [
        _features(framework, data, name, modality, own)
        for (name, modality), own in zip(modalities.items(), items, strict=True)
    ]
    labels = [np.array([FOUR.index(item.emotion) for item in own]) for own in items]
    keys = [key for of_space in ALIGNMENT.values() for key in of_space.values()]
    measured = Measured(dict.fromkeys(keys), {}, dict.fromkeys(keys))
    for space in FEATURES:
        if shared[space]:
            measured = joined(measured, _in_space(space, features, labels, natural))
    return measured


def _balanced_items(
    pairs: Sequence[Pair], modalities: Sequence[str], natural: bool
) -> list[list[Example]]:
    """For each modality, the examples to compare."""
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
    framework: Framework, data: AblationData, name: str, modality: str, items: Sequence[Example]
) -> dict[str, Floats]:
    """Kind (`embedding`, `pooled`, and `mean` and `std` of Gaussians) → (N, D)."""
    parts: dict[str, list[Floats]] = {}
    for output in data.outputs(framework, [Pair.of({modality: item}) for item in items]):
        for kind in (*FEATURES.values(), "mean", "std"):
            if (values := output.features.get(f"{name}_{kind}")) is not None:
                parts.setdefault(kind, []).append(values.double().cpu().numpy())
    return {kind: np.concatenate(arrays) for kind, arrays in parts.items()}


def _in_space(
    space: Space,
    features: Sequence[dict[str, Floats]],
    labels: Sequence[NDArray[np.int64]],
    natural: bool,
) -> Measured:
    """The report of one space; replicates only after alignment, where the tables compare."""
    everything = [np.arange(len(own)) for own in labels]
    figures = _report(clouds_report, space, features, labels, everything, natural)
    nulls = _report(null_report, space, features, labels, everything, natural)
    if space is Space.BEFORE:
        return Measured(figures, {}, nulls)
    halves = half_samples(labels[:1] if natural else labels)
    if natural:  # the two modalities keep the same pairs
        halves = ([rows, rows] for (rows,) in halves)
    reports = [_report(clouds_report, space, features, labels, half, natural) for half in halves]
    replicates = {}
    for name, value in figures.items():
        if value is not None:
            rows = np.array([report[name] for report in reports], dtype=np.float64)
            replicates[name] = value + rows - rows.mean()  # a half is smaller, so only its spread
    return Measured(figures, replicates, nulls)


def half_samples(labels: Sequence[NDArray[np.int64]]) -> Iterator[list[NDArray[np.int64]]]:
    """`HALVES` times, for each modality, indices of half of the items of every label."""
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
    report_of: Callable[[Clouds], Figures],
    space: Space,
    features: Sequence[dict[str, Floats]],
    labels: Sequence[NDArray[np.int64]],
    rows: Sequence[NDArray[np.int64]],
    natural: bool,
) -> Figures:
    """`clouds_report` or `null_report` of some rows of each modality."""
    x, y = (own[FEATURES[space]][i] for own, i in zip(features, rows, strict=True))
    gaussians = None
    if space is Space.AFTER and "mean" in features[0]:
        of_x, of_y = (
            Gaussians(own["mean"][i], own["std"][i]) for own, i in zip(features, rows, strict=True)
        )
        gaussians = of_x, of_y
    of_rows = [own[i] for own, i in zip(labels, rows, strict=True)]
    report = report_of(Clouds.of(x, y, *of_rows, natural=natural, gaussians=gaussians))
    return {ALIGNMENT[space][name]: value for name, value in report.items()}
