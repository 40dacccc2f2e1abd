"""Trains every alignment strategy from the same frozen encoders, several seeds each.

Features are computed once and shared by all runs. A run is one folder, `ROW/seed-N`, on whichever
split it is measured; its figures are written beside its weights, to `test.json` or `dev.json`.
Finished runs are not repeated, and interrupted ones resume. Temperatures come from development
data, and nothing is selected on the test split; a sweep uses development data only.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from mer_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from mer_core.checkpoints.weights import WEIGHTS_FILE
from mer_core.encoders.base import Encoder, encoder_hash
from mer_core.files import write_atomically
from mer_core.frameworks.descriptor import BEFORE
from train.ablation.measure import AblationData, measure
from train.ablation.strategies import descriptor_of, full, only, strategies, sweep_overrides
from train.ablation.tables import summarise, write_tables
from train.averaging import fit_averaged
from train.config import Experiment
from train.data.features import features_as_they_are
from train.data.material import Material
from train.data.paired_task import PairedTask
from train.data.pairs import PARTNERS_PER_CLIP, Pair, SetKind, SetName, evaluation_sets
from train.evaluate.measures import FIGURES, Space
from train.identity import check_claim, claim, data_digest, identity
from train.jobs import deal
from train.stages import detach_encoders, start, tokenizer_of
from train.state import STATE_FILE, forget_state

TABLE = "ablation"  # file name of the test split's tables; the name of another split is appended


@dataclass(frozen=True)
class RunPaths:
    """Folders and device of several runs.

    Attributes:
        root: Of the corpora.
        out: Of the results.
        device: That computes.
        cache: Of decoded clips and features.
    """

    root: Path
    out: Path
    device: torch.device
    cache: Path | None = None

    def run(self, row: str, seed: int) -> Path:
        """The folder of one run."""
        return self.out / row.replace("/", "_") / f"seed-{seed}"


class SharedInputs:
    """What all runs of one ablation share: encoders, features, pairs.

    Args:
        experiment: Of any of the runs; they differ only behind the features.
        paths: Data, results, device.
        split: To measure: `test`, or `dev` for choices.
    """

    def __init__(self, experiment: Experiment, paths: RunPaths, split: str) -> None:
        self.experiment, self.paths, self.split = experiment, paths, split
        torch.manual_seed(experiment.seed)
        framework = start(experiment)
        self.tokenize = tokenizer_of(framework)
        self.encoders: dict[str, Encoder] = {
            encoder.modality: encoder for encoder in detach_encoders(framework).values()
        }
        self.hashes = {m: encoder_hash(encoder) for m, encoder in self.encoders.items()}

    @cached_property
    def digest(self) -> str:
        """A hash of what the corpora hold."""
        return data_digest(self.experiment, self.paths.root)

    @cached_property
    def task(self) -> PairedTask:
        """Draws, pairs and cached features; computed when the first run needs them."""
        return PairedTask(
            self.experiment,
            self.paths.root,
            tokenize=self.tokenize,
            encoders=self.encoders,
            device=self.paths.device,
            cache=self.paths.cache,
        )

    @cached_property
    def data(self) -> AblationData:
        """Pairs to measure on, and their features."""
        dev = _paired(self.task.dev)
        tokens = {example: views[0] for example, views in self.task.cached.items()}
        measured = dev
        if self.split != "dev":
            measured = _paired(evaluation_sets(self.experiment, self.paths.root, self.split))
            for modality, encoder in self.encoders.items():
                pairs = [pair for pairs in measured.values() for pair in pairs]
                parts = dict.fromkeys(getattr(pair, modality) for pair in pairs)
                tokens |= features_as_they_are(
                    encoder,
                    parts,
                    Material(list(parts), self.experiment.sources, self.paths.cache),
                    tokenize=self.tokenize,
                    device=self.paths.device,
                    cache=self.paths.cache,
                )
        return AblationData(dev, measured, tokens, self.task.widths, self.paths.device)


def ablate(
    experiment: Experiment, paths: RunPaths, seeds: int, split: str = "test", jobs: int = 1
) -> dict[str, Any]:
    """All strategies of the experiment's framework, measured on one split.

    Writes to `paths.out`: a folder for each run, and `ablation.json`, `.csv`, `.md` and `.png` or,
    of the development split, `ablation-dev.…`.
    """
    results = run_all(strategies(experiment), paths, seeds, split, jobs)
    title = f"Alignment strategies of {experiment.name}"
    summary = summarise(results, title, reference=BEFORE, split=split)
    write_tables(summary, paths.out / (TABLE if split == "test" else f"{TABLE}-{split}"))
    return summary


def sweep(
    load: Callable[[Sequence[str]], Experiment],
    setting: str,
    paths: RunPaths,
    seeds: int,
    jobs: int = 1,
) -> dict[str, Any]:
    """No alignment, and the full strategy at each value of one setting (`key=v1,v2`), on dev data.

    `load` makes the experiment from overrides. Writes to `paths.out`: a folder for each run, and
    `sweep-KEY.json`, `.csv`, `.md` and `.png`.
    """
    plain = load([])
    values = sweep_overrides(plain, setting)
    rows = {BEFORE: only(plain, ()), **{value: full(load([value])) for value in values}}
    results = run_all(rows, paths, seeds, "dev", jobs)
    key = setting.partition("=")[0].strip()
    summary = summarise(results, f"Sweep of {key}", reference=BEFORE, split="dev")
    write_tables(summary, paths.out / f"sweep-{key}")
    return summary


def run_all(
    rows: Mapping[str, Experiment], paths: RunPaths, seeds: int, split: str, jobs: int = 1
) -> dict[str, list[dict[str, Any]]]:
    """Row → one result for each seed, trained where none is stored.

    Args:
        rows: Name → experiment.
        paths: Data, results, device.
        seeds: Runs of each row.
        split: To measure.
        jobs: Processes over which the runs are dealt.

    Raises:
        ValueError: No seed, a setting that the framework does not have, a folder that holds runs
            with other settings, encoders or data, or jobs without a cache to share.
    """
    if seeds < 1:
        raise ValueError(f"--seeds must be 1 or more, but is {seeds}.")
    for experiment in rows.values():
        start(experiment)  # refuses unknown settings before anything is computed
    first = next(iter(rows.values()))
    runs = [  # every row once, then the next seed: a stopped ablation is balanced
        dataclasses.replace(experiment, name=name, seed=experiment.seed + i)
        for i in range(seeds)
        for name, experiment in rows.items()
    ]
    prepare = functools.partial(_inputs_on, first, paths, split)
    if jobs > 1:
        if paths.cache is None:
            raise ValueError("--jobs needs --cache, from which all jobs read the features.")
        if not all(measured(paths.run(run.name, run.seed), split) for run in runs):
            _ = prepare(paths.device).data  # computed once, here
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in rows}
    numbered = [(f"{number}/{len(runs)}", run) for number, run in enumerate(runs, 1)]
    dealt = deal(prepare, _run_announced, numbered, jobs, paths.device)
    for run, result in zip(runs, dealt, strict=True):
        results[run.name].append(result)
    return results


def _inputs_on(
    experiment: Experiment, paths: RunPaths, split: str, device: torch.device
) -> SharedInputs:
    return SharedInputs(experiment, dataclasses.replace(paths, device=device), split)


def _run_announced(inputs: SharedInputs, numbered: tuple[str, Experiment]) -> dict[str, Any]:
    number, run = numbered
    print(f"[{number}] {run.name}, seed {run.seed}", flush=True)
    return run_one(run, inputs)


def run_one(experiment: Experiment, inputs: SharedInputs) -> dict[str, Any]:
    """Figures of one run; trained (or resumed) and measured, unless that is already done.

    A run that was measured with other metrics is measured again.

    Raises:
        ValueError: The folder holds a run with other settings, encoders or data.
    """
    folder = inputs.paths.run(experiment.name, experiment.seed)
    own = identity(experiment, inputs.hashes, inputs.digest)
    check_claim(folder, own)
    if (stored := measured(folder, inputs.split)) is not None:
        return stored
    if not is_trained(folder):
        train_one(experiment, inputs, folder, own)
    framework = load_checkpoint(folder).framework.to(inputs.paths.device)
    shares_space = descriptor_of(experiment).shares_space
    shared = {space: shares_space(experiment.architecture, space) for space in Space}
    result = {"seed": experiment.seed, **measure(framework, inputs.data, shared)}
    write_atomically(
        folder / f"{inputs.split}.json",
        lambda file: file.write_text(json.dumps(result) + "\n", "utf-8"),
    )
    return result


def measured(folder: Path, split: str) -> dict[str, Any] | None:
    """The stored figures of a run, or None if there are none or of other metrics than now."""
    file = folder / f"{split}.json"
    if not file.exists():
        return None
    stored: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return stored if set(stored.get("nulls", ())) == set(FIGURES) else None


def train_one(
    experiment: Experiment, inputs: SharedInputs, folder: Path, own: Mapping[str, Any]
) -> None:
    """Write the checkpoint of one run; its folder is claimed once the data have been read."""
    task = task_of(experiment, inputs.task)
    claim(folder, own)
    torch.manual_seed(experiment.seed)
    framework = start(experiment)
    detach_encoders(framework)
    framework = fit_averaged(framework, task, experiment, folder, inputs.paths.device)
    save_checkpoint(folder, framework.cpu(), experiment=own["experiment"])
    forget_state(folder)  # nothing left to resume


def is_trained(folder: Path) -> bool:
    """Whether a run is finished: its weights are written before its state is deleted."""
    return (folder / WEIGHTS_FILE).exists() and not (folder / STATE_FILE).exists()


def task_of(experiment: Experiment, shared: PairedTask) -> PairedTask:
    """The shared task with one run's seed and draws; its features are the same objects.

    To choose the epoch, each clip has one partner instead of several: over so many runs, validation
    would otherwise take longer than training.
    """
    task = copy.copy(shared)
    task.experiment = experiment
    task.dev = {
        name: pairs[::PARTNERS_PER_CLIP] if name.kind is SetKind.PAIRED else pairs
        for name, pairs in shared.dev.items()
    }
    return task


def _paired(sets: Mapping[SetName, Sequence[Pair]]) -> dict[SetName, Sequence[Pair]]:
    return {name: pairs for name, pairs in sets.items() if name.is_paired}
