"""Results of many runs → mean ± std over seeds and paired differences; JSON, CSV, Markdown, PNG."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mer_core.checkpoints.checkpoint import write_json
from mer_core.metrics.catalogue import AHEAD, METRICS, RECOGNITION
from mer_core.metrics.nulls import SHUFFLES
from train.ablation.figures import save_figure
from train.ablation.measure import HALVES, PER_LABEL
from train.ablation.recognition import RESAMPLES
from train.data.pairs import SetKind, SetName, pairing_sentence
from train.evaluate.measures import FIGURES

ROUNDING = 1e-9  # smaller differences are rounding errors
NATURAL_SETS = f"{SetKind.NATURAL}/…"
ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}
SECTIONS = {
    "Recognition of pairs": tuple(RECOGNITION),
    "Do the clouds meet?": (
        "mixing",
        "modality_gap",
        "distribution_gap",
        "centroid_share",
        "relative_gap_emotion",
        "modality_probe",
        "mmd2_fixed",
        "mmd2",
        "silhouette_modality",
    ),
    "How widely are the clouds spread?": (
        "uniformity_x",
        "uniformity_y",
        "uniformity_joint",
        "effective_rank_x",
        "effective_rank_y",
    ),
    "Is an emotion found in the other modality?": (
        "precision_at_1",
        "precision_at_5_xy",
        "precision_at_5_yx",
        "v_measure",
        "silhouette_emotion",
        "alignment_emotion",
        "foscttm_emotion",
        "w2_ratio_emotion",
    ),
    "The same clouds before alignment": AHEAD,
    "Of natural pairs only": tuple(name for name in METRICS if FIGURES[name].needs_pairs),
}

Result = dict[str, Any]


def summarise(
    results: Mapping[str, Sequence[Result]], title: str, *, reference: str, split: str
) -> dict[str, Any]:
    """Rows of figures, each `mean`, `std`, `seeds` and `null`, or a `reason` for having none.

    `null` is the figure's null line: what it would be if there were nothing to find.

    Also `difference` from the reference row and `difference_95`: means over seeds, with the spread
    over the items that both were measured on. `clear` also compares the seeds, because those
    intervals do not cover the choice of the seed.
    """
    base = results[reference]
    rows = {
        name: {figure: _cell(figure, runs, base) for figure in runs[0]["figures"]}
        for name, runs in results.items()
    }
    first = next(iter(results.values()))[0]
    speakers = {SetName.parse(name): count for name, count in first["speakers"].items()}
    protocol = {
        "split": split,
        "sets": list(first["sets"]),
        "seeds": [run["seed"] for run in results[reference]],
        "reference": reference,
        "modalities": first["modalities"],
        **_protocol_words([SetName.parse(name) for name in first["sets"]], speakers),
    }
    return {"title": title, "protocol": protocol, "rows": rows}


def _protocol_words(sets: Collection[SetName], speakers: Mapping[SetName, int]) -> dict[str, str]:
    """What the figures of these sets mean; `speakers` holds how many each set has."""
    words = {
        "pairing": pairing_sentence(sets),
        "figures": "mean over the paired sets; mean ± std over seeds",
        "space": "pooled embeddings of each modality alone, after alignment and before fusion",
        "items": f"at most {PER_LABEL} a label, modality and set, as many of each",
        "interval": f"95 % over what was measured on, averaged over seeds: {RESAMPLES} paired "
        f"bootstraps of the speakers for recognition ({_resampled(speakers)}), {HALVES} paired "
        "half-samples of the items for alignment",
        "clear": "the interval leaves 0 out and all seeds of the one lie beyond all of the other",
        "chance": "what a metric gives where there is nothing to find, because the modality, the "
        "emotion or the partner of the items, or the direction of their embeddings, is left to "
        f"chance; the mean over all ways to do so, or over {SHUFFLES} seeded ones",
    }
    if any(name.is_natural for name in sets):
        words["items"] += f"; in {NATURAL_SETS} whole pairs"
        if not all(name.is_natural for name in sets):
            words["figures"] += f"; what asks for natural pairs: the mean over {NATURAL_SETS} alone"
    return words


def _resampled(speakers: Mapping[SetName, int]) -> str:
    """How many speakers the sets have; partner corpora add none.

    So sets with the same leading corpus are named once, unless pairing left them other speakers.
    """
    counts: dict[str, set[int]] = {}
    for name, count in speakers.items():
        counts.setdefault(name.lead, set()).add(count)
    by_title = {
        name.lead if len(counts[name.lead]) == 1 else str(name): count
        for name, count in speakers.items()
    }
    words = ", ".join(f"{count} in {title}" for title, count in by_title.items())
    if alone := [title for title, count in by_title.items() if count == 1]:
        *before, last = alone
        titles = f"{', '.join(before)} and {last}" if before else last
        words += (
            f"; of {titles} the clips were resampled instead, so that the interval "
            f"speaks for {'those speakers' if before else 'that one speaker'} only"
        )
    return words


def _cell(figure: str, runs: Sequence[Result], base: Sequence[Result]) -> Result:
    values = [run["figures"][figure] for run in runs]
    if None in values:
        return {"reason": runs[0]["reasons"][figure]}
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    null = float(np.mean([run["nulls"][figure] for run in runs]))
    cell: Result = {"mean": float(np.mean(values)), "std": spread, "seeds": values, "null": null}
    if base[0]["figures"][figure] is None:
        return cell
    cell["difference"] = cell["mean"] - float(np.mean([run["figures"][figure] for run in base]))
    if figure in runs[0]["replicates"]:
        ours, theirs = (
            np.mean([run["replicates"][figure] for run in some], axis=0) for some in (runs, base)
        )
        low, high = (float(v) for v in np.percentile(ours - theirs, [2.5, 97.5]))
        cell["difference_95"] = [low, high]
        cell["clear"] = (low > ROUNDING or high < -ROUNDING) and _separated(
            values, [run["figures"][figure] for run in base]
        )
    return cell


def _separated(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether the ranges of the two do not overlap; needs two seeds of each."""
    separated = min(ours) > max(theirs) or max(ours) < min(theirs)
    return separated and min(len(ours), len(theirs)) > 1


