"""Trains every alignment strategy from the same frozen encoders, several seeds each.

Features are computed once and shared by all runs; a finished run leaves `result.json` and is not
repeated, an interrupted one resumes. Temperatures come from development data, and nothing is
selected on the test split; a sweep sees development data only.
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
from torch import Tensor

from mer_core.checkpoint import save_checkpoint, write_json
from mer_core.data import Example
from mer_core.encoders.base import Encoder, encoder_hash
from train.ablation_measure import Bench, measure
from train.ablation_table import summarise, write_tables
from train.config import Experiment
from train.features import frozen_features
from train.loop import fit
from train.material import Material
from train.paired_task import PairedTask
from train.pairs import LABEL_PAIRED, PARTNERS_PER_CLIP, Pair, evaluation_sets, is_paired
from train.stages import detach_encoders, start, tokenizer_of
from train.strategies import NONE, SWITCHES, full, strategies, sweep_overrides

RESULT = "result.json"
SETTINGS = "run.json"


@dataclass(frozen=True)
class Place:
    """Where data lies, where results go, and what computes."""

    root: Path
    out: Path
    device: torch.device
    cache: Path | None = None


class Trained:
    """What all runs of one ablation share: encoders, features, pairs.

    Args:
        experiment: Of any of the runs; they differ in what stands on the features.
        place: Data, results, device.
        split: What is measured: `test`, or `dev` for choices.
    """

    def __init__(self, experiment: Experiment, place: Place, split: str) -> None:
        self.experiment, self.place, self.split = experiment, place, split
        torch.manual_seed(experiment.seed)
        framework = start(experiment)
        self.tokenize = tokenizer_of(framework)
        self.encoders: dict[str, Encoder] = {
            encoder.modality: encoder for encoder in detach_encoders(framework).values()
        }
        self.hashes = {m: encoder_hash(encoder) for m, encoder in self.encoders.items()}

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
    def bench(self) -> Bench:
        """Pairs to measure on, and their features."""
        dev = _paired(self.task.dev)
        tokens = {example: views[0] for example, views in self.task.cached.items()}
        judged: Mapping[str, Sequence[Pair]] = dev
        if self.split != "dev":
            judged = _paired(evaluation_sets(self.experiment, self.place.root, self.split))
            tokens |= self._features(judged)
        return Bench(dev, judged, tokens, self.task.widths, self.place.device)

    def _features(self, sets: Mapping[str, Sequence[Pair]]) -> dict[Example, Tensor]:
        """Features of every example of these sets, as it is."""
        tokens: dict[Example, Tensor] = {}
        for modality, encoder in self.encoders.items():
            pairs = [pair for items in sets.values() for pair in items]
            unique = list(dict.fromkeys(getattr(pair, modality) for pair in pairs))
            material = Material(unique, self.experiment.sources, self.place.cache)
            wanted = sorted(unique, key=material.size)
            rows = frozen_features(
                encoder,
                len(wanted),
                lambda i, w=wanted, m=material: m.utterance([w[i]]),  # type: ignore[misc]
                key=["as it is", *(material.content(example) for example in wanted)],
                title=f"features of {modality}, {self.split}",
                tokenize=self.tokenize,
                device=self.place.device,
                cache=self.place.cache,
            )
            tokens |= dict(zip(wanted, rows, strict=True))
        return tokens


def ablate(experiment: Experiment, place: Place, seeds: int) -> dict[str, Any]:
    """All strategies of the experiment's framework on the test split.

    Leaves `ablation.json`, `.csv`, `.md`, `.png` and a folder a run in `place.out`.
    """
    results = run_all(strategies(experiment), place, seeds, "test")
    title = f"Alignment strategies of {experiment.name}"
    summary = summarise(results, title, reference=NONE, split="test")
    write_tables(summary, place.out / "ablation")
    return summary


def sweep(
    load: Callable[[Sequence[str]], Experiment], setting: str, place: Place, seeds: int
) -> dict[str, Any]:
    """The full strategy at each value of one setting (`key=v1,v2`), on development data only.

    `load` makes the experiment from overrides. Leaves `sweep-KEY.json`, `.csv`, `.md`, `.png` and a
    folder a run in `place.out`.
    """
    values = sweep_overrides(load([]), setting)
    rows = {value: full(load([value])) for value in values}
    results = run_all(rows, place, seeds, "dev")
    key = setting.partition("=")[0].strip()
    summary = summarise(results, f"Sweep of {key}", reference=None, split="dev")
    write_tables(summary, place.out / f"sweep-{key}")
    return summary


def run_all(
    rows: Mapping[str, Experiment], place: Place, seeds: int, split: str
) -> dict[str, list[dict[str, Any]]]:
    """Row → one result a seed, trained where none is stored.

    Raises:
        ValueError: No seed, a setting that the framework does not know, or a folder that holds
            runs with other settings.
    """
    if seeds < 1:
        raise ValueError(f"--seeds must be 1 or more, but is {seeds}.")
    for experiment in rows.values():
        start(experiment)  # a setting that it does not know shows before anything is computed
    trained = Trained(next(iter(rows.values())), place, split)
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in rows}
    for i in range(seeds):  # every row once, then the next seed: a stopped ablation is balanced
        for j, (name, experiment) in enumerate(rows.items()):
            seed = experiment.seed + i
            run = dataclasses.replace(experiment, name=name, seed=seed)
            folder = place.out / split / name.replace("/", "_") / f"seed-{seed}"
            print(f"[{i * len(rows) + j + 1}/{seeds * len(rows)}] {name}, seed {seed}", flush=True)
            results[name].append(run_one(run, trained, folder))
    return results


def run_one(experiment: Experiment, trained: Trained, folder: Path) -> dict[str, Any]:
    """Train (or resume) one run and measure it, or read what it left.

    Raises:
        ValueError: The folder holds a run with other settings or encoders.
    """
    settings = {"experiment": dataclasses.asdict(experiment), "encoders": trained.hashes}
    settings = json.loads(json.dumps(settings))
    if (folder / SETTINGS).exists():
        if json.loads((folder / SETTINGS).read_text("utf-8")) != settings:
            raise ValueError(
                f"{folder} holds a run with other settings or encoders; give another --out."
            )
    else:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / SETTINGS, settings)
    if (folder / RESULT).exists():
        return json.loads((folder / RESULT).read_text("utf-8"))
    task = task_of(experiment, trained.task)
    torch.manual_seed(experiment.seed)
    framework = start(experiment)
    detach_encoders(framework)
    framework = fit(framework, task, experiment, folder, trained.place.device)
    shared = SWITCHES[experiment.architecture["framework"]].shares_space
    spaces = {space: shared(experiment.architecture, space) for space in ("before", "after")}
    result = {"seed": experiment.seed, **measure(framework, trained.bench, spaces)}
    save_checkpoint(folder, framework.cpu(), experiment=settings["experiment"])
    (folder / f"{RESULT}.tmp").write_text(json.dumps(result) + "\n", "utf-8")
    (folder / f"{RESULT}.tmp").replace(folder / RESULT)
    (folder / "state.safetensors").unlink(missing_ok=True)  # resuming is over
    return result


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
