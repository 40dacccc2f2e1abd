"""An atlas: every strategy's reference and map; on disk, a folder per strategy and `index.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mer_core.atlas.analysis.mixing import Mixing
from mer_core.atlas.analysis.similarity import SortedMatrices
from mer_core.atlas.control import random_reference
from mer_core.atlas.linear import LinearView, fit_linear
from mer_core.atlas.maps import AtlasMap
from mer_core.atlas.placement import Placer
from mer_core.atlas.plotted import Plotted, Stage
from mer_core.atlas.reference import REPRESENTATION, Reference
from mer_core.atlas.storage import readable_errors
from mer_core.frameworks.descriptor import BEFORE

INDEX_FILE, REFERENCE_FILE, MAP_FILE = "index.json", "reference.npz", "map.npz"
CONTROL_FILE = "control.npz"  # beside the index: the map of `random_reference`
CONTROL = "control"  # its name among the strategies' views
FORMAT = 1  # of index.json


@dataclass(frozen=True, eq=False)
class Chart:
    """One strategy: its reference embeddings and their map."""

    reference: Reference
    map: AtlasMap

    def __post_init__(self) -> None:
        """Refuse a map of other pairs, or one that no point could be placed on."""
        points, neighbours = len(self.map.points), self.map.params.n_neighbors
        if points != 2 * len(self.reference):
            raise ValueError(f"{points} points are not those of {len(self.reference)} pairs.")
        if points <= neighbours:
            raise ValueError(f"{points} points cannot have {neighbours} neighbours each.")

    @classmethod
    def load(cls, folder: Path) -> Chart:
        """Read one strategy's folder.

        Raises:
            ValueError: A file is missing, damaged or something else, or the two do not match.
        """
        reference = Reference.load(folder / REFERENCE_FILE)
        atlas_map = AtlasMap.load(folder / MAP_FILE)
        with readable_errors(folder / MAP_FILE, f"map of its {REFERENCE_FILE}"):
            return cls(reference, atlas_map)

    @cached_property
    def placer(self) -> Placer:
        """Built on first use, then kept."""
        return Placer(self.reference, self.map)


@dataclass(frozen=True, eq=False)
class Atlas:
    """Every strategy of one framework, in one frame.

    Attributes:
        framework: Its name.
        charts: Strategy → chart, `BEFORE` first.
        placement: Strategy → how far placing is from `umap.transform` on held-out points, as
            `median_percent` and `p90_percent` of the map's diagonal; empty if not measured.
        mixing: Strategy → how well the modalities mix; empty if not measured.
        control: Random vectors of the same shape and their map, in the frame of the others; None
            for an atlas that was built without.
    """

    framework: str
    charts: dict[str, Chart]
    placement: dict[str, dict[str, float]]
    mixing: dict[str, Mixing] = field(default_factory=dict)
    control: Chart | None = None

    def __post_init__(self) -> None:
        """Refuse charts that do not show the same pairs before and after."""
        if next(iter(self.charts), None) != BEFORE:
            raise ValueError(f"The first map of an atlas must be {BEFORE!r}, before alignment.")
        first = self.charts[BEFORE].reference
        for name, chart in self.charts.items():
            other = chart.reference
            if (other.modalities, other.emotions) != (first.modalities, first.emotions) or (
                not np.array_equal(other.labels, first.labels)
            ):
                raise ValueError(f"The pairs of {name!r} are not those of {BEFORE!r}.")

    @property
    def strategies(self) -> tuple[str, ...]:
        """The names, `BEFORE` first."""
        return tuple(self.charts)

    @cached_property
    def linear(self) -> LinearView:
        """Every strategy's linear view, and the control's as `CONTROL`; fitted on first use."""
        return fit_linear(self._references)

    @cached_property
    def similarities(self) -> SortedMatrices:
        """Every strategy's similarity matrix, and the control's as `CONTROL`."""
        return SortedMatrices.of(self._references, BEFORE)

    @property
    def _references(self) -> dict[str, Reference]:
        references = {name: chart.reference for name, chart in self.charts.items()}
        if self.control is not None:
            references[CONTROL] = self.control.reference
        return references

    def side_by_side(self, left: str, right: str) -> list[Plotted]:
        """Two strategies' maps, as panels of a figure."""
        return [self._plotted(left), self._plotted(right)]

    def all_maps(self) -> list[Plotted]:
        """Every map, the one without alignment first, as small multiples."""
        return [self._plotted(name) for name in self.charts]

    def _plotted(self, strategy: str) -> Plotted:
        chart = self.charts[strategy]
        stage = Stage.BEFORE if strategy == BEFORE else Stage.AFTER
        return Plotted(chart.reference, chart.map, strategy, stage)

    def save(self, folder: Path) -> None:
        """Write it; the index describes it to readers without our code."""
        first = self.charts[BEFORE].reference
        for name, chart in self.charts.items():
            chart.reference.save(folder / name / REFERENCE_FILE)
            chart.map.save(folder / name / MAP_FILE)
        if self.control is not None:
            self.control.map.save(folder / CONTROL_FILE)
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
                    **({"mixing": asdict(self.mixing[name])} if name in self.mixing else {}),
                }
                for name, chart in self.charts.items()
            },
        }
        if self.control is not None:
            quality = self.control.map.quality
            index["control"] = {
                "vectors": "random, of length 1",
                "trustworthiness": quality.trustworthiness,
                "neighbourhood_preservation": quality.preservation,
            }
        (folder / INDEX_FILE).write_text(json.dumps(index, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Atlas:
        """Read what `save` wrote.

        Raises:
            ValueError: There is no atlas, it has a newer format, or a file is missing, damaged or
                something else; in one sentence that names the file.
        """
        index = folder / INDEX_FILE
        if not index.is_file():
            raise ValueError(f"{folder.name} holds no atlas: {INDEX_FILE} is missing.")
        with readable_errors(index, "index of an atlas"):
            listed = _Index.of(json.loads(index.read_text("utf-8")))
        charts = {name: Chart.load(folder / name) for name in listed.placement}
        with readable_errors(index, "index of the maps beside it"):
            control = _control(folder, charts) if listed.control else None
            atlas = cls(listed.framework, charts, listed.placement, listed.mixing, control)
            pairs = len(charts[BEFORE].reference)
            if pairs != listed.pairs:
                raise ValueError(f"it says {listed.pairs} pairs, but there are {pairs}")
        return atlas


def _control(folder: Path, charts: Mapping[str, Chart]) -> Chart:
    if BEFORE not in charts:
        raise ValueError(f"a control needs the reference {BEFORE!r}")
    atlas_map = AtlasMap.load(folder / CONTROL_FILE)
    with readable_errors(folder / CONTROL_FILE, f"map of as many points as {BEFORE!r} has"):
        return Chart(random_reference(charts[BEFORE].reference), atlas_map)


@dataclass(frozen=True)
class _Index:
    """The part of `index.json` that loading needs; `placement` lists every strategy."""

    framework: str
    pairs: int
    placement: dict[str, dict[str, float]]
    mixing: dict[str, Mixing]
    control: bool

    @classmethod
    def of(cls, index: dict[str, Any]) -> _Index:
        """Raises what `readable_errors` translates."""
        if index["format"] > FORMAT:
            raise ValueError(f"it is of a newer version ({index['format']})")
        placement = {name: about["placement"] for name, about in index["strategies"].items()}
        if not all(math.isfinite(f) for figures in placement.values() for f in figures.values()):
            raise ValueError("its placement figures must be finite numbers")
        mixing = {
            name: Mixing(**about["mixing"])
            for name, about in index["strategies"].items()
            if "mixing" in about
        }
        if not all(0 <= share <= 1 for mixed in mixing.values() for share in astuple(mixed)):
            raise ValueError("its shares of mixing must be from 0 to 1")
        if not isinstance(index["framework"], str):
            raise ValueError(f"its framework is {index['framework']!r}")
        return cls(index["framework"], index["pairs"], placement, mixing, "control" in index)
