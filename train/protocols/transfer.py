"""Leave a corpus out: trained on all speakers of one, tested on all of another, in four classes.

Nothing of the other corpus is used in training, and nothing is selected: the number of epochs is
fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mer_core.checkpoints.checkpoint import write_json
from mer_core.emotions import FOUR
from train.ablation.runs import RunPaths
from train.config import Experiment
from train.evaluate.tables import refusals
from train.protocols.runs import every_example, run, trained_on
from train.protocols.speakers import speakers_of


def transfer(experiment: Experiment, paths: RunPaths) -> dict[str, Any]:
    """Figures of every corpus of the experiment's source on every other one.

    Writes a folder for each corpus, `transfer.json` and `transfer.md` to `paths.out`.

    Raises:
        ValueError: The source has one corpus only.
    """
    ((modality, source),) = experiment.sources.items()
    examples = {c: every_example(c, experiment, paths, modality) for c in source.corpora}
    if len(examples) < 2:
        raise ValueError("Transfer needs a source with several corpora.")
    rows = []
    for corpus, own in examples.items():
        others = [e for c, found in examples.items() if c != corpus for e in found]
        one = trained_on(experiment, {corpus: 1.0}, speakers_of(own))
        predictions = run(one, others, paths, paths.out / f"from_{corpus}")
        for target in (c for c in examples if c != corpus):
            chosen = predictions.part(predictions.corpora == target)
            tested = chosen.part(chosen.splits == "test")
            figures = {"all_speakers": chosen.report(FOUR), "test_speakers": tested.report(FOUR)}
            rows.append({"from": corpus, "to": target, **figures})
    result = {"experiment": experiment.name, "seed": experiment.seed, "rows": rows}
    paths.out.mkdir(parents=True, exist_ok=True)
    write_json(paths.out / "transfer.json", result)
    (paths.out / "transfer.md").write_text(transfer_table(result) + "\n", "utf-8")
    return result


def transfer_table(result: Mapping[str, Any]) -> str:
    """A Markdown row for each pair of corpora."""
    lines = [
        "| experiment | trained on | tested on | n | UA [95 %] | WA | refused "
        "| UA, test speakers only |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        report, tested = row["all_speakers"], row["test_speakers"]
        low, high = report["unweighted_accuracy_95"]
        lines.append(
            f"| {result['experiment']} | {row['from']} | {row['to']} | {report['n']} "
            f"| {report['unweighted_accuracy']:.3f} [{low:.2f}, {high:.2f}] "
            f"| {report['weighted_accuracy']:.3f} | {refusals(report)} "
            f"| {tested['unweighted_accuracy']:.3f} |"
        )
    return "\n".join(lines)
