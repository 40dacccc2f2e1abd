"""Test figures of one encoder with its classifier, over its full label set and over four."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mer_core.data import Example
from mer_core.emotions import FOUR
from mer_core.frameworks.base import Framework
from mer_core.metrics.recognition import recognition_report
from train.config import Experiment
from train.data.pairs import Pair, SetKind, SetName
from train.data.tasks import class_indices, source_examples
from train.evaluate.branches import evaluator_of
from train.evaluate.protocol import Floats, Labels, common_temperature, protocol

ALL = "all"  # every class of a corpus; also the key of the temperature


def evaluate_encoder(
    framework: Framework,
    experiment: Experiment,
    root: Path,
    *,
    cache: Path | None = None,
    seed: int = 0,
    temperatures: Mapping[str, float] | None = None,
    split: str = "test",
) -> dict[str, Any]:
    """Every corpus' part of `split`; `all`: over its full label set, `four`: over the four classes.

    Logits are restricted to the classes in question. The temperature is that of `ALL` in
    `temperatures`, if given, and else fitted on the development split.

    Returns:
        `protocol`, `temperatures` and `sets` (name → `all` and `four` → report).
    """
    ((modality, source),) = experiment.sources.items()
    labels = framework.labels
    dev, test = (source_examples(source, root, part, labels, modality) for part in ("dev", split))
    dev_logits, test_logits = encoder_logits(framework, experiment, (dev, test), cache)
    truth = class_indices(dev, labels).numpy()
    temperature = (temperatures or {}).get(ALL) or restricted_temperature(
        dev_logits, truth, [e.corpus for e in dev]
    )

    def report(corpus: str, names: tuple[str, ...]) -> dict[str, Any]:
        rows = [i for i, e in enumerate(test) if e.corpus == corpus and e.emotion in names]
        columns = [labels.index(name) for name in names]
        examples = [test[i] for i in rows]
        return recognition_report(
            class_indices(examples, names).numpy(),
            test_logits[np.ix_(rows, columns)],
            names,
            groups=[e.group for e in examples],
            temperature=temperature,
            seed=seed,
        )

    sets = {
        str(SetName(SetKind.ALONE, (corpus,), modality)): {
            ALL: report(corpus, labels_of(corpus, test, labels)),
            "four": report(corpus, FOUR),
        }
        for corpus in source.corpora
    }
    return {
        "protocol": protocol(experiment, seed, labels, split=split),
        "temperatures": {ALL: temperature, modality: temperature},
        "sets": sets,
    }


def encoder_logits(
    framework: Framework,
    experiment: Experiment,
    splits: Sequence[Sequence[Example]],
    cache: Path | None = None,
) -> list[Floats]:
    """(N, C) logits of several lists of examples, read as a visitor's; NaN where refused."""
    ((modality, _),) = experiment.sources.items()
    sets = [[Pair.of({modality: e}) for e in examples] for examples in splits]
    evaluator = evaluator_of(framework, sets, experiment, cache)
    (name,) = framework.encoders()
    return [evaluator.logits(pairs, modality)[name] for pairs in sets]


def restricted_temperature(logits: Floats, truth: Labels, corpora: Sequence[str]) -> float:
    """One temperature for logits restricted to each corpus' classes, corpora counting equally.

    Args:
        logits: (N, C); NaN where refused.
        truth: (N,) class indices.
        corpora: N names.
    """
    names, parts = np.array(corpora), []
    for corpus in dict.fromkeys(corpora):
        own = names == corpus
        possible = np.isin(np.arange(logits.shape[1]), truth[own])  # (C,)
        restricted = np.where(possible | np.isnan(logits[own]), logits[own], -np.inf)
        parts.append((restricted, truth[own]))
    return common_temperature(parts)


def labels_of(corpus: str, examples: Sequence[Example], labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels that occur in a corpus, in the order of `labels`."""
    occur = {e.emotion for e in examples if e.corpus == corpus}
    return tuple(label for label in labels if label in occur)
