"""A report on disk: Markdown and LaTeX from its tables, CSV and pictures from its figures."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from train.report.figure import save_figure
from train.report.published import Published, published_on
from train.report.records import RunRecord
from train.report.summary import (
    FIGURES,
    Comparison,
    Estimate,
    Study,
    by_corpus,
    comparisons,
    studies,
)
from train.report.tables import PEEKED, Table, tables

STEM = "report"
ESCAPED = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "±": r"$\pm$", "–": "--", "×": r"$\times$", "−": "$-$",
}  # fmt: skip
COLUMNS = (
    "corpus", "system", "config", "code", "reads", "classes", "items", "over", "figure",
    "mean", "std", "low_95", "high_95", "n",
)  # fmt: skip


@dataclass(frozen=True)
class Chapter:
    """One corpus of a report.

    Attributes:
        corpus: Its name.
        studies: Of it.
        comparisons: Of them.
        published: Rows of others.
        tables: Of both.
    """

    corpus: str
    studies: list[Study]
    comparisons: list[Comparison]
    published: list[Published]
    tables: list[Table]


def chapters(records: Sequence[RunRecord], beside: bool = True) -> list[Chapter]:
    """One for each corpus; with published results, unless `beside` is false."""
    made = []
    for corpus, found in by_corpus(studies(records)).items():
        others = published_on(corpus) if beside else []
        tested = comparisons(found)
        made.append(Chapter(corpus, found, tested, others, tables(corpus, found, tested, others)))
    return made


def write_report(records: Sequence[RunRecord], folder: Path) -> list[Path]:
    """Write `report.md`, `.tex` and `.csv`, and a picture for each corpus.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = chapters(records)
    files = [folder / f"{STEM}{suffix}" for suffix in (".md", ".tex", ".csv")]
    every = [table for chapter in made for table in chapter.tables]
    files[0].write_text(markdown(every), "utf-8")
    files[1].write_text(latex(every), "utf-8")
    with files[2].open("w", encoding="utf-8", newline="") as file:
        _write_csv(made, file)
    for chapter in made:
        if any(study.results for study in chapter.studies):
            files.append(folder / f"{STEM}-{file_name(chapter.corpus)}.png")
            save_figure(chapter.corpus, chapter.studies, chapter.published, files[-1])
    return files


def file_name(corpus: str) -> str:
    """A corpus' name without what no file name may hold: some corpora are named by a path."""
    return re.sub(r"[^\w-]+", "-", corpus).strip("-")


def markdown(made: Sequence[Table]) -> str:
    """Tables under headings, notes below them."""
    parts = []
    for table in made:
        lines = [f"### {table.title}", "", _line(table.header), "|---" * len(table.header) + "|"]
        lines += [_line(row) for row in table.rows]
        for note in table.notes:
            lines += ["", note]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def latex(made: Sequence[Table]) -> str:
    r"""The same as `table` environments; they need `\usepackage{booktabs}`."""
    return "\n\n".join(_environment(table) for table in made) + "\n"


def _environment(table: Table) -> str:
    def row(cells: Sequence[str]) -> str:
        return " & ".join(map(escape, cells)) + r" \\"

    caption = escape(" ".join([f"{table.title}.", *table.notes]))
    return "\n".join(
        [
            r"\begin{table}",
            r"\caption{" + caption + "}",
            r"\begin{tabular}{" + "l" * len(table.header) + "}",
            r"\toprule",
            row(table.header),
            r"\midrule",
            *map(row, table.rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def escape(text: str) -> str:
    """Text as LaTeX prints it."""
    return "".join(ESCAPED.get(character, character) for character in text)


def _write_csv(made: Sequence[Chapter], file: TextIO) -> None:
    """Every figure of ours as a fraction, one a row."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for chapter in made:
        for study in chapter.studies:
            writer.writerows(_rows(study))
    writer.writerow([])
    writer.writerow(
        ["corpus", "first", "second", "figure", "difference", "low_95", "high_95", "p", "p_holm"]
    )
    for chapter in made:
        for one in chapter.comparisons:
            sides = [f"{s.study.title}, {s.view.condition}" for s in (one.first, one.second)]
            found = one.difference
            numbers = [found.value, found.low, found.high, found.p, one.adjusted]
            writer.writerow([chapter.corpus, *sides, one.figure, *numbers])


def _rows(study: Study) -> Iterator[list[object]]:
    system = study.system
    about = [system.corpus, study.title, system.config, " ".join(study.codes)]
    named = [
        ((view.condition, view.classes, view.subset), result)
        for view, result in study.results.items()
    ]
    if study.best_test_epoch:
        top = study.leading
        named.append(
            ((f"{top.condition}, {PEEKED}", top.classes, top.subset), study.best_test_epoch)
        )
    for (reads, classes, items), result in named:
        for name in FIGURES:
            scopes: list[tuple[str, Estimate]] = [
                ("pooled", result.pooled[name]),
                ("mean of folds", result.over_folds[name]),
                *((f"fold {i + 1}", fold) for i, fold in enumerate(result.folds[name])),
            ]
            for scope, estimate in scopes:
                low, high = estimate.interval or ("", "")
                numbers = [estimate.mean, estimate.std, low, high, result.n]
                yield [*about, reads, classes, items, scope, name, *numbers]
