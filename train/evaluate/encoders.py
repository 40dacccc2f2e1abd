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
    """Every corpus' test split; `four` reads the four classes from restricted logits.

    Returns:
        `protocol`, `temperatures` and `sets` (name → `all` and `four` → report).
    """
    (modality,) = experiment.sources
    (source,) = experiment.sources.values()
    splits = {
        split: source_examples(source, root, split, framework.labels, modality)
        for split in ("dev", "test")
    }
    everything = [e for examples in splits.values() for e in examples]
    material = Material(everything, experiment.sources, cache)
    tokenize = tokenizer_of(framework)
    logits = {
        split: predict_logits(
            framework.eval(), [material.utterance([e]) for e in examples], tokenize
        )
        for split, examples in splits.items()
    }
    temperature = common_temperature(
        [(logits["dev"], class_indices(splits["dev"], framework.labels).numpy())]
    )
    sets: dict[str, Any] = {}
    for corpus in source.corpora:
        reports = sets[str(SetName(SetKind.ALONE, (corpus,), modality))] = {}
        for kind, names in (("all", framework.labels), ("four", FOUR)):
            rows = [
                i for i, e in enumerate(splits["test"]) if e.corpus == corpus and e.emotion in names
            ]
            examples = [splits["test"][i] for i in rows]
            columns = [framework.labels.index(name) for name in names]
            reports[kind] = recognition_report(
                class_indices(examples, names).numpy(),
                logits["test"][np.ix_(rows, columns)],
                names,
                groups=[e.group for e in examples],
                temperature=temperature,
                seed=seed,
            )
    return {
        "protocol": protocol(experiment, seed, framework.labels),
        "temperatures": {"all": temperature},
        "sets": sets,
    }
