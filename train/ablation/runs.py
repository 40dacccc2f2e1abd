"""Trains every alignment strategy from the same frozen encoders, several seeds each.

Features are computed once and shared by all runs. A run is one folder, `ROW/seed-N`, whatever it is
measured on; what it was measured to be lies beside its weights, as `test.json` or `dev.json`. What
is there is not repeated, and what was interrupted resumes. Temperatures come from development data,
and nothing is selected on the test split; a sweep sees development data only.
"""

from __future__ import annotations

import copy
import dataclasses
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
from train.ablation.measure import AblationData, measure
from train.ablation.strategies import NONE, SWITCHES, full, only, strategies, sweep_overrides
from train.ablation.table import summarise, write_tables
from train.config import Experiment
from train.data.features import features_as_they_are
from train.data.material import Material
from train.data.paired_task import PairedTask
from train.data.pairs import LABEL_PAIRED, PARTNERS_PER_CLIP, Pair, evaluation_sets, is_paired
from train.files import write_whole
from train.identity import check_claim, claim, data_digest, identity
from train.loop import fit
from train.stages import detach_encoders, start, tokenizer_of
from train.state import STATE_FILE

TABLE = "ablation"  # of the test split; of another one, its name follows


@dataclass(frozen=True)
class RunPaths:
    """Where data lies, where results go, and what computes."""

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
        experiment: Of any of the runs; they differ in what stands on the features.
        place: Data, results, device.
        split: What is measured: `test`, or `dev` for choices.
    """

    def __init__(self, experiment: Experiment, place: RunPaths, split: str) -> None:
        self.experiment, self.place, self.split = experiment, place, split
        torch.manual_seed(experiment.seed)
        framework = start(experiment)
        self.tokenize = tokenizer_of(framework)
        self.encoders: dict[str, Encoder] = {
            encoder.modality: encoder for encoder in detach_encoders(framework).values()
        }
        self.hashes = {m: encoder_hash(encoder) for m, encoder in self.encoders.items()}

    @cached_property
    def data(self) -> str:
        """What the corpora hold, as a digest."""
        return data_digest(self.experiment, self.place.root)

    @cached_property
    def task(self) -> PairedTask:
        """Draws, pairs and cached features; made when the first run asks."""
        return PairedTask(
            self.experiment,
            self.place.root,
            tokenize=self.tokenize,
            encoders=self.encoders,
            device=self.place.device,
            cache=self.place.cache,
        )

    @cached_property
    def bench(self) -> AblationData:
        """Pairs to measure on, and their features."""
        dev = _paired(self.task.dev)
        tokens = {example: views[0] for example, views in self.task.cached.items()}
        judged: Mapping[str, Sequence[Pair]] = dev
        if self.split != "dev":
            judged = _paired(evaluation_sets(self.experiment, self.place.root, self.split))
            for modality, encoder in self.encoders.items():
                parts = dict.fromkeys(getattr(p, modality) for ps in judged.values() for p in ps)
                tokens |= features_as_they_are(
                    encoder,
                    parts,
                    Material(list(parts), self.experiment.sources, self.place.cache),
                    tokenize=self.tokenize,
                    device=self.place.device,
                    cache=self.place.cache,
                )
        return AblationData(dev, judged, tokens, self.task.widths, self.place.device)


def ablate(
    experiment: Experiment, place: RunPaths, seeds: int, split: str = "test"
) -> dict[str, Any]:
    """All strategies of the experiment's framework, measured on one split.

    Leaves a folder a run in `place.out` and `ablation.json`, `.csv`, `.md`, `.png`, or, of the
    development split, `ablation-dev.…`.
    """
    results = run_all(strategies(experiment), place, seeds, split)
    title = f"Alignment strategies of {experiment.name}"
    summary = summarise(results, title, reference=NONE, split=split)
    write_tables(summary, place.out / (TABLE if split == "test" else f"{TABLE}-{split}"))
    return summary


def sweep(
    load: Callable[[Sequence[str]], Experiment], setting: str, place: RunPaths, seeds: int
) -> dict[str, Any]:
    """No alignment, and the full strategy at each value of one setting (`key=v1,v2`), on dev data.

    `load` makes the experiment from overrides. Leaves `sweep-KEY.json`, `.csv`, `.md`, `.png` and a
    folder a run in `place.out`.
    """
    plain = load([])
    values = sweep_overrides(plain, setting)
    rows = {NONE: only(plain, ()), **{value: full(load([value])) for value in values}}
    results = run_all(rows, place, seeds, "dev")
    key = setting.partition("=")[0].strip()
    summary = summarise(results, f"Sweep of {key}", reference=NONE, split="dev")
    write_tables(summary, place.out / f"sweep-{key}")
    return summary


def run_all(
    rows: Mapping[str, Experiment], place: RunPaths, seeds: int, split: str
) -> dict[str, list[dict[str, Any]]]:
    """Row → one result a seed, trained where none is stored.

    Raises:
        ValueError: No seed, a setting that the framework does not know, or a folder that holds
            runs with other settings, encoders or data.
    """
    if seeds < 1:
        raise ValueError(f"--seeds must be 1 or more, but is {seeds}.")
    for experiment in rows.values():
        start(experiment)  # a setting that it does not know shows before anything is computed
    trained = SharedInputs(next(iter(rows.values())), place, split)
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in rows}
    for i in range(seeds):  # every row once, then the next seed: a stopped ablation is balanced
        for j, (name, experiment) in enumerate(rows.items()):
            seed = experiment.seed + i
            run = dataclasses.replace(experiment, name=name, seed=seed)
            print(f"[{i * len(rows) + j + 1}/{seeds * len(rows)}] {name}, seed {seed}", flush=True)
            results[name].append(run_one(run, trained))
    return results


def run_one(experiment: Experiment, trained: SharedInputs) -> dict[str, Any]:
    """What one run is worth; trained (or resumed) and measured, where either is still to be done.

    Raises:
        ValueError: The folder holds a run with other settings, encoders or data.
    """
    folder = trained.place.run(experiment.name, experiment.seed)
    own = identity(experiment, trained.hashes, trained.data)
    check_claim(folder, own)
    measures = folder / f"{trained.split}.json"
    if measures.exists():
        return dict(json.loads(measures.read_text("utf-8")))
    if not is_trained(folder):
        train_one(experiment, trained, folder, own)
    framework = load_checkpoint(folder).framework.to(trained.place.device)
    shared = SWITCHES[experiment.architecture["framework"]].shares_space
    spaces = {space: shared(experiment.architecture, space) for space in ("before", "after")}
    result = {"seed": experiment.seed, **measure(framework, trained.bench, spaces)}
    write_whole(measures, lambda file: file.write_text(json.dumps(result) + "\n", "utf-8"))
    return result


def train_one(
    experiment: Experiment, trained: SharedInputs, folder: Path, own: Mapping[str, Any]
) -> None:
    """Leave the checkpoint of one run; its folder is claimed once the data have been read."""
    task = task_of(experiment, trained.task)
    claim(folder, own)
    torch.manual_seed(experiment.seed)
    framework = start(experiment)
    detach_encoders(framework)
    framework = fit(framework, task, experiment, folder, trained.place.device)
    save_checkpoint(folder, framework.cpu(), experiment=own["experiment"])
    (folder / STATE_FILE).unlink(missing_ok=True)  # resuming is over


def is_trained(folder: Path) -> bool:
    """Whether a run has come to its end: weights are written before what resumes is removed."""
    return (folder / WEIGHTS_FILE).exists() and not (folder / STATE_FILE).exists()


def task_of(experiment: Experiment, shared: PairedTask) -> PairedTask:
    """The shared task with one run's own seed and draws; its features are the same objects.

    The epoch is chosen on pairs that meet each clip with one partner instead of several: with that
    many runs, looking at development data would take longer than training.
    """
    task = copy.copy(shared)
    task.experiment = experiment
    task.dev = {
        name: items[::PARTNERS_PER_CLIP] if name.startswith(LABEL_PAIRED) else items
        for name, items in shared.dev.items()
    }
    return task


def _paired(sets: Mapping[str, Sequence[Pair]]) -> dict[str, Sequence[Pair]]:
    return {name: items for name, items in sets.items() if is_paired(name)}
