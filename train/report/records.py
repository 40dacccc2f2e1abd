"""`runs.jsonl`: one line for every run of a cross-validation; tables are made from it alone.

A line holds counts by dialogue or speaker, no item and no path, so that the file may be committed
where the corpus may not be published.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock

from mer_core.atlas.reference import Pairing
from mer_core.files import write_atomically
from train.evaluate.held_out import Classes, View
from train.evaluate.subsets import Subset
from train.evaluate.tally import Tally
from train.protocols.speakers import Speakers, UnitKind

RUNS_FILE = "runs.jsonl"


class Selection(StrEnum):
    """What chose the epoch that tests."""

    INNER_FOLD = "inner fold"  # a whole one of those that do not test, the next in turn
    NONE = "none"  # a fixed number of epochs; the inner fold trains


@dataclass(frozen=True)
class Protocol:
    """What figures of several runs mean.

    Attributes:
        unit: What is left out as a whole.
        units: How many the corpus has.
        folds: To which they were dealt; each is tested once.
        selection: What chose the epoch.
        pairing: How a framework's training pairs came about; None of a single encoder. It is always
            tested on natural pairs.
    """

    unit: UnitKind
    units: int
    folds: int
    selection: Selection
    pairing: Pairing | None


@dataclass(frozen=True)
class System:
    """What is the same in all folds and seeds of a cross-validation.

    Attributes:
        experiment: Name of the configuration.
        corpus: Tested, and the only one trained on.
        protocol: Of the test.
        config: Hash of the settings without the seed, see `config_digest`.
        data: Hash of the corpus.
    """

    experiment: str
    corpus: str
    protocol: Protocol
    config: str
    data: str


@dataclass(frozen=True)
class Peeked:
    """The literature's figure: the epoch that is best on the test fold itself.

    Attributes:
        epoch: From 1, of the highest UA.
        tally: Of the leading condition, in the widest classes.
    """

    epoch: int
    tally: Tally


@dataclass(frozen=True)
class RunRecord:
    """One run: one fold of one seed.

    Attributes:
        system: To which it belongs.
        code: Commit or version that trained it.
        seed: Of weights, order and dropout.
        fold: From 1.
        test: Speakers who were tested.
        inner: Speakers who chose the epoch and the temperatures; empty: nothing was chosen.
        epoch: Whose weights were tested; None for an average of several runs.
        temperatures: Condition → T.
        tallies: View → counts.
        best_test_epoch: Only if asked for; never a result.
    """

    system: System
    code: str
    seed: int
    fold: int
    test: Speakers
    inner: Speakers
    epoch: int | None
    temperatures: dict[str, float]
    tallies: dict[View, Tally]
    best_test_epoch: Peeked | None = None

    @property
    def key(self) -> tuple[System, int, int]:
        """What no two lines share."""
        return self.system, self.seed, self.fold

    def line(self) -> str:
        """As a line of the file, figures in front of the counts that they are made from."""
        peeked = self.best_test_epoch
        row: dict[str, Any] = {
            **asdict(self.system),
            "code": self.code,
            "seed": self.seed,
            "fold": self.fold,
            "test": list(self.test),
            "inner": list(self.inner),
            "epoch": self.epoch,
            "temperatures": self.temperatures,
            "results": [_result(tally, asdict(view)) for view, tally in self.tallies.items()],
            "best_test_epoch": peeked and _result(peeked.tally, {"epoch": peeked.epoch}),
        }
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def parse(cls, line: str) -> RunRecord:
        """From a line; figures are not read, as they follow from the counts."""
        row: dict[str, Any] = json.loads(line)
        peeked = row["best_test_epoch"]
        return cls(
            System(
                row["experiment"],
                row["corpus"],
                _protocol(row["protocol"]),
                row["config"],
                row["data"],
            ),
            row["code"],
            row["seed"],
            row["fold"],
            tuple(row["test"]),
            tuple(row["inner"]),
            row["epoch"],
            row["temperatures"],
            {_view(result): Tally.parse(result) for result in row["results"]},
            peeked and Peeked(peeked["epoch"], Tally.parse(peeked)),
        )


def _result(tally: Tally, about: Mapping[str, Any]) -> dict[str, Any]:
    return {**about, "figures": asdict(tally.figures()), **tally.record()}


def _protocol(row: Mapping[str, Any]) -> Protocol:
    return Protocol(
        UnitKind(row["unit"]),
        row["units"],
        row["folds"],
        Selection(row["selection"]),
        Pairing(row["pairing"]) if row["pairing"] else None,
    )


def _view(row: Mapping[str, Any]) -> View:
    return View(row["condition"], Classes(row["classes"]), Subset(row["subset"]))


def read_records(path: Path) -> list[RunRecord]:
    """The lines of a file; none if there is no file.

    What a killed process left of a last line is not read.

    Raises:
        ValueError: A line is damaged.
    """
    return _parse(path.read_text("utf-8"), path) if path.is_file() else []


def _parse(text: str, path: Path) -> list[RunRecord]:
    records = []
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        try:
            records.append(RunRecord.parse(line))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path}, line {number}: not a run of `crossval` ({error!r}); delete the line, and "
                "the next `crossval` writes it anew."
            ) from None
    return records


def add_record(path: Path, record: RunRecord) -> None:
    """Add a line, unless the file has this run.

    Several processes may do so at once; one waits for the other.

    Raises:
        ValueError: The file has this run with other figures.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        text = path.read_text("utf-8") if path.is_file() else ""
        merged = merge([*_parse(text, path), record])
        after = "".join(f"{one.line()}\n" for one in merged)
        if after.startswith(text) and text.endswith("\n" if text else ""):
            with path.open("ab", buffering=0) as file:
                file.write(after.removeprefix(text).encode())
        else:  # the last line is half written, or a known run has been looked at more closely
            write_atomically(path, lambda file: file.write_text(after, "utf-8"))


def merge(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Each run once, in the order of their first lines.

    Raises:
        ValueError: A run occurs with different figures.
    """
    found: dict[tuple[System, int, int], RunRecord] = {}
    for record in records:
        known = found.setdefault(record.key, record)
        if _answers(known) != _answers(record):
            raise ValueError(
                f"Seed {record.seed}, fold {record.fold} of {record.system.experiment} on "
                f"{record.system.corpus} occurs twice with different figures (code {known.code} "
                f"and {record.code}); leave one of them out."
            )
        if known.best_test_epoch is None and record.best_test_epoch is not None:
            found[record.key] = replace(known, best_test_epoch=record.best_test_epoch)
    return list(found.values())


def _answers(record: RunRecord) -> dict[View, Any]:
    return {view: tally.record() for view, tally in record.tallies.items()}


def read_all(paths: Sequence[Path]) -> list[RunRecord]:
    """The runs of several files, each once.

    Raises:
        ValueError: A file is missing or damaged, or a run occurs with different figures.
    """
    for path in paths:
        if not path.is_file():
            raise ValueError(f"{path} is missing; `python -m train crossval` writes such files.")
    return merge(record for path in paths for record in read_records(path))
