"""The documents: links lead somewhere, the README stays short, and stated facts agree."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from mer_core import __version__
from mer_core.checkpoints.shipped import DEFAULT_MODEL, WHISPER
from mer_core.metrics.catalogue import METRICS, Need, Null
from train.__main__ import parser
from train.evaluate.tables import metrics_table
from train.evaluate.words import words_table
from train.report.records import read_all
from train.report.writers import chapters, markdown

ROOT = Path(__file__).resolve().parents[1]
WORDS = 1_300  # of the README, without its front matter
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "LICENSE.md",
    ROOT / "assets" / "default" / "LICENSE.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
COMMANDS = (
    "pip install -r requirements.txt && python app.py",
    "pip install -r requirements-dev.txt && python -m pytest -n 2",
)


def front_matter_and_text() -> tuple[str, str]:
    _, front_matter, text = (ROOT / "README.md").read_text("utf-8").split("---\n", 2)
    return front_matter, text


def headings(document: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    lines = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line).lower().replace(" ", "-") for line in lines}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_exist(document: Path) -> None:
    for target in LINK.findall(document.read_text("utf-8")):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = unquote(target).partition("#")
        linked = (document.parent / name).resolve() if name else document
        assert linked.exists(), target
        assert linked.is_relative_to(ROOT), target
        if anchor:
            assert anchor in headings(linked), target


def test_every_document_is_linked_from_the_readme() -> None:
    linked = set(LINK.findall(front_matter_and_text()[1]))
    for document in (ROOT / "docs").iterdir():
        if document.suffix in {".md", ".ipynb"}:
            assert f"docs/{document.name}" in linked
    assert {"CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff"} <= linked


def test_the_readme_is_short_and_has_both_commands() -> None:
    _, text = front_matter_and_text()
    assert len(text.split()) <= WORDS
    assert all(f"```sh\n{command}\n```" in text for command in COMMANDS)


def test_the_front_matter_fits_the_hub() -> None:
    """The Hub asks for a name, and for `LICENSE` or `LICENSE.md`, where a licence is `other`."""
    fields = dict(re.findall(r"^(\w+): *(.+)$", front_matter_and_text()[0], re.MULTILINE))
    assert fields["license"] == "other"
    assert re.fullmatch(r"[a-z0-9.-]+", fields["license_name"])
    assert fields["license_link"] == "LICENSE.md"
    assert (ROOT / fields["app_file"]).is_file()
    constraints = (ROOT / "constraints.txt").read_text("utf-8")
    assert f"\ngradio=={fields['sdk_version']}\n" in constraints


def test_the_version_is_the_same_everywhere() -> None:
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\n## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_architecture_names_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for top in ("mer_core", "train"):
        for init in (ROOT / top).rglob("__init__.py"):
            assert f"{init.parent.name}/" in text, init.parent


def test_stated_training_commands_parse() -> None:
    """Every full `python -m train` line in a code block has options that exist."""
    for document in DOCUMENTS:
        for block in re.findall(r"```sh\n(.*?)```", document.read_text("utf-8"), re.DOTALL):
            for line in block.splitlines():
                arguments = line.partition("#")[0].split()
                for start in (["python", "-m", "train"], ["attune", "train"]):
                    if arguments[: len(start)] == start:
                        parser().parse_args(arguments[len(start) :])
                if arguments[:1] in (["accelerate"], ["torchrun"]):
                    parser().parse_args(arguments[arguments.index("train") + 1 :])


def test_every_measure_is_documented_with_its_question_and_direction() -> None:
    arrows = {"higher": " ↑", "lower": " ↓", "": ""}
    (rows,) = tables("docs/measures.md")
    documented = [(name.removesuffix(" *"), question) for name, question, *_ in rows]
    assert documented == [
        (
            metric.title.format(x="x", y="y") + arrows[metric.better],
            metric.question.format(x="x", y="y"),
        )
        for metric in METRICS.values()
    ]
    starred = [name.endswith(" *") for name, *_ in rows]
    assert starred == [Need.PAIRS in metric.needs for metric in METRICS.values()]
    chance = {
        Null.MODALITIES: "modality",
        Null.EMOTIONS: "emotion",
        Null.PARTNERS: "partner",
        Null.DIRECTIONS: "direction",
    }
    nulls = [cell.partition(":")[0] for _, _, cell, _ in rows]
    assert nulls == [chance[metric.null] for metric in METRICS.values()]


def tables(document: str) -> list[list[list[str]]]:
    """The cells of every table's rows, without its header."""
    blocks = re.findall(r"(?:^\|.*\n)+", (ROOT / document).read_text("utf-8"), re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()[2:]]
        for block in blocks
    ]


