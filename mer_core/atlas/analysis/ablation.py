"""The ablation table of one framework, as `python -m train ablate` measured it, and its caveats.

A gap is easily closed by drawing everything onto one point, so a figure of alignment must not be
read without spread and accuracy: `verdicts` finds where it would mislead.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from mer_core.frameworks.descriptor import BEFORE

COLLAPSE_RISE = 0.5  # of uniformity: exp(−2 d²), averaged over pairs, grows by e^0.5, or 1.6 times
SEPARABLE = 0.95  # accuracy of a modality probe that still recognises nearly every item's modality
PROTOCOL_NAMES = ("figures", "space", "items", "pairing", "interval", "clear", "chance")


@dataclass(frozen=True)
class Cell:
    """One figure of one strategy; where it does not exist, `mean` is None and `reason` says why.

    Attributes:
        mean: Over seeds.
        std: Over seeds, or None for a single one.
        seeds: Each seed's own value.
        difference: From `BEFORE`, or None where that has no such figure.
        interval: 95 % of `difference`, (low, high), or None where it was not measured.
        clear: The interval excludes 0, and all seeds are beyond all of the other strategy's.
        reason: Why there is no figure; empty where there is one.
        null: Its null line: what it would be if there were nothing to find; None if not measured.
    """

    mean: float | None = None
    std: float | None = None
    seeds: tuple[float, ...] = ()
    difference: float | None = None
    interval: tuple[float, float] | None = None
    clear: bool = False
    reason: str = ""
    null: float | None = None

    @property
    def direction(self) -> int:
        """+1 or −1 for a clear rise or fall, else 0; what may be chance gets no caveat."""
        if not self.clear or self.difference is None:
            return 0
        return int(self.difference > 0) - int(self.difference < 0)


@dataclass(frozen=True)
class Protocol:
    """How the figures were measured.

    Attributes:
        split: Of the data, such as `test`.
        sets: Names of the data sets.
        seeds: Of the runs.
        modalities: The leading one first; `x` and `y` in names of figures.
        notes: Topic, of `PROTOCOL_NAMES` → sentence.
    """

    split: str
    sets: tuple[str, ...]
    seeds: tuple[int, ...]
    modalities: tuple[str, str]
    notes: Mapping[str, str]


@dataclass(frozen=True)
class Ablation:
    """Every strategy's figures.

    Attributes:
        title: For people.
        protocol: How it was measured.
        rows: Strategy → name of the figure → cell; `BEFORE` among the strategies.
    """

    title: str
    protocol: Protocol
    rows: Mapping[str, Mapping[str, Cell]]

    def cell(self, strategy: str, figure: str) -> Cell:
        """One figure; an empty cell with its reason if the table has no such column.

        Raises:
            ValueError: The strategy was not measured.
        """
        return self.row(strategy).get(figure, Cell(reason="was not measured"))

    def row(self, strategy: str) -> Mapping[str, Cell]:
        """All figures of one strategy.

        Raises:
            ValueError: The strategy was not measured.
        """
        if strategy not in self.rows:
            raise ValueError(f"No strategy {strategy!r} was measured; there are {list(self.rows)}.")
        return self.rows[strategy]

    @classmethod
    def load(cls, path: Path) -> Ablation:
        """Read `ablation.json`.

        Raises:
            ValueError: There is no such file, or it is no ablation.
        """
        if not path.is_file():
            raise ValueError(f"{path.name} is missing; `python -m train ablate` writes it.")
        try:
            table = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise ValueError(f"{path.name} is no JSON: {error}.") from None
        try:
            return cls.of(table)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path.name} is no ablation: {error!r}.") from None

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Ablation:
        """Make it from the file's JSON.

        Raises:
            ValueError: A figure is neither a number nor has a reason, or `BEFORE` is missing.
        """
        about = table["protocol"]
        lead, partner = about["modalities"]
        protocol = Protocol(
            str(about["split"]),
            tuple(str(name) for name in about["sets"]),
            tuple(int(seed) for seed in about["seeds"]),
            (str(lead), str(partner)),
            {name: str(about[name]) for name in PROTOCOL_NAMES if name in about},
        )
        rows = {
            str(strategy): {name: _cell(name, cell) for name, cell in row.items()}
            for strategy, row in table["rows"].items()
        }
        if BEFORE not in rows:
            raise ValueError(f"An ablation needs {BEFORE!r} to compare with; it has {list(rows)}.")
        return cls(str(table["title"]), protocol, rows)


def _cell(name: str, stored: Mapping[str, Any]) -> Cell:
    if "mean" not in stored:
        if not stored.get("reason"):
            raise ValueError(f"{name} has neither a mean nor a reason for having none.")
        return Cell(reason=str(stored["reason"]))
    interval = stored.get("difference_95")
    cell = Cell(
        float(stored["mean"]),
        None if stored.get("std") is None else float(stored["std"]),
        tuple(float(value) for value in stored.get("seeds", ())),
        None if stored.get("difference") is None else float(stored["difference"]),
        None if interval is None else (float(interval[0]), float(interval[1])),
        bool(stored.get("clear", False)),
        null=None if stored.get("null") is None else float(stored["null"]),
    )
    numbers = [cell.mean, cell.std, *cell.seeds, cell.difference, *(cell.interval or ()), cell.null]
    if not all(value is None or math.isfinite(value) for value in numbers):
        raise ValueError(f"{name} holds a number that is not finite.")
    return cell


class VerdictKind(StrEnum):
    """Why a strategy's alignment may look better than it is."""

    COLLAPSE = "collapse"  # the embeddings lost spread
    ACCURACY_FELL = "accuracy fell"
    RETRIEVAL_FELL = "retrieval fell"
    MODALITIES_APART = "modalities apart"  # retrieval improved, the modalities separated
    SEPARABLE = "separable"  # the gap shrank, yet a probe recognises the modality

    @property
    def severe(self) -> bool:
        """Whether it is a warning; else a note."""
        return self in (self.COLLAPSE, self.ACCURACY_FELL, self.RETRIEVAL_FELL)


