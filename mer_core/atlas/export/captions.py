"""What figures and tables say of a map's origin."""

from __future__ import annotations

from mer_core.atlas.maps import MapParams
from mer_core.atlas.plotted import Plotted

STORED = "stored"


def describe_params(params: MapParams) -> str:
    """Such as `30 neighbours, min_dist 0.1, cosine`; the seed only where it is not the default."""
    seed = "" if params.seed == MapParams().seed else f", seed {params.seed}"
    return f"{params.n_neighbors} neighbours, min_dist {params.min_dist:g}, {params.metric}{seed}"


def describe_refit(params: MapParams) -> str:
    """Title of a map that a visitor had refitted."""
    return f"refitted: {describe_params(params)}"


def origin(plotted: Plotted) -> str:
    """`stored`, or what a refitted map was fitted with."""
    return describe_refit(plotted.map.params) if plotted.refitted else STORED
