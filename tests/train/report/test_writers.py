"""Reports from records alone: Markdown, LaTeX, CSV, PNG."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from matplotlib import image

from mer_core.data import CORPORA
from tests.train.report.made import record, study, system
from train.report.published import published, published_on
from train.report.records import add_record, read_all
from train.report.summary import comparisons, studies
from train.report.tables import PEEKED, tables
from train.report.writers import chapters, escape, latex, markdown, write_report


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two corpora, from a file of lines."""
    folder = tmp_path_factory.mktemp("report")
    runs = folder / "runs.jsonl"
    for one in [
        *study(system(), peeked=True), *study(system("weak_one"), 0.5),
        *study(system("speech", "ravdess")), record(system("begun"), 1, 1),
    ]:  # fmt: skip
        add_record(runs, one)
    files = write_report(read_all([runs]), folder / "report")
    assert [file.name for file in files] == [
        "report.md", "report.tex", "report.csv", "report-iemocap.png", "report-ravdess.png",
    ]  # fmt: skip
    return folder / "report"


def test_ours_and_theirs_with_their_protocols(written: Path) -> None:
    text = (written / "report.md").read_text("utf-8")
    (pooled,) = (s for s in studies(study(system(), peeked=True)))
    ua = pooled.results[pooled.leading].pooled["unweighted_accuracy"]
    ours = re.search(r"^\| mgcma_iemocap \|.*$", text, re.MULTILINE)
    assert ours is not None
    assert f"{100 * ua.mean:.2f} ± {100 * ua.std:.2f} [" in ours[0]
    assert "leave one session out (3 folds); epoch from another whole fold" in ours[0]
    assert "| MGCMA (2025) | speech, text | 4 | – | 78.87 | 80.24 | – | – |" in text
    foal = re.search(r"^\| Foal-Net \(2024\) \|.*$", text, re.MULTILINE)
    assert foal is not None
    assert "| 79.45 | 80.10 |" in foal[0]
    assert "on the test session" in foal[0]
    memo = re.search(r"^\| MemoCMT.*$", text, re.MULTILINE)
    assert memo is not None
    assert "random split" in memo[0]
    assert "begun: not counted, because folds are missing: seed 1." in text
    assert re.search(rf"^\| mgcma_iemocap: {PEEKED} \|.*best epoch on the test fold", text, re.M)
    assert f"{PEEKED}: the epoch was chosen on the test fold itself" in text


def test_published_rows_are_shown_beside_their_corpus_only(written: Path) -> None:
    text = (written / "report.md").read_text("utf-8")
    before, _, after = text.partition("### ravdess: results")
    assert "MemoCMT" in before
    assert not any(row.system in after for row in published())


def test_every_row_has_a_corpus_a_protocol_and_a_source() -> None:
    assert len(published_on("iemocap")) >= 10
    for row in published():
        assert row.corpus in CORPORA
        assert row.protocol
        assert row.selection
        assert row.source
        assert row.url.startswith("https://")
        figures = [row.weighted_accuracy, row.unweighted_accuracy]
        assert any(figures)
        assert all(value is None or 25 < value < 100 for value in figures)
    assert len({row.system for row in published()}) == len(published())


def test_latex_prints_what_markdown_does(written: Path) -> None:
    text = (written / "report.tex").read_text("utf-8")
    assert text.count(r"\begin{table}") == text.count(r"\end{table}")
    assert text.count(r"\begin{table}") == (written / "report.md").read_text("utf-8").count("### ")
    assert r"mgcma\_iemocap & " in text
    assert not re.search(r"(?<!\\)[%_&#](?! )", text.replace(r"\ ", ""))
    for row in re.findall(r"^(?!\\).*\\\\$", text, re.MULTILINE):
        assert " & " in row
    assert escape("50 % ± a_b\\c") == r"50 \% $\pm$ a\_b\textbackslash{}c"


def test_the_sheet_has_every_figure_as_a_fraction(written: Path) -> None:
    with (written / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    cut = rows.index([])
    header, *figures = rows[:cut]
    named = [dict(zip(header, row, strict=True)) for row in figures]
    (found,) = studies(study(system(), peeked=True))
    result = found.results[found.leading]
    (row,) = [
        row for row in named
        if (row["system"], row["reads"], row["items"], row["over"], row["figure"])
        == ("mgcma_iemocap", "both", "all items", "pooled", "macro_f1")
    ]  # fmt: skip
    assert float(row["mean"]) == result.pooled["macro_f1"].mean
    assert (float(row["low_95"]), float(row["high_95"])) == result.pooled["macro_f1"].interval
    folds = {row["over"] for row in named}
    assert folds == {"pooled", "mean of folds", "fold 1", "fold 2", "fold 3"}
    assert rows[cut + 1][-1] == "p_holm"
    assert all(0 < float(row[-1]) <= 1 for row in rows[cut + 2 :])


def test_pictures_have_a_row_for_each_system(written: Path) -> None:
    wide, narrow = (
        image.imread(str(written / f"report-{name}.png")) for name in ("iemocap", "ravdess")
    )
    assert wide.shape[0] > 2 * narrow.shape[0]  # published rows beside ours
    assert wide[..., :3].std() > 0.02


def test_tables_fit_their_headers_and_need_no_published_row() -> None:
    found = studies(study(system()))
    for table in tables("iemocap", found, comparisons(found)):
        assert all(len(row) == len(table.header) for row in table.rows)
    (own,) = chapters(study(system()), beside=False)
    assert own.published == []
    assert "MemoCMT" not in markdown(own.tables) + latex(own.tables)
