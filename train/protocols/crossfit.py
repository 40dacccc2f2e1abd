"""Calibration by cross-fitting: each speaker is predicted by a run that never heard them.

The folds are of all speakers but those who test. Their out-of-fold logits, pooled, give one
temperature for each condition: over as many speakers as there are, where the development split has
one or a few. A framework on frozen encoders is fitted anew on the encoder of every fold, because
the shipped encoder has heard the training speakers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mer_core.checkpoints.checkpoint import CONFIG_FILE, write_json
from mer_core.data import Example
from mer_core.encoders.base import encoder_hash
from mer_core.files import write_atomically
from mer_core.frameworks.base import Framework
from mer_core.types import COMBINED
from train.ablation.runs import RunPaths
from train.config import Experiment
from train.data.paired_task import label_indices
from train.data.pairs import evaluation_sets
from train.evaluate.branches import evaluator_of
from train.evaluate.encoders import restricted_temperature
from train.evaluate.predictions import Predictions, pooled
from train.evaluate.protocol import Labelled, common_temperatures
from train.evaluate.tables import refusals
from train.identity import check_claim, claim, data_digest, identity
from train.protocols.runs import every_example, run, trained_on
from train.protocols.speakers import Speakers, dealt, units_of
from train.stages import fit_experiment, start
from train.state import forget_state

RESULT_FILE, LOGITS_FILE = "crossfit.json", "crossfit.npz"


def crossfit_encoder(experiment: Experiment, paths: RunPaths, count: int) -> dict[str, Any]:
    """Temperature of a lone encoder, from `count` folds.

    Writes a run for each fold, the pooled logits and `crossfit.json` to `paths.out`.
    """
    ((modality, source),) = experiment.sources.items()
    examples = {
        corpus: [e for e in every_example(corpus, experiment, paths, modality) if e.split != "test"]
        for corpus in source.corpora
    }
    folds = folds_of(examples, count)
    everyone = [example for found in examples.values() for example in found]
    parts = [_out_of_fold(experiment, everyone, folds, i, paths) for i in range(len(folds))]
    predictions = pooled(parts)
    predictions.save(paths.out / LOGITS_FILE)
    temperature = restricted_temperature(
        predictions.logits, predictions.truth, predictions.corpora.tolist()
    )
    return _write(
        paths.out,
        {
            "experiment": experiment.name,
            "speakers": [list(fold) for fold in folds],
            "temperatures": {"all": temperature, modality: temperature},
            "figures": _figures(predictions, temperature),
        },
    )


def folds_of(examples: Mapping[str, Sequence[Example]], count: int) -> list[Speakers]:
    """`count` folds of the speakers of several corpora, each with some of every corpus."""
    by_corpus = [dealt(units_of(found).speakers, count) for found in examples.values()]
    return [tuple(name for folds in by_corpus for name in folds[i]) for i in range(count)]


def _out_of_fold(
    experiment: Experiment,
    examples: Sequence[Example],
    folds: Sequence[Speakers],
    index: int,
    paths: RunPaths,
) -> Predictions:
    """What a run that was trained on the other folds predicts of one."""
    ((_, source),) = experiment.sources.items()
    others = tuple(sorted(n for i, fold in enumerate(folds) if i != index for n in fold))
    fold = trained_on(experiment, source.corpora, others, folds[index])
    print(f"fold {index + 1} of {len(folds)}: {', '.join(folds[index])}", flush=True)
    held = [e for e in examples if e.group in folds[index]]
    return run(fold, held, paths, paths.out / f"fold_{index + 1}")


def _figures(predictions: Predictions, temperature: float) -> dict[str, Any]:
    """Corpus → UA and ECE out of fold, without a temperature and with it."""
    figures = {}
    for corpus in dict.fromkeys(predictions.corpora.tolist()):
        own = predictions.part(predictions.corpora == corpus)
        scaled = replace(own, logits=own.logits / np.float32(temperature))
        plain, calibrated = own.report(), scaled.report()
        figures[corpus] = {
            "n": plain["n"],
            "unweighted_accuracy": plain["unweighted_accuracy"],
            "refused": plain["refused"],
            "ece_before": plain["ece"],
            "ece": calibrated["ece"],
        }
    return figures


def crossfit_framework(
    experiment: Experiment, paths: RunPaths, encoder_folds: Path
) -> dict[str, Any]:
    """Temperatures of a framework of speech and something else, on the encoders of the folds.

    Args:
        experiment: Of the framework; its speech encoder is replaced by each fold's.
        paths: Data, results, device.
        encoder_folds: What `crossfit_encoder` wrote for the speech encoder.

    Raises:
        ValueError: There is no finished cross-fit of an encoder in `encoder_folds`.
    """
    if not (encoder_folds / RESULT_FILE).is_file():
        raise ValueError(f"{encoder_folds} holds no finished crossfit: {RESULT_FILE} is missing.")
    key = speech_key(experiment)
    found: dict[tuple[str, str], list[Labelled]] = {}
    folders = sorted(encoder_folds.glob("fold_*"))
    for i, encoder in enumerate(folders):
        print(f"fold {i + 1} of {len(folders)}", flush=True)
        fold = on_fold(experiment, key, encoder)
        for name, labelled in _held_out_logits(fold, paths, paths.out / encoder.name).items():
            found.setdefault(name, []).append(labelled)
    parts = {name: _joined(rows) for name, rows in found.items()}
    temperatures = common_temperatures((condition, p) for (_, condition), p in parts.items())
    speakers = json.loads((encoder_folds / RESULT_FILE).read_text("utf-8"))["speakers"]
    return _write(
        paths.out,
        {"experiment": experiment.name, "speakers": speakers, "temperatures": temperatures},
    )


def speech_key(experiment: Experiment) -> str:
    """The table of the architecture that describes the speech encoder.

    Raises:
        ValueError: No encoder reads speech.
    """
    framework = start(experiment)
    for name, child in framework.named_children():
        if child in framework.encoders().values() and child.modality == "speech":
            return name
    raise ValueError(f"{experiment.name} has no speech encoder.")


def on_fold(experiment: Experiment, key: str, encoder: Path) -> Experiment:
    """The framework on the encoder of one fold; the fold's speakers become its `dev` split."""
    stored = json.loads((encoder / CONFIG_FILE).read_text("utf-8"))["experiment"]
    speakers = stored["sources"]["speech"]["speakers"]
    speech = replace(
        experiment.sources["speech"],
        speakers={"train": tuple(speakers["train"]), "dev": tuple(speakers["test"])},
    )
    return replace(
        experiment,
        architecture={**experiment.architecture, key: {"from": str(encoder)}},
        sources={**experiment.sources, "speech": speech},
        optim=replace(experiment.optim, select=False),
    )


