"""Records of runs that never were, with counts that are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mer_core.atlas.reference import Pairing
from train.evaluate.held_out import Classes, View
from train.evaluate.subsets import Subset
from train.evaluate.tally import Tally
from train.protocols.speakers import UnitKind
from train.report.records import Peeked, Protocol, RunRecord, Selection, System

LABELS = ("angry", "happy", "neutral", "sad")
DIALOGUES = 6  # a session
ITEMS = 12  # a dialogue


def system(name: str = "mgcma_iemocap", corpus: str = "iemocap", folds: int = 3) -> System:
    rule = Protocol(UnitKind.SESSION, folds, folds, Selection.INNER_FOLD, Pairing.NATURAL)
    return System(name, corpus, rule, f"config of {name}", "data")


def tally(seed: int, fold: int, skill: float, dialogues: int = DIALOGUES) -> Tally:
    """Labels depend on the fold alone; `skill` is how often they are found."""
    truth = np.random.default_rng(fold).integers(0, 4, dialogues * ITEMS)
    random = np.random.default_rng([seed, fold, round(1000 * skill)])
    hit = random.random(len(truth)) < skill
    logits = random.normal(size=(len(truth), 4)) + 9 * np.eye(4)[truth] * hit[:, None]
    units = np.repeat([f"Ses{fold:02d}_{i}" for i in range(dialogues)], ITEMS)
    return Tally.of(truth, logits, LABELS, units)


def record(
    of: System, seed: int, fold: int, skill: float = 0.7, *, peeked: bool = False
) -> RunRecord:
    tallies = {
        View(condition, Classes.FOUR): tally(seed, fold, own)
        for condition, own in (("speech", skill - 0.2), ("text", skill - 0.1), ("both", skill))
    }
    tallies[View("both", Classes.FOUR, Subset.IMPROVISED)] = tally(seed, fold, skill, 3)
    best = Peeked(7, tally(seed, fold, skill + 0.1)) if peeked else None
    return RunRecord(
        of, "abc123", seed, fold, (f"{fold}F",), (f"{fold}M",), 4, {"both": 1.2}, tallies, best
    )


def study(
    of: System, skill: float = 0.7, seeds: Sequence[int] = (1, 2, 3), *, peeked: bool = False
) -> list[RunRecord]:
    folds = range(1, of.protocol.folds + 1)
    return [record(of, seed, fold, skill, peeked=peeked) for seed in seeds for fold in folds]
