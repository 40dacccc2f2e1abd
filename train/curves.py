"""Curves of a run, from its log."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def save_curves(log: Path, picture: Path) -> None:
    """Draw losses and development figures of a JSONL log over the epochs, as PNG."""
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    epochs = [row["epoch"] for row in rows]
    losses = sorted({key for row in rows for key in row if key.startswith("train_")})
    figures = sorted({key for row in rows for key in row} - {*losses, "epoch", "seconds"})
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, keys, title in ((left, losses, "training losses"), (right, figures, "development")):
        for key in keys:
            axis.plot(epochs, [row.get(key) for row in rows], marker=".", label=key)
        axis.set(xlabel="epoch", title=title)
        axis.grid(alpha=0.3)
        if keys:
            axis.legend(fontsize="small")
    figure.savefig(picture, dpi=110)
    plt.close(figure)
