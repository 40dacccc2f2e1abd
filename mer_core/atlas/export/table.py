"""Maps as a table: one row per point, as CSV or Parquet."""

from __future__ import annotations

import csv
import importlib.util
import io
import math
from collections.abc import Sequence
from typing import Any

from mer_core.atlas.export.captions import origin
from mer_core.atlas.plotted import Plotted

COLUMNS = (
    "id", "x", "y", "stage", "strategy", "modality", "emotion", "corpus", "group",
    "partner_distance", "map",
)  # fmt: skip
VISITOR = "visitor"  # in place of a corpus


def columns(panels: Sequence[Plotted]) -> dict[str, list[Any]]:
    """Column → values, of several maps below each other.

    `id` names the pair within its modality and is the same on every map; `partner_distance` is
    the cosine distance of the pair's embeddings, because distances on a map mean little; `map` is
    `stored`, or what a refitted one was fitted with.
    """
    rows = [row for plotted in panels for row in (*_rows(plotted), *_visitors(plotted))]
    return {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}


def to_csv(panels: Sequence[Plotted]) -> str:
    """The table as CSV with a header, numbers with six decimals."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    table = columns(panels)
    writer.writerow(table)
    for row in zip(*table.values(), strict=True):
        writer.writerow([_formatted(cell) for cell in row])
    return buffer.getvalue()


def can_write_parquet() -> bool:
    """Whether a Parquet writer is installed; we do not require one."""
    return any(importlib.util.find_spec(name) for name in ("pyarrow", "fastparquet"))


def to_parquet(panels: Sequence[Plotted]) -> bytes:
    """The same columns as Parquet, which Apple's Embedding Atlas opens with `--x x --y y`.

    Raises:
        ValueError: No Parquet writer is installed.
    """
    if not can_write_parquet():
        raise ValueError("Parquet needs pyarrow or fastparquet; CSV has the same columns.")
    import pandas

    return bytes(pandas.DataFrame(columns(panels)).to_parquet(index=False))


def _rows(plotted: Plotted) -> list[tuple[Any, ...]]:
    reference, points = plotted.reference, plotted.map.points
    pair_distances = reference.distances
    rows = []
    for offset, modality in enumerate(reference.modalities):
        for i in range(len(reference)):
            x, y = points[i + offset * len(reference)]
            rows.append((
                f"{modality}-{i:05d}", float(x), float(y), plotted.stage.value, plotted.strategy,
                modality, reference.emotions[int(reference.labels[i])],
                _plain(reference.corpora[modality][i]), _plain(reference.groups[modality][i]),
                float(pair_distances[i]), origin(plotted),
            ))  # fmt: skip
    return rows


def _visitors(plotted: Plotted) -> list[tuple[Any, ...]]:
    return [
        (
            f"{VISITOR}-{modality}-{i:05d}", float(x), float(y), plotted.stage.value,
            plotted.strategy, modality, visitor.emotion, VISITOR, _plain(visitor.name),
            float(visitor.halves_distance), origin(plotted),
        )
        for i, visitor in enumerate(plotted.visitors)
        for modality, (x, y) in visitor.places.items()
    ]  # fmt: skip


def _formatted(cell: Any) -> Any:
    """A number with six decimals, an empty string for NaN."""
    if not isinstance(cell, float):
        return cell
    return "" if math.isnan(cell) else f"{cell:.6f}"


def _plain(name: str) -> str:
    """A name that no spreadsheet will run as a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name