def write_tables(summary: dict[str, Any], stem: Path) -> None:
    """Write `stem` + `.json`, `.csv`, `.md` and `.png`."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    write_json(_with(stem, ".json"), summary)
    _with(stem, ".md").write_text(markdown(summary), "utf-8")
    with _with(stem, ".csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["row", "figure", "mean", "std", "seeds", "difference", "low_95", "high_95", "reason",
             "null"]
        )  # fmt: skip
        for name, cells in summary["rows"].items():
            for figure, cell in cells.items():
                low, high = cell.get("difference_95", ("", ""))
                seeds = " ".join(str(value) for value in cell.get("seeds", ()))
                parts = [cell.get("mean"), cell.get("std"), seeds, cell.get("difference")]
                ends = [cell.get("reason"), cell.get("null")]
                writer.writerow([name, figure, *parts, low, high, *ends])
    save_figure(summary, _with(stem, ".png"), lambda figure: heading(figure, summary))


def markdown(summary: dict[str, Any]) -> str:
    """Title, protocol, one table a section, and why figures are missing."""
    protocol = summary["protocol"]
    lines = [
        f"### {summary['title']}",
        "",
        f"Split: {protocol['split']}; {', '.join(protocol['sets'])}. Seeds "
        f"{', '.join(str(seed) for seed in protocol['seeds'])}. Pairs are drawn "
        f"{protocol['pairing']}. Each figure: {protocol['figures']}. Below it, the difference from "
        f"`{protocol['reference']}` and its interval: {protocol['interval']}. Bold: "
        f"{protocol['clear']}.",
        "",
        f"Alignment metrics: {protocol['space']}; {protocol['items']}. Chance: "
        f"{protocol['chance']}.",
    ]
    for title, figures in SECTIONS.items():
        lines += ["", f"#### {title}", "", *_section(figures, summary)]
    return "\n".join(lines) + "\n"


def _section(figures: Sequence[str], summary: dict[str, Any]) -> list[str]:
    """A table; figures that no row has are listed with their reason instead of empty columns."""
    rows = summary["rows"]
    absent = [f for f in figures if all("reason" in cells[f] for cells in rows.values())]
    present = [f for f in figures if f not in absent]
    lines = []
    if present:
        header = " | ".join(heading(figure, summary) for figure in present)
        lines += [f"| | {header} |", "|---" * (len(present) + 1) + "|"]
        for name, cells in rows.items():
            texts = [_text(cells[figure], summary, name) for figure in present]
            lines.append(f"| {name} | {' | '.join(texts)} |")
        nulls = " | ".join(_by_chance(rows, figure) for figure in present)
        lines += [f"| *by chance* | {nulls} |", ""]
        lines += [f"- {heading(f, summary)}: {question(f, summary)}" for f in present]
        lines.append("")
    for why in dict.fromkeys(_reasons(present, rows)):
        lines.append(f"– : {why}.")
    grouped: dict[str, list[str]] = {}
    for figure in absent:
        for why in dict.fromkeys(_reasons([figure], rows)):
            grouped.setdefault(why, []).append(heading(figure, summary))
    lines += [f"*Not computed: {', '.join(names)}: {why}.*" for why, names in grouped.items()]
    return lines[:-1] if lines and not lines[-1] else lines


def _by_chance(rows: Mapping[str, Any], figure: str) -> str:
    """The null line of all rows: one number, or from the smallest to the largest."""
    nulls = [cells[figure]["null"] for cells in rows.values() if "null" in cells[figure]]
    ends = dict.fromkeys(f"{value:.3f}" for value in (min(nulls), max(nulls)))
    return " to ".join(ends)


def _reasons(figures: Sequence[str], rows: Mapping[str, Any]) -> list[str]:
    cells = [row[figure] for figure in figures for row in rows.values()]
    return [cell["reason"] for cell in cells if "reason" in cell]


def _text(cell: Result, summary: dict[str, Any], name: str) -> str:
    if "reason" in cell:
        return "–"
    text = f"{cell['mean']:.3f}" + ("" if cell["std"] is None else f" ± {cell['std']:.3f}")
    if "difference" not in cell or name == summary["protocol"]["reference"]:
        return text
    if "difference_95" not in cell:
        return f"{text}<br>{cell['difference']:+.3f}"
    low, high = cell["difference_95"]
    change = f"{cell['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
    return f"{text}<br>**{change}**" if cell["clear"] else f"{text}<br>{change}"


def heading(name: str, summary: dict[str, Any]) -> str:
    """A figure's title, with an arrow towards the better values."""
    metric = FIGURES[name].metric
    x, y = summary["protocol"]["modalities"]
    return metric.title.format(x=x, y=y) + ARROWS[metric.better]


def question(name: str, summary: dict[str, Any]) -> str:
    """What a figure answers."""
    x, y = summary["protocol"]["modalities"]
    return FIGURES[name].metric.question.format(x=x, y=y)


def _with(stem: Path, suffix: str) -> Path:
    """`stem` + `suffix`; the stem may contain dots."""
    return stem.parent / (stem.name + suffix)