class Closer(StrEnum):
    """What came closer together."""

    CLOUDS = "clouds"  # the two modalities
    EMOTIONS = "emotions"  # items of one emotion: what a sharp temperature gathers


@dataclass(frozen=True)
class Verdict:
    """A caveat of one strategy.

    Attributes:
        kind: Which rule applies.
        figures: Name → cell of the figures that it rests on.
        closer: What came closer, for the prices paid for it; None if nothing did.
    """

    kind: VerdictKind
    figures: Mapping[str, Cell]
    closer: Closer | None = None


def verdicts(ablation: Ablation, strategy: str) -> tuple[Verdict, ...]:
    """Whether alignment looks good for the wrong reason, warnings first; none for `BEFORE`.

    Raises:
        ValueError: The strategy was not measured.
    """
    row = ablation.row(strategy)
    if strategy == BEFORE:
        return ()
    closer = _closer(row)
    candidates = [
        _collapse(row) if closer else None,
        _fall(row, "unweighted_accuracy", VerdictKind.ACCURACY_FELL, closer),
        _fall(row, "precision_at_5", VerdictKind.RETRIEVAL_FELL, closer),
        _modalities_apart(row) or _separable(row),
    ]
    return tuple(verdict for verdict in candidates if verdict is not None)


def _direction(row: Mapping[str, Cell], figure: str) -> int:
    return row.get(figure, Cell()).direction


def _closer(row: Mapping[str, Cell]) -> Closer | None:
    if _direction(row, "modality_gap") < 0:
        return Closer.CLOUDS
    return Closer.EMOTIONS if _direction(row, "alignment_emotion") < 0 else None


def _collapse(row: Mapping[str, Cell]) -> Verdict | None:
    """Spread lost within a modality, and not only because two separate clouds became one.

    Clouds that merge at unchanged width raise the joint uniformity too, by up to log 2; so each
    modality's own uniformity has to rise as well, where it was measured.
    """
    joint = row.get("uniformity_joint", Cell())
    own = [row[name] for name in ("uniformity_x", "uniformity_y") if name in row]
    if joint.direction <= 0 or (joint.difference or 0.0) < COLLAPSE_RISE or joint.mean is None:
        return None
    if own and not any(cell.direction > 0 for cell in own):
        return None
    return Verdict(VerdictKind.COLLAPSE, {"uniformity_joint": joint})


def _fall(
    row: Mapping[str, Cell], figure: str, kind: VerdictKind, closer: Closer | None
) -> Verdict | None:
    """A price paid for alignment."""
    cell = row.get(figure, Cell())
    if cell.direction >= 0 or cell.interval is None:
        return None
    return Verdict(kind, {figure: cell}, closer)


def _modalities_apart(row: Mapping[str, Cell]) -> Verdict | None:
    """A sharp temperature: better retrieval, yet clouds that are more separate than before."""
    if _direction(row, "precision_at_5") <= 0:
        return None
    for figure in ("modality_gap", "silhouette_modality"):
        if _direction(row, figure) > 0:
            figures = {name: row[name] for name in ("precision_at_5", figure)}
            return Verdict(VerdictKind.MODALITIES_APART, figures)
    return None


def _separable(row: Mapping[str, Cell]) -> Verdict | None:
    """A smaller gap does not make modalities indistinguishable."""
    probe = row.get("modality_probe", Cell())
    if _direction(row, "modality_gap") >= 0 or probe.mean is None or probe.mean < SEPARABLE:
        return None
    return Verdict(VerdictKind.SEPARABLE, {"modality_probe": probe})
