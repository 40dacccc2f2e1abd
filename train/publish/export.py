"""From a finished run to what ships: fp16 weights, temperatures, metrics and a model card."""

from __future__ import annotations

import json
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
from train.config import Experiment
from train.evaluate.encoder import evaluate_encoder
from train.evaluate.evaluation import evaluate
from train.stages import tokenizer_of

CARD_TEMPLATE = Path(__file__).parent / "model_card.md"
CARD_FILE = "README.md"


def head_name(experiment: Experiment) -> str:
    """Folder of an experiment's result within a bundle: its framework, or one encoder's name."""
    name = str(experiment.architecture["framework"])
    return experiment.name if name == "unimodal" else name


def export(
    run: Path, bundle: Path, experiment: Experiment, root: Path, cache: Path | None = None
) -> dict[str, Any]:
    """Write `run`'s framework into `bundle` at half precision, evaluate it there, renew the card.

    The figures are those of the very weights that ship, after rounding to fp16.

    Raises:
        ValueError: The bundle holds another encoder of the same modality.
    """
    head = bundle / head_name(experiment)
    framework = load_checkpoint(run).framework
    save_checkpoint(head, framework, half=True, shared=True, experiment=experiment.name)
    return evaluate_folder(head, experiment, root, cache)


def evaluate_folder(
    folder: Path, experiment: Experiment, root: Path, cache: Path | None = None, seed: int = 0
) -> dict[str, Any]:
    """Measure a checkpoint in place; writes `metrics.json`, temperatures and a bundle's card."""
    checkpoint = load_checkpoint(folder)
    framework = checkpoint.framework
    measure = evaluate if len(experiment.sources) > 1 else evaluate_encoder
    metrics = measure(framework, experiment, root, tokenizer_of(framework), cache=cache, seed=seed)
    config = {**checkpoint.config, "temperatures": metrics["temperatures"]}
    write_json(folder / CONFIG_FILE, config)
    write_json(folder / METRICS_FILE, metrics)
    if config.get("encoders_in") == ABOVE:
        write_card(folder.parent)
    return metrics


def write_card(bundle: Path) -> None:
    """The model card of everything in a bundle."""
    tables = [
        f"### {file.parent.name}\n\n{metrics_table(json.loads(file.read_text('utf-8')))}"
        for file in sorted(bundle.glob(f"*/{METRICS_FILE}"))
    ]
    size = sum(file.stat().st_size for file in bundle.rglob("*.safetensors"))
    card = CARD_TEMPLATE.read_text("utf-8").format(
        tables="\n\n".join(tables), megabytes=f"{size / 2**20:.1f}"
    )
    (bundle / CARD_FILE).write_text(card, "utf-8")


def metrics_table(metrics: dict[str, Any]) -> str:
    """One Markdown row a test set and branch, then how well pairs are matched."""
    lines = [
        "| test set | branch | n | UA [95 %] | WA [95 %] | macro-F1 | ECE |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [
        (name, condition, report)
        for name, conditions in metrics["sets"].items()
        for condition, report in conditions.items()
    ]
    rows += [(name, "match", report) for name, report in metrics.get("matching", {}).items()]
    for name, condition, report in rows:
        cells = [
            f"{report[key]:.3f} [{report[f'{key}_95'][0]:.2f}, {report[f'{key}_95'][1]:.2f}]"
            for key in ("unweighted_accuracy", "weighted_accuracy")
        ]
        lines.append(
            f"| {name} | {condition} | {report['n']} | {' | '.join(cells)} "
            f"| {report['macro_f1']:.3f} | {report['ece']:.3f} |"
        )
    return "\n".join(lines)
