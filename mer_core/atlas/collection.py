"""An atlas on disk: a folder a strategy with its reference and its map, and `index.json` above."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mer_core.atlas.maps import BEFORE, AtlasMap
from mer_core.atlas.placement import Placer
from mer_core.atlas.plotted import Plotted
from mer_core.atlas.reference import REPRESENTATION, Reference

INDEX_FILE, REFERENCE_FILE, MAP_FILE = "index.json", "reference.npz", "map.npz"
FORMAT = 1  # of index.json


@dataclass(frozen=True, eq=False)
class Chart:
    """One strategy: its reference embeddings and their map."""

    reference: Reference
    map: AtlasMap

    @cached_property
    def placer(self) -> Placer:
        """Made on first use, then kept."""
        return Placer(self.reference, self.map)


@dataclass(frozen=True, eq=False)
class Atlas:
    """Every strategy of one framework, in one frame.

    Attributes:
        framework: Its name.
        charts: Strategy → chart, `BEFORE` first.
        placement: Strategy → how far placing is from `umap.transform` on held-out points, as
            `median_percent` and `p90_percent` of the map's diagonal; empty if not measured.
    """

    framework: str
    charts: dict[str, Chart]
    placement: dict[str, dict[str, float]]

    @property
    def strategies(self) -> tuple[str, ...]:
        """The names, `BEFORE` first."""
        return tuple(self.charts)

    def before_after(self, strategy: str) -> tuple[Plotted, Plotted]:
        """The network without any alignment, and `strategy`'s, as panels of a figure."""
        shown = [
            Plotted(self.charts[name].reference, self.charts[name].map, name, stage)
            for name, stage in ((BEFORE, "before"), (strategy, "after"))
        ]
        return shown[0], shown[1]

    def all(self) -> list[Plotted]:
        """Every map, the one before alignment first, as small multiples."""
        return [
            Plotted(chart.reference, chart.map, name, "before" if name == BEFORE else "after")
            for name, chart in self.charts.items()
        ]

    def save(self, folder: Path) -> None:
        """Write it; the index says what a reader without our code needs to know."""
        first = self.charts[BEFORE].reference
        for name, chart in self.charts.items():
            chart.reference.save(folder / name / REFERENCE_FILE)
            chart.map.save(folder / name / MAP_FILE)
        index: dict[str, Any] = {
            "format": FORMAT,
            "framework": self.framework,
            "representation": REPRESENTATION,
            "modalities": first.modalities,
            "emotions": first.emotions,
            "pairs": len(first),
            "pairing": first.pairing,
            "before": BEFORE,
            "strategies": {
                name: {
                    "trustworthiness": chart.map.quality.trustworthiness,
                    "neighbourhood_preservation": chart.map.quality.preservation,
                    "neighbours": chart.map.quality.neighbours,
                    "placement": self.placement.get(name, {}),
                }
                for name, chart in self.charts.items()
            },
        }
        (folder / INDEX_FILE).write_text(json.dumps(index, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Atlas:
        """Read what `save` wrote.

        Raises:
            ValueError: No atlas there, or one of a newer format.
        """
        if not (folder / INDEX_FILE).is_file():
            raise ValueError(f"{folder.name} holds no atlas: {INDEX_FILE} is missing.")
        index = json.loads((folder / INDEX_FILE).read_text("utf-8"))
        if index["format"] > FORMAT:
            raise ValueError(f"{folder.name}: an atlas of a newer version ({index['format']}).")
        charts = {
            name: Chart(
                Reference.load(folder / name / REFERENCE_FILE),
                AtlasMap.load(folder / name / MAP_FILE),
            )
            for name in index["strategies"]
        }
        placement = {name: about["placement"] for name, about in index["strategies"].items()}
        return cls(index["framework"], charts, placement)
