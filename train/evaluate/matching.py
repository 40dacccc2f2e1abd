"""How well a framework distinguishes matched pairs from mismatched ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mer_core.frameworks.base import MATCH_LOGITS
from mer_core.metrics.recognition import recognition_report
from mer_core.types import Output
from train.data.pairs import Pair, mismatched
from train.evaluate.protocol import Floats, Labels, common_temperature

MATCH_LABELS = ("different", "same")

Outputs = Callable[[Sequence[Pair]], Iterable[Output]]  # of a framework, batch by batch


@dataclass(frozen=True)
class MatchingTrial:
    """N matched and N mismatched pairs.

    Attributes:
        logits: (2 N, 2) of (different, same).
        labels: (2 N,) indices into `MATCH_LABELS`.
        groups: Of the 2 N pairs.
    """

    logits: Floats
    labels: Labels
    groups: list[str]


def matching_trial(outputs: Outputs, pairs: Sequence[Pair], seed: int) -> MatchingTrial | None:
    """`pairs` and as many mismatched ones; None if the framework does not match.

    The logits are the mean of both directions.
    """
    rows = []
    for output in outputs([*pairs, *mismatched(pairs, np.random.default_rng(seed))]):
        logits = output.features.get(MATCH_LOGITS)
        if logits is None:
            return None
        rows.append(logits.float().mean(dim=1).cpu().numpy())
    labels = np.repeat(np.array([1, 0], dtype=np.int64), len(pairs))
    return MatchingTrial(np.concatenate(rows), labels, [pair.group for pair in pairs] * 2)


def measure_matching(
    outputs: Outputs,
    dev: Iterable[Sequence[Pair]],
    test: Mapping[str, Sequence[Pair]],
    seed: int,
) -> tuple[dict[str, dict[str, Any]], float]:
    """Reports of the test sets, at one temperature from the development sets.

    Returns:
        Set → report with the labels `MATCH_LABELS`, and the temperature.
    """
    fitted = [trial for pairs in dev if (trial := matching_trial(outputs, pairs, seed))]
    if not fitted:
        return {}, 1.0
    temperature = common_temperature([(trial.logits, trial.labels) for trial in fitted])
    reports = {}
    for name, pairs in test.items():
        if trial := matching_trial(outputs, pairs, seed):
            reports[name] = recognition_report(
                trial.labels,
                trial.logits,
                MATCH_LABELS,
                groups=trial.groups,
                temperature=temperature,
                seed=seed,
            )
    return reports, temperature
