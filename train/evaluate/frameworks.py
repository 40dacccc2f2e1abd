"""Test figures of a framework: temperatures from development data, then every test set once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mer_core.emotions import FOUR
from mer_core.frameworks.base import MATCH, Framework
from mer_core.metrics.recognition import recognition_report
from mer_core.types import COMBINED
from train.config import Experiment
from train.data.paired_task import label_indices
from train.data.pairs import Pair, SetKind, SetName, evaluation_sets, spoken_sets
from train.evaluate.branches import BranchEvaluator, evaluator_of
from train.evaluate.fusion import contradiction, gain
from train.evaluate.matching import measure_matching
from train.evaluate.protocol import Floats, common_temperatures, protocol


def evaluate(
    framework: Framework,
    experiment: Experiment,
    root: Path,
    *,
    cache: Path | None = None,
    seed: int = 0,
    temperatures: Mapping[str, float] | None = None,
    split: str = "test",
) -> dict[str, Any]:
    """Figures of each branch and of both together, and the temperatures they were made with.

    Args:
        framework: To measure.
        experiment: Its sources say on what.
        root: Folder of the corpora.
        cache: Folder for decoded clips.
        seed: Of pairing and bootstrap.
        temperatures: Condition → T, instead of those that development data give.
        split: Of the sets that are measured.

    Returns:
        `protocol`, `temperatures` (condition → T), `sets` (name → condition → report), `matching`
        (name → report), empty where the framework matches nothing, and `fusion`: `gain` and
        `contradiction` (name → figures), see `train.evaluate.fusion`.
    """
    dev = evaluation_sets(experiment, root, "dev", seed)
    by_label = dev if split == "dev" else evaluation_sets(experiment, root, split, seed)
    measured = by_label | spoken_sets(experiment, root, split)
    evaluator = evaluator_of(framework, [*dev.values(), *measured.values()], experiment, cache)
    temperatures = {**calibrate(evaluator, dev), **(temperatures or {})}
    matching, match_temperature = measure_matching(
        evaluator.outputs,
        [pairs for name, pairs in dev.items() if name.is_paired],
        {str(name): pairs for name, pairs in by_label.items() if name.is_paired},
        seed,
    )
    if matching:
        temperatures[MATCH] = match_temperature
    logits = {
        name: answers(evaluator.logits(pairs, str(name)), temperatures)
        for name, pairs in measured.items()
    }
    return {
        "protocol": protocol(experiment, seed, FOUR, measured, split),
        "temperatures": temperatures,
        "sets": {
            str(name): _reports(logits[name], pairs, temperatures, seed)
            for name, pairs in measured.items()
        },
        "matching": matching,
        "fusion": {
            "gain": {
                str(name): gain(name, pairs, logits[name], seed)
                for name, pairs in measured.items()
                if name.is_paired
            },
            "contradiction": {
                str(name): contradiction(
                    pairs,
                    lambda opposed: answers(evaluator.logits(opposed, "opposed"), temperatures),
                    seed,
                )
                for name, pairs in measured.items()
                if name.kind in (SetKind.PAIRED, SetKind.NATURAL)
            },
        },
    }


def _reports(
    logits: Mapping[str, Floats],
    pairs: Sequence[Pair],
    temperatures: Mapping[str, float],
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Condition → report of one set."""
    labels, groups = label_indices(pairs).numpy(), [pair.group for pair in pairs]
    return {
        condition: recognition_report(
            labels, rows, FOUR, groups=groups, temperature=temperatures[condition], seed=seed
        )
        for condition, rows in logits.items()
    }


def answers(logits: Mapping[str, Floats], temperatures: Mapping[str, float]) -> dict[str, Floats]:
    """Logits with what a visitor gets for a pair of which one half is refused: the other's answer.

    Its logits are scaled to the temperature of both, so that its probabilities are its own.
    """
    if COMBINED not in logits:
        return dict(logits)
    both = logits[COMBINED].copy()
    for condition, rows in logits.items():
        missing = np.isnan(both).any(axis=1) & ~np.isnan(rows).any(axis=1)
        both[missing] = rows[missing] * (temperatures[COMBINED] / temperatures[condition])
    return {**logits, COMBINED: both}


def calibrate(
    evaluator: BranchEvaluator, dev: Mapping[SetName, Sequence[Pair]]
) -> dict[str, float]:
    """Condition → T, every development set counting equally."""
    paper_names = {e.modality: name for name, e in evaluator.framework.encoders().items()}

    def labelled(name: SetName, condition: str) -> tuple[str, tuple[Floats, Any]]:
        logits = evaluator.logits(dev[name], str(name))[condition]
        return condition, (logits, label_indices(dev[name]).numpy())

    return common_temperatures(
        labelled(name, paper_names.get(name.modality, COMBINED)) for name in dev
    )