def _held_out_logits(
    fold: Experiment, paths: RunPaths, folder: Path
) -> dict[tuple[str, str], Labelled]:
    """Set and condition → logits and labels of the speakers of a fold, trained if need be."""
    hashes = {e.modality: encoder_hash(e) for e in start(fold).encoders().values()}
    own = identity(fold, hashes, data_digest(fold, paths.root))
    check_claim(folder, own)
    stored = folder / LOGITS_FILE
    if not stored.exists():
        claim(folder, own)
        cache = paths.cache or folder
        framework = fit_experiment(fold, paths.root, folder, paths.device, cache)
        rows = _evaluated(fold, framework.to(paths.device), paths.root, cache)
        write_atomically(stored, lambda file: _save(rows, file))
        forget_state(folder)
    return _load(stored)


def _evaluated(
    fold: Experiment, framework: Framework, root: Path, cache: Path
) -> dict[tuple[str, str], Labelled]:
    sets = evaluation_sets(fold, root, "dev")
    evaluator = evaluator_of(framework, sets.values(), fold, cache)
    names = {e.modality: name for name, e in framework.encoders().items()}
    rows: dict[tuple[str, str], Labelled] = {}
    for name, pairs in sets.items():
        condition = names.get(name.modality, COMBINED)
        logits = evaluator.logits(pairs, str(name))[condition]
        rows[str(name), condition] = (logits, label_indices(pairs).numpy())
    return rows


def _save(rows: Mapping[tuple[str, str], Labelled], path: Path) -> None:
    """Logits as `set condition logits`, labels as `set condition labels`; no pickle."""
    arrays: dict[str, Any] = {}
    for (name, condition), (logits, labels) in rows.items():
        arrays |= {f"{name} {condition} logits": logits, f"{name} {condition} labels": labels}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _load(path: Path) -> dict[tuple[str, str], Labelled]:
    with np.load(path, allow_pickle=False) as archive:
        names = [tuple(key.split(" ")[:2]) for key in archive.files if key.endswith(" logits")]
        return {
            (name, condition): (
                archive[f"{name} {condition} logits"],
                archive[f"{name} {condition} labels"],
            )
            for name, condition in names
        }


def _joined(parts: Sequence[Labelled]) -> Labelled:
    logits, labels = zip(*parts, strict=True)
    return np.concatenate(logits), np.concatenate(labels)


def _write(folder: Path, result: dict[str, Any]) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / RESULT_FILE, result)
    return result


def load_crossfit(folder: Path, experiment: Experiment) -> dict[str, Any]:
    """What a cross-fit of the experiment wrote.

    Raises:
        ValueError: It is not finished, or of another experiment.
    """
    if not (folder / RESULT_FILE).is_file():
        raise ValueError(f"{folder} holds no finished crossfit: {RESULT_FILE} is missing.")
    result = dict(json.loads((folder / RESULT_FILE).read_text("utf-8")))
    if result["experiment"] != experiment.name:
        raise ValueError(f"{folder} is of {result['experiment']}, not of {experiment.name}.")
    return result


def crossfit_words(result: Mapping[str, Any]) -> str:
    """What temperatures were fitted on."""
    folds = result["speakers"]
    conditions = ", ".join(result["temperatures"])
    return (
        f"of {conditions}: cross-fitted over {sum(map(len, folds))} training and development "
        f"speakers in {len(folds)} folds, each predicted by a run that did not hear them; "
        "of anything else: from the development split"
    )


def crossfit_table(result: Mapping[str, Any]) -> str:
    """The temperatures and, of an encoder, its figures out of fold."""
    lines = [f"{name}: T = {value:.3f}" for name, value in result["temperatures"].items()]
    if "figures" in result:
        lines += [
            "",
            "| corpus, out of fold | n | UA | ECE, T = 1 | ECE | refused |",
            "|---|---|---|---|---|---|",
        ]
        for corpus, row in result["figures"].items():
            lines.append(
                f"| {corpus} | {row['n']} | {row['unweighted_accuracy']:.3f} "
                f"| {row['ece_before']:.3f} | {row['ece']:.3f} | {refusals(row)} |"
            )
    return "\n".join(lines)
