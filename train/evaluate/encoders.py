"""Test figures of one encoder with its classifier, over its full label set and over four."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mer_core.data import Example
from mer_core.emotions import FOUR
from mer_core.frameworks.base import Framework
from mer_core.metrics.recognition import recognition_report
from train.config import Experiment
from train.data.pairs import Pair, SetKind, SetName
from train.data.tasks import class_indices, classes_of_corpora, source_examples
from train.evaluate.branches import evaluator_of
from train.evaluate.protocol import Floats, common_temperature, protocol


def evaluate_encoder(
    framework: Framework,
    experiment: Experiment,
    root: Path,
    *,
    cache: Path | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Every corpus' test split; `all`: over its full label set, `four`: over the four classes.

    Logits are restricted to the classes in question.

    Returns:
        `protocol`, `temperatures` and `sets` (name → `all` and `four` → report).
    """
    ((modality, source),) = experiment.sources.items()
    labels = framework.labels
    dev, test = (
        source_examples(source, root, split, labels, modality) for split in ("dev", "test")
    )
    dev_logits, test_logits = encoder_logits(framework, experiment, (dev, test), cache)
    temperature = restricted_temperature(dev_logits, dev, labels)

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
            "all": report(corpus, labels_of(corpus, test, labels)),
            "four": report(corpus, FOUR),
        }
        for corpus in source.corpora
    }
    return {
        "protocol": protocol(experiment, seed, labels),
        "temperatures": {"all": temperature, modality: temperature},
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
    sets = [[Pair(**{modality: e}) for e in examples] for examples in splits]
    evaluator = evaluator_of(framework, sets, experiment, cache)
    (name,) = framework.encoders()
    return [evaluator.logits(pairs, modality)[name] for pairs in sets]


def restricted_temperature(
    logits: Floats, examples: Sequence[Example], labels: tuple[str, ...]
) -> float:
    """One temperature for logits restricted to each corpus' classes, corpora counting equally."""
    possible = classes_of_corpora(examples, labels).numpy()
    restricted = np.where(possible | np.isnan(logits), logits, -np.inf)
    truth = class_indices(examples, labels).numpy()
    corpora = np.array([e.corpus for e in examples])
    return common_temperature(
        [(restricted[corpora == c], truth[corpora == c]) for c in dict.fromkeys(corpora)]
    )


def labels_of(corpus: str, examples: Sequence[Example], labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels that occur in a corpus, in the order of `labels`."""
    occur = {e.emotion for e in examples if e.corpus == corpus}
    return tuple(label for label in labels if label in occur)
