"""The ablation table of one framework: what `python -m train ablate` measured, read for the page.

Also what has to be said beside it. A gap is easily closed by drawing everything onto one point, so
no figure of alignment is to be read without spread and accuracy.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mer_core.frameworks.descriptor import BEFORE

Kind = Literal["collapse", "accuracy", "retrieval", "apart", "told apart"]

COLLAPSE_RISE = 0.5  # of uniformity: exp(−2 d²), averaged over pairs, grows by e^0.5, or 1.6 times
TOLD_APART = 0.95  # a probe from here on still knows nearly every item's modality
PROTOCOL_NAMES = ("figures", "space", "items", "pairing", "interval", "clear", "chance")


@dataclass(frozen=True)
class Cell:
    """One figure of one strategy; `mean` is None where it does not exist, and `reason` says why.

    Attributes:
        mean: Over seeds.
        std: Over seeds, or None for a single one.
        seeds: Each seed's own value.
        difference: From the strategy that all are compared with, or None where that lacks it.
        interval: 95 % of `difference`, (low, high), or None where it was not measured.
        clear: The interval leaves 0 out, and all seeds lie beyond all of the other strategy's.
        reason: Why there is no figure; empty where there is one.
    """

    mean: float | None = None
    std: float | None = None
    seeds: tuple[float, ...] = ()
    difference: float | None = None
    interval: tuple[float, float] | None = None
    clear: bool = False
    reason: str = ""

    @property
    def direction(self) -> int:
        """+1 or −1 for a clear rise or fall, else 0: what tables call chance is never warned of."""
        if not self.clear or self.difference is None:
            return 0
        return int(self.difference > 0) - int(self.difference < 0)


@dataclass(frozen=True)
class Protocol:
    """How the figures came about.

    Attributes:
        split: Of the data, such as `test`.
        sets: Names of what was measured on.
        seeds: Of the runs.
        modalities: The leading one first; `x` and `y` in names of figures.
        notes: Further sentences by what they are about, of `PROTOCOL_NAMES`.
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
        """The same from what the file holds.

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
    )
    numbers = [cell.mean, cell.std, *cell.seeds, cell.difference, *(cell.interval or ())]
    if not all(value is None or math.isfinite(value) for value in numbers):
        raise ValueError(f"{name} holds a number that is not finite.")
    return cell


@dataclass(frozen=True)
class Verdict:
    """What a strategy's figures must not be read without.

    Attributes:
        kind: Which rule found it.
        severe: Whether it is a warning; else a note.
        text: One or two plain sentences.
    """

    kind: Kind
    severe: bool
    text: str


def verdicts(ablation: Ablation, strategy: str) -> tuple[Verdict, ...]:
    """Whether alignment looks good for the wrong reason, warnings first; nothing for `BEFORE`.

    Raises:
        ValueError: The strategy was not measured.
    """
    row = ablation.row(strategy)
    if strategy == BEFORE:
        return ()
    met = _met(row)
    found = [_collapse(row) if met else None, *_prices(row, met)]
    found.append(_apart(row) or _told_apart(row))
    return tuple(verdict for verdict in found if verdict is not None)


def _moved(row: Mapping[str, Cell], figure: str) -> int:
    return row.get(figure, Cell()).direction


def _met(row: Mapping[str, Cell]) -> str:
    """What came closer; empty if nothing did. A sharp temperature gathers emotions, not clouds."""
    if _moved(row, "modality_gap") < 0:
        return "The clouds"
    return "Items of one emotion" if _moved(row, "alignment_emotion") < 0 else ""


def _collapse(row: Mapping[str, Cell]) -> Verdict | None:
    """Spread lost within a modality, and not only because two separate clouds became one.

    Clouds that merge and stay as wide as they were raise the joint uniformity too, by up to
    log 2; so each modality's own one has to rise as well, where it was measured.
    """
    joint = row.get("uniformity_joint", Cell())
    own = [row[name] for name in ("uniformity_x", "uniformity_y") if name in row]
    rise = joint.difference or 0.0
    if joint.direction <= 0 or rise < COLLAPSE_RISE or joint.mean is None:
        return None
    if own and not any(cell.direction > 0 for cell in own):
        return None
    return Verdict(
        "collapse",
        True,
        f"The clouds shrank: joint uniformity rose by {rise:.2f} to {_minus(f'{joint.mean:.2f}')}, "
        "where 0 means that everything lies on one point. Part of what looks like alignment is "
        "lost spread.",
    )


def _prices(row: Mapping[str, Cell], met: str) -> list[Verdict | None]:
    return [
        _fell(row, "unweighted_accuracy", "accuracy", "recognition fell: unweighted accuracy", met),
        _fell(row, "precision_at_5", "retrieval", "one emotion finds itself less often: P@5", met),
    ]


def _fell(row: Mapping[str, Cell], figure: str, kind: Kind, what: str, met: str) -> Verdict | None:
    cell = row.get(figure, Cell())
    if cell.direction >= 0 or cell.difference is None or cell.interval is None:
        return None
    low, high = cell.interval
    said = f"{met} came closer, but {what}" if met else f"{what[0].upper()}{what[1:]}"
    numbers = f"{signed(cell.difference)} (95%: {signed(low)} to {signed(high)})"
    return Verdict(kind, True, f"{said} {numbers}.")


def _apart(row: Mapping[str, Cell]) -> Verdict | None:
    """A sharp temperature: better retrieval, yet clouds that are more separate than before."""
    gap, separate = row.get("modality_gap", Cell()), row.get("silhouette_modality", Cell())
    found = row.get("precision_at_5", Cell())
    if found.direction <= 0 or max(gap.direction, separate.direction) <= 0:
        return None
    if gap.direction > 0:
        seen = f"lie further apart (modality gap {signed(gap.difference or 0)})"
    else:
        seen = f"are more separate (silhouette by modality {signed(separate.difference or 0)})"
    return Verdict(
        "apart",
        False,
        "This setting finds the same emotion across modalities more often "
        f"(P@5 {signed(found.difference or 0)}), yet the clouds {seen}. A sharp temperature is "
        "known to do that: it sorts by emotion and keeps the modalities apart.",
    )


def _told_apart(row: Mapping[str, Cell]) -> Verdict | None:
    """A smaller gap does not make modalities indistinguishable."""
    probe = row.get("modality_probe", Cell())
    if _moved(row, "modality_gap") >= 0 or probe.mean is None or probe.mean < TOLD_APART:
        return None
    return Verdict(
        "told apart",
        False,
        "The centres came closer, but the modalities are still told apart: a linear probe names "
        f"the right one for {100 * probe.mean:.0f}% of the items (50% would be guessing).",
    )


def signed(value: float) -> str:
    """Three digits with a sign, a true minus among them: `+0.012`, `−0.640`, `0.000`."""
    return "0.000" if abs(value) < 0.0005 else _minus(f"{value:+.3f}")


def _minus(number: str) -> str:
    return number.replace("-", "−")
