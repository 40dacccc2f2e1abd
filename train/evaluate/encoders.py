"""Test figures of one encoder with its classifier, over its full label set and over four."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mer_core.emotions import FOUR
from mer_core.frameworks.base import Framework
from mer_core.metrics.recognition import recognition_report
from train.config import Experiment
from train.data.material import Material
from train.data.pairs import SetKind, SetName
from train.data.tasks import class_indices, predict_logits, source_examples
from train.evaluate.protocol import common_temperature, protocol
from train.stages import tokenizer_of


def evaluate_encoder(
    framework: Framework,
    experiment: Experiment,
    root: Path,
    *,
    cache: Path | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Every corpus' test split; `four`: logits restricted to the four classes.

    Returns:
        `protocol`, `temperatures` and `sets` (name → `all` and `four` → report).
    """
    ((modality, source),) = experiment.sources.items()
    labels = framework.labels
    dev, test = (
        source_examples(source, root, split, labels, modality) for split in ("dev", "test")
    )
    material = Material([*dev, *test], experiment.sources, cache)
    tokenize = tokenizer_of(framework)
    dev_logits, test_logits = (
        predict_logits(framework.eval(), [material.utterance([e]) for e in examples], tokenize)
        for examples in (dev, test)
    )
    temperature = common_temperature([(dev_logits, class_indices(dev, labels).numpy())])

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
            "all": report(corpus, labels),
            "four": report(corpus, FOUR),
        }
        for corpus in source.corpora
    }
    return {
        "protocol": protocol(experiment, seed, labels),
        "temperatures": {"all": temperature},
        "sets": sets,
    }
