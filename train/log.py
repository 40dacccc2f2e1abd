"""The log of a run, and its curves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

LOG_FILE, CURVES_FILE = "log.jsonl", "curves.png"
LOSS_PREFIX = "train_"  # of a loss term's key in the log


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: one line of the log.

    Attributes:
        epoch: Counted from 1.
        losses: Term → mean over the epoch.
        figures: Of the development split.
        seconds: That the epoch took.
    """

    epoch: int
    losses: dict[str, float]
    figures: dict[str, float]
    seconds: float

    def row(self) -> dict[str, float]:
        """As the log holds it."""
        losses = {f"{LOSS_PREFIX}{term}": value for term, value in self.losses.items()}
        return {"epoch": self.epoch, **losses, **self.figures, "seconds": self.seconds}

    @classmethod
    def parse(cls, line: str) -> EpochRecord:
        """A line of the log."""
        row: dict[str, Any] = json.loads(line)
        epoch, seconds = row.pop("epoch"), row.pop("seconds")
        losses = {key: row.pop(key) for key in list(row) if key.startswith(LOSS_PREFIX)}
        terms = {key.removeprefix(LOSS_PREFIX): value for key, value in losses.items()}
        return cls(epoch, terms, row, seconds)


def append_record(folder: Path, record: EpochRecord) -> None:
    """Add an epoch to the log of a run, and redraw its curves."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / LOG_FILE
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record.row()) + "\n")
    lines = log.read_text("utf-8").splitlines()
    save_curves([EpochRecord.parse(line) for line in lines], folder / CURVES_FILE)


def save_curves(records: list[EpochRecord], picture: Path) -> None:
    """Draw losses and development figures over the epochs, as PNG."""
    epochs = [record.epoch for record in records]
    panels = {
        "training losses": [record.losses for record in records],
        "development": [record.figures for record in records],
    }
    figure, axes = plt.subplots(1, len(panels), figsize=(10, 4), layout="constrained")
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        for name in sorted({name for row in values for name in row}):
            axis.plot(epochs, [row.get(name) for row in values], marker=".", label=name)
        axis.set(xlabel="epoch", title=title)
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend(fontsize="small")
    figure.savefig(picture, dpi=110)
    plt.close(figure)
