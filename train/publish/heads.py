"""From a finished ablation to the heads that ship: one strategy each, on the shipped encoders.

A strategy was trained on cached features. Its head is put on the encoders of a checkpoint, which
must be those that the features came from, at most rounded to fp16. Temperatures are fitted to the
head as it ships, on the cached features of the development splits.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mer_core.checkpoints.checkpoint import CONFIG_FILE, load_checkpoint
from mer_core.checkpoints.heads import load_head, save_head
from mer_core.checkpoints.weights import encoder_attributes
from mer_core.encoders.base import Encoder, encoder_hash
from mer_core.frameworks.base import MATCH, MATCH_LOGITS, Framework
from mer_core.types import COMBINED
from train.ablation.runs import RunPaths, SharedInputs, is_trained
from train.ablation.strategies import names_of
from train.config import Experiment
from train.data.paired_task import label_indices
from train.data.pairs import mismatched
from train.evaluate.evaluation import common_temperature
from train.identity import claimed
from train.stages import detach_encoders

Labelled = tuple[NDArray[np.float32], NDArray[np.int64]]  # logits (N, C), labels (N,)


def export_heads(
    experiment: Experiment, place: RunPaths, model: Path, out: Path, *, seed: int
) -> list[str]:
    """Write the head of every strategy to `out/STRATEGY`, at half precision and calibrated.

    Args:
        experiment: That the ablation was made of.
        place: Where the ablation lies (`out`), its data and its cache.
        model: Checkpoint whose encoders the heads will be given, such as `default/foal_net`.
        out: Made if missing.
        seed: Of the runs to take.

    Returns:
        The strategies' names.

    Raises:
        ValueError: A strategy's run is not finished or was trained on other encoders or data,
            `out` holds a head of something else, or the encoders of `model` are not those that the
            runs stand on.
    """
    runs = finished_runs(experiment, place, seed)
    refuse_others(out, runs)
    trained = SharedInputs(experiment, place, "dev")
    for folder in runs.values():
        refuse_foreign(folder, trained)
    encoders = shipped_encoders(trained.encoders, model)
    for strategy, folder in runs.items():
        about = {"experiment": experiment.name, "strategy": strategy, "seed": seed}
        export_head(folder, out / strategy, encoders, trained, about)
    return list(runs)


def finished_runs(experiment: Experiment, place: RunPaths, seed: int) -> dict[str, Path]:
    """Strategy → the folder of its run, for every strategy of the experiment's framework.

    Raises:
        ValueError: Some are not finished.
    """
    names = names_of(str(experiment.architecture["framework"]))
    runs = {name: place.run(name, seed) for name in names}
    missing = [name for name, folder in runs.items() if not is_trained(folder)]
    if missing:
        raise ValueError(
            f"{place.out} holds no finished run of seed {seed} of {', '.join(missing)}; "
            "`python -m train ablate` makes them."
        )
    return runs


def refuse_others(out: Path, names: Collection[str]) -> None:
    """What ships is all that lies in a folder, so no head of an earlier ablation may stay there.

    Raises:
        ValueError: A head in `out` bears none of these names.
    """
    found = sorted(path.parent.name for path in out.glob(f"*/{CONFIG_FILE}"))
    if others := [name for name in found if name not in names]:
        raise ValueError(
            f"{out} holds heads that are of no strategy of this ablation: {', '.join(others)}; "
            "remove them, or give another --out."
        )


def refuse_foreign(folder: Path, trained: SharedInputs) -> None:
    """Temperatures are fitted on today's features, so a run must stand on the same ones.

    Raises:
        ValueError: It was trained on other encoders or data, or nothing says on which.
    """
    said = claimed(folder)
    for what, own in (("encoders", trained.hashes), ("data", trained.data)):
        if said.get(what) != own:
            raise ValueError(
                f"{folder} was trained on other {what} than {trained.experiment.name} has now, "
                "or does not say on which."
            )


def shipped_encoders(trained_on: Mapping[str, Encoder], model: Path) -> dict[str, Encoder]:
    """The encoders of a checkpoint by what they read.

    Raises:
        ValueError: One is not what the heads were trained on, not even after rounding to fp16.
    """
    found = load_checkpoint(model).framework.encoders().values()
    shipped = {encoder.modality: encoder for encoder in found}
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
    trained: SharedInputs,
    about: Mapping[str, Any],
) -> None:
    """Write one run's head, then its temperatures, fitted to what was written."""
    framework = load_checkpoint(run).framework
    for attribute, stand_in in encoder_attributes(framework).items():
        setattr(framework, attribute, encoders[stand_in.modality])
    save_head(folder, framework)
    rounded = load_head(folder, encoders).framework
    detach_encoders(rounded)
    save_head(folder, framework, temperatures=temperatures(rounded, trained), **about)


def temperatures(framework: Framework, trained: SharedInputs) -> dict[str, float]:
    """Condition → T: of each modality alone, of both and, where they are told apart, of matching.

    Every development set counts equally.

    Args:
        framework: Reads cached features.
        trained: Whose features those are.
    """
    names = {encoder.modality: name for name, encoder in framework.encoders().items()}
    gathered: dict[str, list[Labelled]] = {}
    for name, pairs in trained.task.dev.items():
        kind = name.partition("/")[0]
        logits = trained.bench.logits(framework, pairs)
        condition = names.get(kind, COMBINED)
        gathered.setdefault(condition, []).append((logits, label_indices(pairs).numpy()))
    if matching := list(asked_matching(framework, trained)):
        gathered[MATCH] = matching
    return {condition: common_temperature(parts) for condition, parts in gathered.items()}


def asked_matching(framework: Framework, trained: SharedInputs) -> Iterator[Labelled]:
    """Of each set, matched and as many mismatched pairs; nothing where the framework matches none.

    Logits are (N, 2) for (different, same), the mean of both directions.
    """
    for pairs in trained.bench.dev.values():
        shown = [*pairs, *mismatched(pairs, np.random.default_rng(0))]
        outputs = list(trained.bench.outputs(framework, shown))
        if MATCH_LOGITS not in outputs[0].features:
            return
        rows = [output.features[MATCH_LOGITS].float().mean(dim=1).cpu() for output in outputs]
        labels = np.repeat(np.array([1, 0], dtype=np.int64), len(pairs))
        yield np.concatenate([part.numpy() for part in rows]), labels
