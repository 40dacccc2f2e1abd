"""From a finished ablation to the heads that ship: one for each strategy, on shipped encoders.

A strategy was trained on cached features. Its head is put on the encoders of a checkpoint, which
must be those that the features came from, except for rounding to fp16. Temperatures are fitted to
the head as it ships, on the cached features of the development splits.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mer_core.checkpoints.checkpoint import CONFIG_FILE, load_checkpoint
from mer_core.checkpoints.heads import load_head, save_head
from mer_core.checkpoints.weights import encoder_attributes
from mer_core.encoders.base import Encoder, encoder_hash
from mer_core.frameworks.base import MATCH, Framework
from mer_core.types import COMBINED
from train.ablation.runs import RunPaths, SharedInputs, is_trained
from train.ablation.strategies import descriptor_of
from train.config import Experiment
from train.data.paired_task import label_indices
from train.evaluate.matching import matching_trial
from train.evaluate.protocol import Labelled, common_temperatures
from train.identity import claimed
from train.stages import detach_encoders


def export_heads(
    experiment: Experiment, paths: RunPaths, model: Path, out: Path, *, seed: int
) -> list[str]:
    """Write the head of every strategy to `out/STRATEGY`, at half precision and calibrated.

    Args:
        experiment: Of the ablation.
        paths: The ablation (`out`), its data and its cache.
        model: Checkpoint whose encoders the heads will use, such as `default/foal_net`.
        out: Made if missing.
        seed: Of the runs to take.

    Returns:
        The strategies' names.

    Raises:
        ValueError: A strategy's run is not finished or was trained on other encoders or data,
            `out` holds a head of something else, or the encoders of `model` are not those of the
            runs.
    """
    runs = finished_runs(experiment, paths, seed)
    refuse_others(out, runs)
    inputs = SharedInputs(experiment, paths, "dev")
    for folder in runs.values():
        refuse_foreign(folder, inputs)
    encoders = shipped_encoders(inputs.encoders, model)
    for strategy, folder in runs.items():
        about = {"experiment": experiment.name, "strategy": strategy, "seed": seed}
        export_head(folder, out / strategy, encoders, inputs, about)
    return list(runs)


def finished_runs(experiment: Experiment, paths: RunPaths, seed: int) -> dict[str, Path]:
    """Strategy → the folder of its run, for every strategy of the experiment's framework.

    Raises:
        ValueError: Some are not finished.
    """
    runs = {name: paths.run(name, seed) for name in descriptor_of(experiment).strategies}
    missing = [name for name, folder in runs.items() if not is_trained(folder)]
    if missing:
        raise ValueError(
            f"{paths.out} holds no finished run of seed {seed} of {', '.join(missing)}; "
            "`python -m train ablate` makes them."
        )
    return runs


def refuse_others(out: Path, names: Collection[str]) -> None:
    """Everything in a folder ships, so no head of an earlier ablation may remain there.

    Raises:
        ValueError: A head in `out` has none of these names.
    """
    heads = sorted(path.parent.name for path in out.glob(f"*/{CONFIG_FILE}"))
    if others := [name for name in heads if name not in names]:
        raise ValueError(
            f"{out} holds heads that are of no strategy of this ablation: {', '.join(others)}; "
            "remove them, or give another --out."
        )


def refuse_foreign(folder: Path, inputs: SharedInputs) -> None:
    """Temperatures are fitted on the present features, so a run must have been trained on these.

    Raises:
        ValueError: It was trained on other encoders or data, or did not record which.
    """
    run = claimed(folder)
    for kind, own in (("encoders", inputs.hashes), ("data", inputs.digest)):
        if run.get(kind) != own:
            raise ValueError(
                f"{folder} was trained on other {kind} than {inputs.experiment.name} has now, "
                "or does not record which."
            )


def shipped_encoders(trained_on: Mapping[str, Encoder], model: Path) -> dict[str, Encoder]:
    """Modality → encoder of a checkpoint.

    Raises:
        ValueError: One is not what the heads were trained on, not even after rounding to fp16.
    """
    encoders = load_checkpoint(model).framework.encoders().values()
    shipped = {encoder.modality: encoder for encoder in encoders}
    for modality, encoder in trained_on.items():
        rounded = copy.deepcopy(encoder).cpu().half().float()
        if modality not in shipped or encoder_hash(rounded) != encoder_hash(shipped[modality]):
            raise ValueError(
                f"{model} does not hold the {modality} encoder that the heads were trained on."
            )
    return shipped


def export_head(
    run: Path,
    folder: Path,
    encoders: Mapping[str, Encoder],
    inputs: SharedInputs,
    about: Mapping[str, Any],
) -> None:
    """Write one run's head, then its temperatures, fitted to what was written."""
    framework = load_checkpoint(run).framework
    for attribute, stand_in in encoder_attributes(framework).items():
        setattr(framework, attribute, encoders[stand_in.modality])
    save_head(folder, framework)
    rounded = load_head(folder, encoders).framework
    detach_encoders(rounded)
    save_head(folder, framework, temperatures=temperatures(rounded, inputs), **about)


def temperatures(framework: Framework, inputs: SharedInputs) -> dict[str, float]:
    """Condition → T: of each modality alone, of both and, if the framework matches, of matching.

    Every development set counts equally.

    Args:
        framework: Reads cached features.
        inputs: With these features.
    """
    return common_temperatures([*_by_condition(framework, inputs), *_matching(framework, inputs)])


def _by_condition(framework: Framework, inputs: SharedInputs) -> Iterator[tuple[str, Labelled]]:
    paper_names = {encoder.modality: name for name, encoder in framework.encoders().items()}
    for name, pairs in inputs.task.dev.items():
        logits = inputs.data.logits(framework, pairs)
        condition = paper_names.get(name.modality, COMBINED)
        yield condition, (logits, label_indices(pairs).numpy())


def _matching(framework: Framework, inputs: SharedInputs) -> Iterator[tuple[str, Labelled]]:
    for pairs in inputs.data.dev.values():
        if trial := matching_trial(partial(inputs.data.outputs, framework), pairs, seed=0):
            yield MATCH, (trial.logits, trial.labels)
