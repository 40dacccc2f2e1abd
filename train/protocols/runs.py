"""One run of a protocol: train an encoder on some speakers, predict others; resumable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mer_core.data import Example, load_corpus
from mer_core.emotions import LABEL_SETS
from train.ablation.runs import RunPaths
from train.config import Experiment
from train.data.tasks import half_of
from train.evaluate.encoders import encoder_logits
from train.evaluate.predictions import Predictions
from train.identity import check_claim, claim, data_digest, identity
from train.protocols.speakers import Speakers
from train.stages import fit_experiment
from train.state import forget_state

PREDICTIONS_FILE = "predictions.npz"


def every_example(
    corpus: str, experiment: Experiment, paths: RunPaths, modality: str
) -> list[Example]:
    """All examples of a corpus, of every split, that have one of the experiment's labels."""
    labels = LABEL_SETS[experiment.labels]
    read = (half_of(e, modality) for e in load_corpus(corpus, paths.root, labels=labels))
    return [example for example in read if example]


def trained_on(
    experiment: Experiment, corpora: dict[str, float], train: Speakers, test: Speakers = ()
) -> Experiment:
    """The experiment on some speakers of some corpora; nothing is selected on any of them.

    Raises:
        ValueError: It has several sources.
    """
    if len(experiment.sources) != 1:
        raise ValueError("This protocol is for an experiment with one source.")
    ((modality, source),) = experiment.sources.items()
    speakers = {"train": train, **({"test": test} if test else {})}
    return replace(
        experiment,
        sources={modality: replace(source, corpora=corpora, speakers=speakers)},
        optim=replace(experiment.optim, select=False),
    )


def run(
    experiment: Experiment, examples: Sequence[Example], paths: RunPaths, folder: Path
) -> Predictions:
    """Train (or resume) in `folder` and predict `examples`, unless that is already done.

    Raises:
        ValueError: The folder holds a run with other settings or data.
    """
    own = identity(experiment, {}, data_digest(experiment, paths.root))
    check_claim(folder, own)
    stored = folder / PREDICTIONS_FILE
    if stored.exists():
        return Predictions.load(stored)
    claim(folder, own)
    cache = paths.cache or folder
    framework = fit_experiment(experiment, paths.root, folder, paths.device, cache)
    (logits,) = encoder_logits(framework.to(paths.device), experiment, [examples], cache)
    predictions = Predictions.of(logits, examples, framework.labels)
    predictions.save(stored)
    forget_state(folder)  # nothing left to resume
    return predictions
