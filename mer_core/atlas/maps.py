"""Maps as data: what they were fitted with, where every point is, how far to trust them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.distances import METRICS
from mer_core.atlas.storage import Arrays, read_npz
from mer_core.types import FloatArray

MAX_NEIGHBOURS = 200
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class MapParams:
    """The settings of a fit that a visitor may change.

    Attributes:
        n_neighbors: How many neighbours hold a point: few show detail, many the whole.
        min_dist: How closely points may be packed, 0 to 1, in UMAP's own unit.
        metric: Of the embeddings; they have length 1, where cosine is the natural one.
        seed: Of the layout.
    """

    n_neighbors: int = 15
    min_dist: float = 0.1
    metric: str = "cosine"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that UMAP fails on."""
        for name in ("n_neighbors", "seed"):
            if not isinstance(getattr(self, name), int):
                raise ValueError(f"{name} must be a whole number, but is {getattr(self, name)!r}.")
        if not 2 <= self.n_neighbors <= MAX_NEIGHBOURS:
            raise ValueError(
                f"n_neighbors must be 2 to {MAX_NEIGHBOURS}, but is {self.n_neighbors}."
            )
        if not 0 <= self.min_dist < 1:
            raise ValueError(f"min_dist must be in [0, 1), but is {self.min_dist}.")
        if self.metric not in METRICS:
            raise ValueError(f"There is no metric {self.metric!r}; it can be {', '.join(METRICS)}.")
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"seed must be 0 to {MAX_SEED}, but is {self.seed}.")


@dataclass(frozen=True)
class MapQuality:
    """How well a map keeps neighbourhoods; `analysis.quality` measures it.

    Attributes:
        trustworthiness: 0 to 1; 1 = every neighbour on the map is a true one.
        preservation: Share of each point's true neighbours that are its neighbours on the map.
        neighbours: How many neighbours were looked at.
    """

    trustworthiness: float
    preservation: float
    neighbours: int


@dataclass(frozen=True, eq=False)
class AtlasMap:
    """One fitted map.

    Attributes:
        points: (2N, 2) float32 in the common frame, in the order of `Reference.joint`.
        params: What it was fitted with.
        quality: Measured on the reference.
        curve: UMAP's (a, b): membership at distance d on the map is 1 / (1 + a · d^2b).
        scale: Length in the frame of one unit of UMAP's.
        kept: (2N,) how many of each point's `quality.neighbours` nearest vectors are also its
            nearest on the map; None for maps fitted before it was measured.
    """

    points: FloatArray
    params: MapParams
    quality: MapQuality
    curve: tuple[float, float]
    scale: float
    kept: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Refuse a map that cannot be drawn, or that nothing could be placed on."""
        points = self.points
        if points.ndim != 2 or points.shape[1] != 2 or len(points) % 2 or not len(points):
            raise ValueError(f"Points of a map must be (2N, 2), but are {points.shape}.")
        if points.dtype.kind != "f" or not np.isfinite(points).all():
            raise ValueError("Points of a map must be finite numbers.")
        a, b = self.curve
        for name, value in (("curve's a", a), ("curve's b", b), ("scale", self.scale)):
            if not 0 < value < math.inf:
                raise ValueError(f"A map's {name} must be a positive number, but is {value}.")
        if not all(math.isfinite(figure) for figure in asdict(self.quality).values()):
            raise ValueError(f"A map's quality must be finite numbers, but is {self.quality}.")
        if self.kept is not None:
            self._check_kept(self.kept)

    def _check_kept(self, kept: NDArray[np.int64]) -> None:
        if kept.shape != (len(self.points),):
            raise ValueError(f"{len(self.points)} points have {kept.shape} counts of neighbours.")
        if kept.min() < 0 or kept.max() > self.quality.neighbours:
            raise ValueError(f"A point keeps 0 to {self.quality.neighbours} neighbours.")

    @property
    def preserved(self) -> FloatArray | None:
        """(2N,) share of each point's true neighbours that the map keeps; None if unknown."""
        if self.kept is None:
            return None
        return np.asarray(self.kept / self.quality.neighbours, dtype=np.float32)

    def save(self, path: Path) -> None:
        """Write an npz."""
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {
            "params": asdict(self.params),
            "quality": asdict(self.quality),
            "curve": self.curve,
            "scale": self.scale,
        }
        arrays: dict[str, Any] = {"points": self.points, "about": np.array(json.dumps(about))}
        if self.kept is not None:
            arrays["kept"] = self.kept.astype(np.uint8)
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> AtlasMap:
        """Read what `save` wrote; runs no code from the file.

        Raises:
            ValueError: There is no such file, it is damaged, or it is no map.
        """
        return read_npz(path, "map", _of)


def _of(arrays: Arrays) -> AtlasMap:
    about = json.loads(arrays.string("about"))
    a, b = about["curve"]
    return AtlasMap(
        arrays.table("points"),
        MapParams(**about["params"]),
        MapQuality(**about["quality"]),
        (a, b),
        about["scale"],
        arrays.counts("kept") if "kept" in arrays else None,
    )
