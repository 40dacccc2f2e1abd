"""From a finished run to what ships: fp16 weights, temperatures, metrics and a model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mer_core.checkpoints.checkpoint import (
    ABOVE,
    CONFIG_FILE,
    METRICS_FILE,
    load_checkpoint,
    save_checkpoint,
    write_json,
)
from mer_core.frameworks.descriptor import DESCRIPTORS
from train.config import Experiment
from train.evaluate.encoders import evaluate_encoder
from train.evaluate.frameworks import evaluate
from train.protocols.crossfit import crossfit_words, load_crossfit
from train.publish.card import write_card


def head_name(experiment: Experiment) -> str:
    """Folder of an experiment's result within a bundle: its framework, or the encoder's name."""
    framework = str(experiment.architecture["framework"])
    return framework if framework in DESCRIPTORS else experiment.name


def export(
    run: Path,
    bundle: Path,
    experiment: Experiment,
    root: Path,
    cache: Path | None = None,
    crossfit: Path | None = None,
) -> dict[str, Any]:
    """Write `run`'s framework into `bundle` at half precision, evaluate it there, renew the card.

    The figures are those of the weights that ship, after rounding to fp16.

    Raises:
        ValueError: The bundle holds another encoder of the same modality.
    """
    head = bundle / head_name(experiment)
    framework = load_checkpoint(run).framework
    save_checkpoint(head, framework, half=True, shared=True, experiment=experiment.name)
    return evaluate_folder(head, experiment, root, cache, crossfit=crossfit)


def evaluate_folder(
    folder: Path,
    experiment: Experiment,
    root: Path,
    cache: Path | None = None,
    seed: int = 0,
    out: Path | None = None,
    crossfit: Path | None = None,
    split: str = "test",
) -> dict[str, Any]:
    """Measure a checkpoint.

    Writes `metrics.json`, temperatures and a bundle's card into the checkpoint; with `out`, it
    writes only `metrics.json`, there. Temperatures are those of `crossfit`, a folder that
    `train.protocols.crossfit` wrote, as far as it has them.

    Raises:
        ValueError: `crossfit` is of another experiment, or not finished; or figures of another
            split than `test` have no folder of their own.
    """
    if split != "test" and out is None:
        raise ValueError("Figures of development data need a folder of their own: give --out.")
    checkpoint = load_checkpoint(folder)
    measure = evaluate if len(experiment.sources) > 1 else evaluate_encoder
    fitted = load_crossfit(crossfit, experiment) if crossfit else None
    metrics = measure(
        checkpoint.framework, experiment, root, cache=cache, seed=seed,
        temperatures=fitted["temperatures"] if fitted else None, split=split,
    )  # fmt: skip
    if fitted:
        metrics["protocol"]["temperatures"] = crossfit_words(fitted)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / METRICS_FILE, metrics)
        return metrics
    config = {**checkpoint.config, "temperatures": metrics["temperatures"]}
    write_json(folder / CONFIG_FILE, config)
    write_json(folder / METRICS_FILE, metrics)
    if config.get("encoders_in") == ABOVE:
        write_card(folder.parent)
    return metrics
