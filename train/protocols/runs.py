"""One run of a protocol: train an encoder on some speakers, predict others; resumable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mer_core.data import Example
from mer_core.metrics.recognition import recognition_report
from train.ablation.runs import RunPaths
from train.config import Experiment
from train.data.tasks import class_indices
from train.evaluate.encoders import encoder_logits
from train.evaluate.protocol import Floats
from train.files import write_atomically
from train.identity import check_claim, claim, data_digest, identity
from train.protocols.speakers import Speakers
from train.stages import fit_experiment
from train.state import forget_state

PREDICTIONS_FILE = "predictions.npz"


@dataclass(frozen=True)
class Predictions:
    """What a run predicts of N examples; a file of it holds no pickle.

    Attributes:
        logits: (N, C); NaN where an example was refused.
        truth: (N,) indices into `labels`.
        labels: The C classes.
        corpora: (N,) of the examples.
        groups: (N,) speakers of the examples.
        splits: (N,) of the examples, as the corpora name them.
    """

    logits: Floats
    truth: NDArray[np.int64]
    labels: tuple[str, ...]
    corpora: NDArray[np.str_]
    groups: NDArray[np.str_]
    splits: NDArray[np.str_]

    def save(self, path: Path) -> None:
        """Write a file; an unfinished write never replaces a complete one."""

        def write(file: Path) -> None:
            with file.open("wb") as opened:  # NumPy would append `.npz` to a name
                np.savez(opened, **{**vars(self), "labels": np.array(self.labels)})

        write_atomically(path, write)

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Read a file."""
        with np.load(path, allow_pickle=False) as archive:
            arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
        return cls(**{**arrays, "labels": tuple(arrays["labels"].tolist())})

    def part(self, chosen: NDArray[np.bool_]) -> Predictions:
        """Some of the examples, by an (N,) mask."""
        rows: dict[str, Any] = {
            name: value[chosen]
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray)
        }
        return replace(self, **rows)

    def report(self, names: Sequence[str] = (), seed: int = 0) -> dict[str, Any]:
        """Figures among some classes, or among all that occur; see `recognition_report`."""
        occurring = {self.labels[i] for i in self.truth}
        classes = tuple(names) or tuple(name for name in self.labels if name in occurring)
        columns = np.array([self.labels.index(name) for name in classes])
        kept = self.part(np.isin(self.truth, columns))
        index = {int(column): i for i, column in enumerate(columns)}
        return recognition_report(
            [index[int(i)] for i in kept.truth],
            kept.logits[:, columns],
            classes,
            groups=kept.groups,
            seed=seed,
        )


def pooled(parts: Sequence[Predictions]) -> Predictions:
    """Several runs' predictions, one after another."""
    fields = [name for name, value in vars(parts[0]).items() if isinstance(value, np.ndarray)]
    rows: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in fields
    }
    return replace(parts[0], **rows)


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
    predictions = Predictions(
        logits,
        class_indices(examples, framework.labels).numpy(),
        framework.labels,
        np.array([e.corpus for e in examples]),
        np.array([e.group for e in examples]),
        np.array([e.split for e in examples]),
    )
    predictions.save(stored)
    forget_state(folder)  # nothing left to resume
    return predictions
