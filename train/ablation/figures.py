"""Small multiples of an ablation: a panel for each figure, a row for each strategy.

Dots are seeds, and the light tick in a row is the figure's null line.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

PANELS = (
    "unweighted_accuracy",
    "weighted_accuracy",
    "macro_f1",
    "ece",
    "mixing",
    "modality_gap",
    "modality_probe",
    "precision_at_5",
    "v_measure",
    "silhouette_emotion",
    "silhouette_modality",
    "uniformity_joint",
)
COLUMNS = 4
INK, DOT, BAR, NULL = "#26262b", "#a9a4b8", "#5b3fa0", "#d9a441"


def save_figure(summary: dict[str, Any], picture: Path, title: Callable[[str], str]) -> None:
    """Draw means with their std over seeds; a figure that does not exist is left out.

    Args:
        summary: As `summarise` makes it.
        picture: PNG to write.
        title: Figure → heading of its panel.
    """
    rows = summary["rows"]
    names = list(rows)
    lines = -(-len(PANELS) // COLUMNS)
    size = (2.4 * COLUMNS + 1.6, lines * (0.26 * len(names) + 1.0) + 0.4)
    figure, axes = plt.subplots(
        lines, COLUMNS, figsize=size, sharey=True, layout="constrained", squeeze=False
    )
    for axis, name in zip(axes.flat, PANELS, strict=True):
        cells = [rows[strategy][name] for strategy in names]
        for row, cell in enumerate(cells):
            if "reason" in cell:
                continue
            seeds = cell["seeds"]
            axis.plot(cell["null"], row, "|", color=NULL, markersize=9, markeredgewidth=2)
            axis.plot(seeds, [row] * len(seeds), "o", color=DOT, markersize=4)
            spread = cell["std"] or 0.0
            axis.errorbar(
                cell["mean"], row, xerr=spread, fmt="D", color=BAR, markersize=5, capsize=3
            )
        if all("reason" in cell for cell in cells):
            axis.text(0.5, 0.5, "not computed", transform=axis.transAxes, ha="center", color=DOT)
        axis.set_title(title(name), fontsize=9, color=INK)
        axis.grid(axis="x", alpha=0.25)
        axis.tick_params(labelsize=8, colors=INK)
        axis.tick_params(axis="y", length=0)
        axis.locator_params(axis="x", nbins=4)
        axis.spines[["top", "right", "left"]].set_visible(False)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].invert_yaxis()
    figure.suptitle(
        f"{summary['title']}: mean ± std over seeds, dots are seeds, ticks what chance gives",
        fontsize=10,
    )
    figure.savefig(picture, dpi=140)
    plt.close(figure)