def recognition_table(file: Path) -> str:
    """Of a `metrics.json`, without the tables of fusion below."""
    return metrics_table(json.loads(file.read_text("utf-8"))).partition("\n\n")[0]


def measured() -> list[list[str]]:
    """n, UA, WA, macro-F1, ECE, refused: of every test set and branch, from the shipped metrics."""
    files = sorted(DEFAULT_MODEL.glob("*/metrics.json"))
    lines = [line for file in files for line in recognition_table(file).splitlines()[2:]]
    return [[cell.strip() for cell in line.strip("|").split("|")][2:8] for line in lines]


def test_figures_of_the_readme_are_the_measured_ones() -> None:
    (rows,) = tables("README.md")
    assert len(rows) <= 6
    known = {(n, ua, ece) for n, ua, _, _, ece, _ in measured()}
    assert all((n, ua, ece) in known for *_, n, ua, ece in rows)


def test_figures_of_the_results_are_the_measured_ones() -> None:
    mgcma, _, foal_net = tables("docs/results.md")[:3]
    known = measured()
    for *_, n, ua, wa, f1, ece, refused, _ in [*mgcma, *foal_net]:
        assert [n, ua, wa, f1, ece, refused] in known


@pytest.mark.parametrize(("index", "framework"), [(1, "mgcma"), (3, "foal_net")])
def test_figures_of_fusion_are_the_measured_ones(index: int, framework: str) -> None:
    file = DEFAULT_MODEL / framework / "metrics.json"
    stored = metrics_table(json.loads(file.read_text("utf-8")))
    for pairs, half, alone, both, *differences in tables("docs/results.md")[index]:
        gain, cost = (difference.replace("−", "-") for difference in differences)
        assert f"| {pairs} | {half} | {both} | {alone} | {gain} |" in stored
        assert cost == "–" or f"| {cost} |" in stored


@pytest.mark.parametrize(("index", "framework"), [(4, "mgcma"), (5, "foal_net")])
def test_figures_of_the_ablations_are_the_stored_ones(index: int, framework: str) -> None:
    """Each `mean ± std` is in the row of the same strategy of the table that `ablate` wrote."""
    stored = (ROOT / "assets" / "ablation" / framework / "ablation.md").read_text("utf-8")
    for name, *cells in tables("docs/results.md")[index]:
        strategy = name.partition(":")[0].lower().replace(" ", "")
        rows = "".join(re.findall(rf"^\| {re.escape(strategy)} \|.*", stored, re.MULTILINE))
        assert rows, strategy
        for figure in re.findall(r"\d\.\d+ ± \d\.\d+", " ".join(cells)):
            assert figure in rows, (strategy, figure)


@pytest.mark.parametrize("modality", ["speech", "text"])
def test_figures_of_the_encoders_are_the_measured_ones(modality: str) -> None:
    metrics = DEFAULT_MODEL / modality / "metrics.json"
    table = metrics_table(json.loads(metrics.read_text("utf-8")))
    assert table in (ROOT / "docs" / "results.md").read_text("utf-8")


@pytest.mark.parametrize("runs", sorted((ROOT / "assets" / "crossval").glob("*.jsonl")), ids=str)
def test_cross_validated_figures_are_those_of_the_records(runs: Path) -> None:
    results = (ROOT / "docs" / "results.md").read_text("utf-8")
    assert runs.name in results
    (chapter,) = chapters(read_all([runs]), beside=False)
    rows = [
        line
        for line in markdown(chapter.tables).splitlines()
        if " ± " in line and line.startswith("| ")
    ]
    views = [row for row in rows if "| pooled |" in row or "| mean of folds |" in row]
    folds = [row for row in rows if re.match(r"\| \d+ \|", row)]
    assert views
    assert folds
    assert all(row in results for row in [*views, *folds])


def test_word_error_rates_of_the_results_are_the_measured_ones() -> None:
    metrics = json.loads((WHISPER / "metrics.json").read_text("utf-8"))
    for document in (ROOT / "docs" / "results.md", WHISPER / "README.md"):
        assert words_table(metrics) in document.read_text("utf-8")
