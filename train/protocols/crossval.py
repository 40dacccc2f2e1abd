"""Cross-validation: every session of a corpus is tested by runs that never met its speakers.

Outer folds are sessions, a corpus' published folds, or speakers. Of the others, one whole fold, the
next in turn, chooses the epoch and the temperatures, and the rest train. The test fold is predicted
once, in the end. With `optim.select = false` nothing is chosen, and the inner fold trains, too.

Every run becomes a line of `runs.jsonl`; what is in that file is not run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from mer_core.atlas.reference import Pairing
from mer_core.checkpoints.weights import encoder_attributes
from mer_core.data import Example, load_corpus
from mer_core.emotions import LABEL_SETS
from mer_core.encoders.base import encoder_hash
from train.ablation.runs import RunPaths
from train.config import Experiment
from train.data.tasks import half_of
from train.evaluate.held_out import HeldOut, Outcome
from train.identity import (
    DIGITS,
    check_claim,
    claim,
    code_version,
    config_digest,
    data_digest,
    identity,
)
from train.jobs import deal
from train.log import LOG_FILE, EpochRecord
from train.protocols.literature import Peeking
from train.protocols.splits import Fold, Plan, on_corpus, on_fold, plan
from train.report.records import (
    RUNS_FILE,
    Protocol,
    RunRecord,
    Selection,
    System,
    add_record,
    read_records,
)
from train.stages import fit_experiment, start
from train.state import forget_state

PREDICTIONS_FILE = "predictions-{condition}.npz"


@dataclass(frozen=True)
class CrossValidation:
    """What all runs of one cross-validation share.

    Attributes:
        experiment: Of the first seed, on the corpus alone.
        system: What identifies it.
        plan: Its folds.
        encoders: Table of the architecture → hash of the weights that it starts from.
        paths: Data, results, device.
        code: Commit or version, read once: a checkout may change while its code runs.
        literature: Whether the test fold is also looked at after every epoch.
        group: Subfolder of the runs, beside those of other systems.
    """

    experiment: Experiment
    system: System
    plan: Plan
    encoders: dict[str, str]
    paths: RunPaths
    code: str
    literature: bool
    group: str = ""

    @property
    def runs_file(self) -> Path:
        """Where the lines are."""
        return self.paths.out / RUNS_FILE

    def folder(self, seed: int, fold: Fold) -> Path:
        """Of one run."""
        return self.paths.out / self.group / f"seed-{seed}" / f"fold-{fold.number}"


def crossval(
    experiment: Experiment,
    corpus: str,
    paths: RunPaths,
    *,
    seeds: int = 3,
    count: int = 0,
    literature: bool = False,
    group: str = "",
    jobs: int = 1,
) -> list[RunRecord]:
    """Every fold of every seed, trained where `runs.jsonl` in `paths.out` does not have it.

    Args:
        experiment: Its seed is the first one; of its corpora only `corpus` is used.
        corpus: Named in all of its sources.
        paths: Data, results, device.
        seeds: How many.
        count: Folds; 0: as many as there are sessions, published folds or speakers.
        literature: Also find the best epoch on the test fold, see `train.protocols.literature`.
        group: Subfolder of the runs, where `runs.jsonl` holds those of several experiments.
        jobs: Processes over which the runs are dealt.

    Returns:
        A record for each run, seed by seed.

    Raises:
        ValueError: The corpus cannot be divided or tested so, or the folder holds other runs.
    """
    if seeds < 1:
        raise ValueError(f"--seeds must be 1 or more, but is {seeds}.")
    if literature and experiment.averaged_runs > 1:
        raise ValueError("--literature needs one run at a time; set averaged_runs=1.")
    study = replace(_study(experiment, corpus, paths, count, literature), group=group)
    first = experiment.seed
    runs = [(seed, fold) for seed in range(first, first + seeds) for fold in study.plan.folds]
    numbered = [(f"{number}/{len(runs)}", *run) for number, run in enumerate(runs, 1)]
    return list(deal(partial(_on_device, study), _run_announced, numbered, jobs, paths.device))


def _on_device(study: CrossValidation, device: torch.device) -> CrossValidation:
    return replace(study, paths=replace(study.paths, device=device))


def _run_announced(study: CrossValidation, run: tuple[str, int, Fold]) -> RunRecord:
    number, seed, fold = run
    print(f"[{number}] seed {seed}, {_words(fold)}", flush=True)
    return run_fold(study, seed, fold)


def run_fold(study: CrossValidation, seed: int, fold: Fold) -> RunRecord:
    """One run: its line in `runs.jsonl` or, if there is none, trained (or resumed) and tested.

    Raises:
        ValueError: The folder holds a run with other settings, encoders or data.
    """
    if known := _known(study, seed, fold):
        return known
    experiment = on_fold(replace(study.experiment, seed=seed), fold)
    folder = study.folder(seed, fold)
    own = identity(experiment, study.encoders, study.system.data)
    own |= {"literature": study.literature}  # a run begun without it lacks epochs
    check_claim(folder, own)
    cache = study.paths.cache or folder
    held_out = HeldOut(experiment, study.system.corpus, study.paths.root, cache)
    claim(folder, own)
    peeking = Peeking(held_out, folder) if study.literature else None
    framework = fit_experiment(
        experiment, study.paths.root, folder, study.paths.device, cache, observe=peeking
    )
    outcome = held_out.outcome(framework.to(study.paths.device))
    for condition, predictions in outcome.predictions.items():
        predictions.save(folder / PREDICTIONS_FILE.format(condition=condition))
    record = replace(
        _record(study, seed, fold, outcome, tested_epoch(folder, experiment)),
        best_test_epoch=peeking.best() if peeking else None,
    )
    add_record(study.runs_file, record)
    forget_state(folder)  # nothing left to resume
    return record


def tested_epoch(folder: Path, experiment: Experiment) -> int | None:
    """The epoch, from 1, whose weights were kept; None for an average of several runs."""
    if experiment.averaged_runs > 1:
        return None
    if not experiment.optim.select:
        return experiment.optim.epochs
    lines = (folder / LOG_FILE).read_text("utf-8").splitlines()
    scores = {row.epoch: row.figures["score"] for row in map(EpochRecord.parse, lines)}
    return max(sorted(scores), key=lambda epoch: scores[epoch])


def _study(
    experiment: Experiment, corpus: str, paths: RunPaths, count: int, literature: bool
) -> CrossValidation:
    for modality, source in experiment.sources.items():
        if corpus not in source.corpora:
            raise ValueError(
                f"{experiment.name} reads no {modality} of {corpus}; its corpora of {modality} are "
                f"{', '.join(source.corpora)}."
            )
    examples = _tested(experiment, corpus, paths.root)
    select = experiment.optim.select
    folds = plan(examples, count, select)
    alone = on_corpus(experiment, corpus)
    if experiment.freeze_encoders or experiment.cache_frozen:
        # Seeds share the augmented copies: their features take longer than the training.
        alone = replace(alone, view_seed=experiment.seed_of_views)
    torch.manual_seed(0)  # of what no pretrained weights exist for
    encoders = {key: encoder_hash(e) for key, e in encoder_attributes(start(alone)).items()}
    selection = Selection.INNER_FOLD if select else Selection.NONE
    pairing = Pairing(experiment.pairing) if len(experiment.sources) > 1 else None
    system = System(
        experiment.name,
        corpus,
        Protocol(folds.kind, folds.units, len(folds.folds), selection, pairing),
        config_digest(alone, encoders),
        data_digest(alone, paths.root)[:DIGITS],
    )
    return CrossValidation(alone, system, folds, encoders, paths, code_version(), literature)


def _tested(experiment: Experiment, corpus: str, root: Path) -> list[Example]:
    """The recordings that have every modality of the experiment."""
    recordings = load_corpus(corpus, root, labels=LABEL_SETS[experiment.labels])
    modalities = list(experiment.sources)
    found = [r for r in recordings if all(half_of(r, modality) for modality in modalities)]
    if not found:
        raise ValueError(f"No recording of {corpus} has {' and '.join(modalities)}.")
    return found


def _known(study: CrossValidation, seed: int, fold: Fold) -> RunRecord | None:
    records = {record.key: record for record in read_records(study.runs_file)}
    known = records.get((study.system, seed, fold.number))
    if known and study.literature and known.best_test_epoch is None:
        raise ValueError(
            f"{study.runs_file} has this run without its best test epoch; give another --out, or "
            "leave out --literature."
        )
    return known


def _record(
    study: CrossValidation, seed: int, fold: Fold, outcome: Outcome, epoch: int | None
) -> RunRecord:
    return RunRecord(
        study.system,
        study.code,
        seed,
        fold.number,
        fold.test,
        fold.inner,
        epoch,
        outcome.temperatures,
        outcome.tallies,
    )


def _words(fold: Fold) -> str:
    def listed(names: Sequence[str]) -> str:
        return ", ".join(names)

    chosen = f", {listed(fold.inner)} selects" if fold.inner else ""
    return f"fold {fold.number}: {listed(fold.test)} tests{chosen}"
