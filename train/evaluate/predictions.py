"""What a run predicts of examples: logits and labels, on disk without pickle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mer_core.data import Example
from mer_core.files import write_atomically
from mer_core.metrics.recognition import recognition_report
from train.evaluate.protocol import Floats
from train.evaluate.tally import Tally


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
        units: (N,) dialogues of the examples or, where there are none, their groups.
        names: (N,) of the examples' files without folder and ending; empty for texts.
    """

    logits: Floats
    truth: NDArray[np.int64]
    labels: tuple[str, ...]
    corpora: NDArray[np.str_]
    groups: NDArray[np.str_]
    splits: NDArray[np.str_]
    units: NDArray[np.str_]
    names: NDArray[np.str_]

    @classmethod
    def of(
        cls, logits: Floats, examples: Sequence[Example], labels: tuple[str, ...]
    ) -> Predictions:
        """Those of N examples, from logits (N, C)."""

        def column(values: Sequence[str]) -> NDArray[np.str_]:
            return np.array(values, dtype=np.str_)

        return cls(
            logits,
            np.array([labels.index(e.emotion) for e in examples], dtype=np.int64),
            labels,
            column([e.corpus for e in examples]),
            column([e.group for e in examples]),
            column([e.split for e in examples]),
            column([e.dialogue or e.group for e in examples]),
            column([e.path.stem if e.path else "" for e in examples]),
        )

    @classmethod
    def blank(cls, examples: Sequence[Example], labels: tuple[str, ...]) -> Predictions:
        """Of N examples, without an answer to any."""
        logits = np.full((len(examples), len(labels)), np.nan, dtype=np.float32)
        return cls.of(logits, examples, labels)

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

    def among(self, names: Sequence[str] = ()) -> Predictions:
        """Of the examples with one of some labels, choosing among these alone.

        They become the labels of the result, in their order; by default, they are all that occur.
        """
        occurring = {self.labels[i] for i in self.truth}
        classes = tuple(names) or tuple(name for name in self.labels if name in occurring)
        columns = np.array([self.labels.index(name) for name in classes], dtype=np.int64)
        kept = self.part(np.isin(self.truth, columns))
        index = {int(column): i for i, column in enumerate(columns)}
        truth = np.array([index[int(i)] for i in kept.truth], dtype=np.int64)
        return replace(kept, logits=kept.logits[:, columns], truth=truth, labels=classes)

    def report(self, names: Sequence[str] = (), seed: int = 0) -> dict[str, Any]:
        """Figures among some classes, or among all that occur; see `recognition_report`."""
        own = self.among(names)
        return recognition_report(own.truth, own.logits, own.labels, groups=own.groups, seed=seed)

    def tally(self, temperature: float = 1.0) -> Tally:
        """Counts of what is right and what is taken for what, by unit."""
        return Tally.of(self.truth, self.logits, self.labels, self.units, temperature)


def pooled(parts: Sequence[Predictions]) -> Predictions:
    """Several runs' predictions, one after another."""
    fields = [name for name, value in vars(parts[0]).items() if isinstance(value, np.ndarray)]
    rows: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in fields
    }
    return replace(parts[0], **rows)
