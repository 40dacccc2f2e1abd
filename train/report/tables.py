"""The tables of a report, as text in cells; Markdown and LaTeX are made from the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mer_core.atlas.reference import Pairing
from mer_core.emotions import FOUR
from mer_core.metrics.catalogue import RECOGNITION
from train.evaluate.held_out import View
from train.evaluate.subsets import Subset
from train.protocols.speakers import UnitKind
from train.report.published import Published
from train.report.records import Selection, System
from train.report.summary import (
    FIGURES,
    INTERVAL_RESAMPLES,
    TEST_RESAMPLES,
    Comparison,
    Estimate,
    Result,
    Study,
    subset_views,
)

NOTHING = "–"
ECE = "ece"  # the only figure that is not in percent
LEFT_OUT = {
    UnitKind.SESSION: "leave one session out",
    UnitKind.SPEAKER: "leave one speaker out",
}
PAIRED = {
    Pairing.NATURAL: "",
    Pairing.LABEL: "trained on pairs by label, tested on natural ones",
    None: "",
}
PEEKED = "best_test_epoch"
HEADINGS = {name: metric.title for name, metric in RECOGNITION.items()}


@dataclass(frozen=True)
class Table:
    """Text in rows.

    Attributes:
        title: Heading.
        header: Of the columns.
        rows: As wide as the header.
        notes: Paragraphs below.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def tables(
    corpus: str,
    found: Sequence[Study],
    tested: Sequence[Comparison],
    others: Sequence[Published] = (),
) -> list[Table]:
    """All tables of one corpus: beside published results, by view, by fold, subsets, tests."""
    made = [_overview(corpus, found, others)]
    for study in found:
        if not study.results:
            continue
        made += [_views(study), _folds(study)]
        if views := subset_views(study):
            made.append(_subsets(study, views))
    if tested:
        made.append(_tests(corpus, tested))
    return made


def percent(estimate: Estimate, name: str) -> str:
    """`mean ± std [95 %]`, in percent but for the ECE."""
    scale, digits = (1, 3) if name == ECE else (100, 2)
    text = f"{scale * estimate.mean:.{digits}f}"
    if estimate.std is not None:
        text += f" ± {scale * estimate.std:.{digits}f}"
    if estimate.interval:
        low, high = (f"{scale * bound:.{digits}f}" for bound in estimate.interval)
        text += f" [{low}, {high}]"
    return text


def protocol_words(system: System) -> str:
    """Who tests and what chose the epoch."""
    fixed = system.protocol.selection is Selection.NONE
    chosen = "epochs fixed" if fixed else "epoch from another whole fold"
    trained = PAIRED[system.protocol.pairing]
    return "; ".join(filter(None, (_folds_words(system), chosen, trained)))


def _folds_words(system: System) -> str:
    rule = system.protocol
    if rule.folds < rule.units:
        return f"{rule.units} {rule.unit}s dealt to {rule.folds} folds"
    if rule.unit is UnitKind.PUBLISHED_FOLD:
        return f"{rule.folds} {rule.unit}s"
    return f"{LEFT_OUT[rule.unit]} ({rule.folds} folds)"


def _overview(corpus: str, found: Sequence[Study], others: Sequence[Published]) -> Table:
    rows = [row for study in found for row in _own_rows(study)]
    rows += [_published_row(row) for row in others]
    notes = [
        "Ours: all items of the corpus, each tested once; mean ± standard deviation over seeds, in "
        f"brackets the 95 % interval of {INTERVAL_RESAMPLES} bootstraps over dialogues or speakers "
        "of the mean over seeds. WA, UA and macro-F1 in percent.",
    ]
    if any(study.best_test_epoch for study in found):
        notes.append(
            f"{PEEKED}: the epoch was chosen on the test fold itself, as in much of the "
            "literature. It is no result of ours, and only comparable to rows that were selected "
            "so."
        )
    notes += [note for study in found for note in _missing(study)]
    header = ("system", "reads", "classes", "seeds", *_headings(), "protocol", "source")
    return Table(f"{corpus}: results", header, tuple(rows), tuple(notes))


