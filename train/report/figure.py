"""Our results and published ones in one picture: a row for each system, UA and WA side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from train.report.published import Published
from train.report.summary import Estimate, Study
from train.report.tables import HEADINGS, PEEKED

PANELS = ("unweighted_accuracy", "weighted_accuracy")
INK, OURS, THEIRS = "#26262b", "#5b3fa0", "#8a8597"


@dataclass(frozen=True)
class Row:
    """One line of the picture.

    Attributes:
        title: Beside it.
        values: Figure → estimate in percent; a published one has no interval.
        is_result: Ours, measured without looking at the test fold.
        is_ours: Whether it is.
    """

    title: str
    values: dict[str, Estimate]
    is_result: bool = True
    is_ours: bool = True


def save_figure(
    corpus: str, found: Sequence[Study], others: Sequence[Published], picture: Path
) -> None:
    """Draw one corpus as PNG.

    Args:
        corpus: Its name.
        found: Our studies of it; those without results are left out.
        others: Published rows.
        picture: To write.
    """
    rows = [row for study in found if study.results for row in _of_study(study)]
    rows += [_of_published(row) for row in others]
    size = (10, 0.32 * len(rows) + 1.4)
    figure, axes = plt.subplots(1, len(PANELS), figsize=size, sharey=True, layout="constrained")
    for axis, name in zip(axes, PANELS, strict=True):
        for height, row in enumerate(rows):
            if name in row.values:
                _draw(axis, height, row, row.values[name])
        axis.set_xlabel(f"{HEADINGS[name]}, %", color=INK)
        axis.grid(axis="x", alpha=0.25)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(axis="y", length=0)
    axes[0].set_yticks(range(len(rows)), [row.title for row in rows], fontsize=8)
    axes[0].invert_yaxis()
    figure.suptitle(
        f"{corpus}: filled: ours, with 95 % intervals; hollow: published, or chosen on the test "
        "fold",
        fontsize=9,
    )
    figure.savefig(picture, dpi=140)
    plt.close(figure)


def _draw(axis: Axes, height: int, row: Row, estimate: Estimate) -> None:
    color = OURS if row.is_ours else THEIRS
    if estimate.interval:
        axis.plot(estimate.interval, [height, height], "-", color=color, linewidth=1.5)
    fill = color if row.is_ours and row.is_result else "white"
    axis.plot(estimate.mean, height, "o", color=color, markerfacecolor=fill, markersize=6)


def _of_study(study: Study) -> list[Row]:
    found = [Row(study.title, _in_percent(study.results[study.leading].pooled))]
    if study.best_test_epoch:
        peeked = _in_percent(study.best_test_epoch.pooled)
        found.append(Row(f"{study.title}: {PEEKED}", peeked, is_result=False))
    return found


def _in_percent(pooled: dict[str, Estimate]) -> dict[str, Estimate]:
    return {
        name: Estimate(
            100 * pooled[name].mean,
            None,
            None if (found := pooled[name].interval) is None else (100 * found[0], 100 * found[1]),
        )
        for name in PANELS
    }


def _of_published(row: Published) -> Row:
    values = {name: getattr(row, name) for name in PANELS}
    found = {name: Estimate(v, None) for name, v in values.items() if v is not None}
    return Row(row.system, found, is_ours=False)
