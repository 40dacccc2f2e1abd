"""What both halves of a pair gain or cost against one of them alone, on the same items.

- `gain`: of every set of pairs, UA of both minus UA of the better half. Where a voice comes with
  its own neutral words, the half is the voice.
- `contradiction`: the same pairs, each with a partner of another label. No answer is right for both
  halves, so one counts that is the label of either, also for each half alone; the joint answer is
  compared with the better half. It is `neither` if it is not one of the halves' own answers.

A missing half costs nothing by construction: a half "alone" is the whole network without the other
one, which is what a visitor gets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mer_core.emotions import FOUR
from mer_core.metrics.recognition import group_tables, unweighted_accuracy, weighted_accuracy
from mer_core.types import COMBINED
from train.data.paired_task import label_indices
from train.data.pairs import Pair, SetKind, SetName, mismatched
from train.evaluate.measures import resampling_units
from train.evaluate.protocol import Floats, Labels

RESAMPLES = 1_000
RIGHT, WRONG = 0, 1
NO_ANSWER = len(FOUR)

Table = NDArray[np.int64]  # (G, C, C + 1) confusion of every resampled unit
Logits = Mapping[str, Floats]  # condition → (N, C), NaN where there is no answer


def gain(name: SetName, pairs: Sequence[Pair], logits: Logits, seed: int) -> dict[str, Any]:
    """Both against the better half, and the recall of every label.

    Args:
        name: Of the set.
        pairs: N of them.
        logits: Of the pairs.
        seed: Of the bootstrap.
    """
    labels, units = label_indices(pairs).numpy(), resampling_units(pairs)
    tables = {
        condition: group_tables(labels, predicted(rows), units, len(FOUR))
        for condition, rows in logits.items()
    }
    halves = halves_of(logits)[: 1 if name.kind is SetKind.SPOKEN else 2]
    better = max(halves, key=lambda half: unweighted_accuracy(tables[half].sum(axis=0)))
    return {
        "n": len(pairs),
        **compared(tables[COMBINED], better, tables[better], unweighted_accuracy, seed),
        "recall": {c: recalls(tables[c].sum(axis=0)) for c in (better, COMBINED)},
    }


def contradiction(
    pairs: Sequence[Pair], logits_of: Callable[[Sequence[Pair]], Logits], seed: int
) -> dict[str, Any]:
    """What is answered to `pairs` if their partners have other labels.

    Args:
        pairs: Of one label each.
        logits_of: Pairs → their logits.
        seed: Of the partners and of the bootstrap.
    """
    opposed = mismatched(pairs, np.random.default_rng(seed))
    logits = logits_of(opposed)
    answers = {condition: predicted(rows) for condition, rows in logits.items()}
    partners = [[part for part in pair.parts if part is not None][1] for pair in opposed]
    labels = (label_indices(opposed).numpy(), np.array([FOUR.index(p.emotion) for p in partners]))
    units = resampling_units(pairs)
    tables = {c: either(row, labels, units) for c, row in answers.items()}
    halves = halves_of(logits)
    better = max(halves, key=lambda half: weighted_accuracy(tables[half].sum(axis=0)))
    both = answers[COMBINED]
    own = np.any([both == answers[half] for half in halves], axis=0)
    return {
        "n": len(pairs),
        **compared(tables[COMBINED], better, tables[better], weighted_accuracy, seed),
        "follows": {
            half: float(np.mean(both == truth)) for half, truth in zip(halves, labels, strict=True)
        },
        "neither": float(1 - own.mean()),
    }


def halves_of(logits: Logits) -> list[str]:
    """The conditions of one modality, the leading one first."""
    return [condition for condition in logits if condition != COMBINED]


def predicted(logits: Floats) -> Labels:
    """(N,) classes; `NO_ANSWER` where the logits (N, C) are NaN."""
    refused = np.isnan(logits).any(axis=1)
    return np.where(refused, NO_ANSWER, np.nan_to_num(logits).argmax(axis=1))


def either(answers: Labels, labels: Sequence[Labels], units: Sequence[str]) -> Table:
    """Tables whose accuracy is the share of `answers` (N,) that are one of several labels (N,)."""
    hit = np.any([answers == truth for truth in labels], axis=0)
    return group_tables(np.full(len(hit), RIGHT), np.where(hit, RIGHT, WRONG), units, 2)


def compared(
    both: Table, half: str, alone: Table, score: Callable[[Table], float], seed: int
) -> dict[str, Any]:
    """The scores of both and of a half, their difference and its 95 % bootstrap interval."""
    joint, single = score(both.sum(axis=0)), score(alone.sum(axis=0))
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(both), (RESAMPLES, len(both)))
    differences = [score(both[i].sum(axis=0)) - score(alone[i].sum(axis=0)) for i in drawn]
    return {
        "against": half,
        "both": joint,
        "alone": single,
        "difference": joint - single,
        "difference_95": np.percentile(differences, [2.5, 97.5]).tolist(),
    }


def recalls(table: Table) -> dict[str, float | None]:
    """Label → its recall in a confusion table (C, C + 1); None if it does not occur."""
    return {
        label: float(row[i] / row.sum()) if row.sum() else None
        for i, (label, row) in enumerate(zip(FOUR, table, strict=True))
    }
