"""Maps as data: what they were fitted with, where every point lies, how far to trust them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mer_core.atlas.distances import METRICS
from mer_core.atlas.quality import MapQuality
from mer_core.types import FloatArray

BEFORE = "none"  # the strategy whose map is every other one's "before"
MAX_NEIGHBOURS = 200
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class MapParams:
    """What a visitor may change.

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
        """Refuse settings that UMAP would stumble over."""
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


@dataclass(frozen=True, eq=False)
class AtlasMap:
    """One fitted map.

    Attributes:
        points: (2N, 2) float32 in the common frame, in the order of `Reference.joint`.
        params: What it was fitted with.
        quality: Measured on the reference.
        curve: UMAP's (a, b): two points at distance d belong together to 1 / (1 + a · d^2b).
        scale: Length in the frame of one unit of UMAP's.
    """

    points: FloatArray
    params: MapParams
    quality: MapQuality
    curve: tuple[float, float]
    scale: float

    def save(self, path: Path) -> None:
        """Write an npz."""
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {
            "params": asdict(self.params),
            "quality": asdict(self.quality),
            "curve": self.curve,
            "scale": self.scale,
        }
        with path.open("wb") as file:
            np.savez_compressed(file, points=self.points, about=np.array(json.dumps(about)))

    @classmethod
    def load(cls, path: Path) -> AtlasMap:
        """Read what `save` wrote; runs no code of the file's own.

        Raises:
            ValueError: Not such a file.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                about = json.loads(str(stored["about"]))
                a, b = about["curve"]
                return cls(
                    stored["points"],
                    MapParams(**about["params"]),
                    MapQuality(**about["quality"]),
                    (a, b),
                    about["scale"],
                )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path.name} is no map: {error}.") from None