def _own_rows(study: Study) -> Iterator[tuple[str, ...]]:
    if not study.results:
        return
    view = study.leading
    reads = ", ".join(_modalities(study))
    seeds = str(len(study.seeds))
    source = f"code {', '.join(study.codes)}"
    rows = [(study.title, study.results[view], protocol_words(study.system))]
    if study.best_test_epoch:
        words = f"{_folds_words(study.system)}; best epoch on the test fold"
        rows.append((f"{study.title}: {PEEKED}", study.best_test_epoch, words))
    for title, result, words in rows:
        classes = str(result.tables.shape[2])  # of (S, G, C, C + 1)
        yield title, reads, classes, seeds, *_cells(result), words, source


def _published_row(row: Published) -> tuple[str, ...]:
    figures = {name: getattr(row, name, None) for name in FIGURES}
    cells = [NOTHING if value is None else f"{value:.2f}" for value in figures.values()]
    words = f"{row.protocol}; epoch chosen: {row.selection}"
    about = (row.system, row.reads, str(len(FOUR)), NOTHING)
    return *about, *cells, words, f"{row.source}, {row.url}"


def _missing(study: Study) -> Iterator[str]:
    if study.incomplete:
        seeds = ", ".join(map(str, study.incomplete))
        yield f"{study.title}: not counted, because folds are missing: seed {seeds}."


def _views(study: Study) -> Table:
    rows = []
    for view, result in study.results.items():
        if view.subset is Subset.EVERYTHING:
            counts = (str(result.n), str(result.units), _refused(result))
            about = (view.condition, str(view.classes), *counts)
            rows.append((*about, "pooled", *_cells(result)))
            folds = [percent(result.over_folds[name], name) for name in FIGURES]
            rows.append((*about, "mean of folds", *folds))
    header = ("reads", "classes", "n", "units", "refused", "over", *_headings())
    notes = (
        "Pooled: ± over seeds. Mean of folds: ± over folds, each the mean over seeds. Units: the "
        "dialogues or speakers that were resampled.",
        f"Protocol: {protocol_words(study.system)}; trained on {study.system.corpus} alone.",
    )
    return Table(f"{study.title} on {study.system.corpus}", header, tuple(rows), notes)


def _folds(study: Study) -> Table:
    result = study.results[study.leading]
    rows = tuple(
        (str(i + 1), *(percent(result.folds[name][i], name) for name in FIGURES))
        for i in range(study.system.protocol.folds)
    )
    title = f"{study.title} on {study.system.corpus}, by fold"
    return Table(title, ("fold", *_headings()), rows, (f"{_seen(study.leading)}; ± over seeds.",))


def _subsets(study: Study, views: Sequence[View]) -> Table:
    rows = tuple(
        (str(view.subset), str(study.results[view].n), *_cells(study.results[view]))
        for view in views
    )
    notes = [
        f"{Subset.NEW_WORDS.capitalize()}: the normalised transcript occurs in no other fold."
        for view in views
        if view.subset is Subset.NEW_WORDS
    ]
    title = f"{study.title} on {study.system.corpus}, subsets"
    return Table(title, ("items", "n", *_headings()), rows, tuple(notes))


def _tests(corpus: str, tested: Sequence[Comparison]) -> Table:
    rows = tuple(
        (
            f"{one.first.study.title}, {one.first.view.condition}",
            f"{one.second.study.title}, {one.second.view.condition}",
            HEADINGS[one.figure],
            f"{100 * one.difference.value:+.2f} "
            f"[{100 * one.difference.low:+.2f}, {100 * one.difference.high:+.2f}]",
            f"{one.difference.p:.4f}",
            f"{one.adjusted:.4f}",
        )
        for one in tested
    )
    note = (
        f"Paired bootstrap over dialogues or speakers ({TEST_RESAMPLES} resamples) of the "
        "difference of means over seeds, in points; two-sided p, and p after Holm's correction "
        "over all comparisons of the same figure in this table."
    )
    header = ("first", "second", "figure", "difference [95 %]", "p", "p, Holm")
    return Table(f"{corpus}: paired tests", header, rows, (note,))


def _headings() -> tuple[str, ...]:
    return tuple(HEADINGS[name] for name in FIGURES)


def _cells(result: Result) -> list[str]:
    return [percent(result.pooled[name], name) for name in FIGURES]


def _refused(result: Result) -> str:
    return f"{100 * result.refused:.1f} %"


def _seen(view: View) -> str:
    return f"{view.condition}, {view.classes} classes"


def _modalities(study: Study) -> list[str]:
    """What the leading view reads."""
    conditions = list(dict.fromkeys(view.condition for view in study.results))
    return [c for c in conditions if c != study.leading.condition] or conditions
