"""Maps as a table: one row a point, as CSV or as a data frame's columns."""

from __future__ import annotations

import csv
import importlib.util
import io
import math
from collections.abc import Sequence
from typing import Any

from mer_core.atlas.plotted import Plotted

COLUMNS = (
    "id", "x", "y", "stage", "strategy", "modality", "emotion", "corpus", "group",
    "partner_distance", "map",
)  # fmt: skip
STORED = "stored"  # a map that is not of a refit
VISITOR = "visitor"  # corpus of points that are not of the reference


def columns(shown: Sequence[Plotted]) -> dict[str, list[Any]]:
    """Column → values, of several maps below each other.

    `id` names the pair within its modality and is the same on every map; `partner_distance` is
    the cosine distance of the pair's embeddings, for distances on a map mean little; `map` is
    `stored`, or says what a refitted one was fitted with.
    """
    rows = [row for plotted in shown for row in (*_rows(plotted), *_visitors(plotted))]
    return {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}


def to_csv(shown: Sequence[Plotted]) -> str:
    """The table as CSV with a header, numbers with six digits behind the point."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    table = columns(shown)
    writer.writerow(table)
    for row in zip(*table.values(), strict=True):
        writer.writerow([_written(cell) for cell in row])
    return buffer.getvalue()


def can_write_parquet() -> bool:
    """Whether pandas finds a Parquet writer; we ask for none of our own."""
    return any(importlib.util.find_spec(name) for name in ("pyarrow", "fastparquet"))


def to_parquet(shown: Sequence[Plotted]) -> bytes:
    """The same columns as Parquet, which Apple's Embedding Atlas opens with `--x x --y y`.

    Raises:
        ValueError: Nothing here can write it.
    """
    if not can_write_parquet():
        raise ValueError("Parquet needs pyarrow or fastparquet; CSV has the same columns.")
    import pandas

    return bytes(pandas.DataFrame(columns(shown)).to_parquet(index=False))


def _rows(plotted: Plotted) -> list[tuple[Any, ...]]:
    reference, points = plotted.reference, plotted.map.points
    away = reference.distances
    rows = []
    for offset, modality in enumerate(reference.modalities):
        for i in range(len(reference)):
            x, y = points[i + offset * len(reference)]
            rows.append((
                f"{modality}-{i:05d}", float(x), float(y), plotted.stage, plotted.strategy,
                modality, reference.emotions[int(reference.labels[i])],
                _plain(reference.corpora[modality][i]), _plain(reference.groups[modality][i]),
                float(away[i]), plotted.refitted or STORED,
            ))  # fmt: skip
    return rows


def _visitors(plotted: Plotted) -> list[tuple[Any, ...]]:
    return [
        (
            f"{VISITOR}-{modality}-{i:05d}", float(x), float(y), plotted.stage, plotted.strategy,
            modality, visitor.emotion, VISITOR, _plain(visitor.name), float(visitor.apart),
            plotted.refitted or STORED,
        )
        for i, visitor in enumerate(plotted.visitors)
        for modality, (x, y) in visitor.places.items()
    ]  # fmt: skip


def _written(cell: Any) -> Any:
    """A number with six digits, nothing for one that is not there."""
    if not isinstance(cell, float):
        return cell
    return "" if math.isnan(cell) else f"{cell:.6f}"


def _plain(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name
