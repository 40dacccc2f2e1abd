"""From a finished run to what ships: fp16 weights, temperatures, metrics and a model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mer_core.checkpoint import (
    CONFIG_FILE,
    METRICS_FILE,
    load_checkpoint,
    save_checkpoint,
    write_json,
)
from train.config import Experiment
from train.evaluation import evaluate
from train.stages import tokenizer_of

CARD_TEMPLATE = Path(__file__).parent / "model_card.md"


def export(
    run: Path, folder: Path, experiment: Experiment, root: Path, cache: Path | None = None
) -> dict[str, Any]:
    """Write `run`'s framework to `folder` at half precision, evaluate it there, add the card.

    The figures are those of the very weights that ship, after rounding to fp16.
    """
    save_checkpoint(folder, load_checkpoint(run).framework, half=True, experiment=experiment.name)
    return evaluate_folder(folder, experiment, root, cache)


def evaluate_folder(
    folder: Path, experiment: Experiment, root: Path, cache: Path | None = None, seed: int = 0
) -> dict[str, Any]:
    """Measure a checkpoint in place; writes `metrics.json`, temperatures and the card."""
    checkpoint = load_checkpoint(folder)
    framework = checkpoint.framework
    tokenize = tokenizer_of(framework)
    metrics = evaluate(framework, experiment, root, tokenize, cache=cache, seed=seed)
    config = {**checkpoint.config, "temperatures": metrics["temperatures"]}
    write_json(folder / CONFIG_FILE, config)
    write_json(folder / METRICS_FILE, metrics)
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    card = CARD_TEMPLATE.read_text("utf-8").format(
        table=metrics_table(metrics), megabytes=f"{size / 2**20:.1f}"
    )
    (folder / "README.md").write_text(card, "utf-8")
    return metrics


def metrics_table(metrics: dict[str, Any]) -> str:
    """One Markdown row a test set and branch."""
    lines = [
        "| test set | branch | n | UA [95 %] | WA | macro-F1 | ECE |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, conditions in metrics["sets"].items():
        for condition, report in conditions.items():
            low, high = report["unweighted_accuracy_95"]
            lines.append(
                f"| {name} | {condition} | {report['n']} "
                f"| {report['unweighted_accuracy']:.3f} [{low:.2f}, {high:.2f}] "
                f"| {report['weighted_accuracy']:.3f} | {report['macro_f1']:.3f} "
                f"| {report['ece']:.3f} |"
            )
    return "\n".join(lines)
