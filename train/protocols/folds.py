"""Leave speakers out: every fold of a corpus is tested by a run that was trained on the others.

The number of epochs is fixed and nothing is selected, so that every speaker tests once and none
selects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mer_core.checkpoints.checkpoint import write_json
from mer_core.data import Example, load_corpus
from mer_core.emotions import FOUR, LABEL_SETS
from train.ablation.runs import RunPaths
from train.config import Experiment
from train.data.tasks import half_of
from train.evaluate.tables import refusals
from train.protocols.runs import Predictions, pooled, run, trained_on
from train.protocols.speakers import Speakers, dealt, speakers_of, units_of

KEYS = ("unweighted_accuracy", "weighted_accuracy")


def leave_speakers_out(
    experiment: Experiment, corpus: str, paths: RunPaths, count: int = 0
) -> dict[str, Any]:
    """Figures of every fold of one corpus, and their mean and standard deviation.

    Writes a folder for each fold, `folds.json` and `folds.md` to `paths.out`.

    Args:
        experiment: Of one source, of which only `corpus` is used.
        corpus: Name in `CORPORA`.
        paths: Data, results, device.
        count: Folds; 0: the published ones, or one for each speaker.
    """
    ((modality, _),) = experiment.sources.items()
    examples = every_example(corpus, experiment, paths, modality)
    units = units_of(corpus, speakers_of(examples))
    folds = dealt(units, count or len(units))
    parts = [
        held_out(experiment, {corpus: 1.0}, examples, folds, i, paths) for i in range(len(folds))
    ]
    result = {
        "experiment": experiment.name,
        "seed": experiment.seed,
        "corpus": corpus,
        "epochs": experiment.optim.epochs,
        "speakers": [list(fold) for fold in folds],
        "folds": [summary(part) for part in parts],
        "pooled": summary(pooled(parts)),
    }
    paths.out.mkdir(parents=True, exist_ok=True)
    write_json(paths.out / "folds.json", result)
    (paths.out / "folds.md").write_text(folds_table(result) + "\n", "utf-8")
    return result


def held_out(
    experiment: Experiment,
    corpora: dict[str, float],
    examples: Sequence[Example],
    folds: Sequence[Speakers],
    index: int,
    paths: RunPaths,
) -> Predictions:
    """What a run that was trained on the other folds predicts of one."""
    others = tuple(sorted(n for i, fold in enumerate(folds) if i != index for n in fold))
    fold = trained_on(experiment, corpora, others, folds[index])
    print(f"fold {index + 1} of {len(folds)}: {', '.join(folds[index])}", flush=True)
    held = [e for e in examples if e.group in folds[index]]
    return run(fold, held, paths, paths.out / f"fold_{index + 1}")


def every_example(
    corpus: str, experiment: Experiment, paths: RunPaths, modality: str
) -> list[Example]:
    """All examples of a corpus, of every split, that have one of the experiment's labels."""
    labels = LABEL_SETS[experiment.labels]
    read = (half_of(e, modality) for e in load_corpus(corpus, paths.root, labels=labels))
    return [example for example in read if example]


def summary(predictions: Predictions) -> dict[str, Any]:
    """`all`: among every class that occurs; `four`: among the four classes."""
    return {"all": predictions.report(), "four": predictions.report(FOUR)}


def folds_table(result: Mapping[str, Any]) -> str:
    """A Markdown row for each fold, then mean ± standard deviation over the folds."""
    lines = [
        "| fold | n | UA | WA | UA, 4 classes | WA, 4 classes | refused |",
        "|---|---|---|---|---|---|---|",
    ]
    for i, fold in enumerate(result["folds"]):
        cells = [f"{fold[kind][key]:.3f}" for kind in ("all", "four") for key in KEYS]
        refused = refusals(fold["all"])
        lines.append(f"| {i + 1} | {fold['all']['n']} | {' | '.join(cells)} | {refused} |")
    cells = []
    for kind in ("all", "four"):
        for key in KEYS:
            values = [fold[kind][key] for fold in result["folds"]]
            cells.append(f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}")
    total = result["pooled"]["all"]
    lines.append(f"| mean ± std | {total['n']} | {' | '.join(cells)} | {refusals(total)} |")
    return "\n".join(lines)
