"""`python -m mer_core.atlas.refit_worker FOLDER`: one refit, in a process that may be ended.

Reads `reference.npz`, `request.json`, `extra.npy` and perhaps `onto.npz` from FOLDER, writes
`map.npz` and `placed.npy`, and prints a line `STAGE DONE TOTAL` whenever it gets on.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from mer_core.atlas.fit import fit_map
from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.reference import Reference

COURTESY = 10  # added to the process's niceness: whoever waits for a prediction goes first


def main(folder: Path) -> None:
    """Fit what `folder` asks for."""
    if hasattr(os, "nice"):
        os.nice(COURTESY)
    tell("loading", 0, 1)
    reference = Reference.load(folder / "reference.npz")
    onto = AtlasMap.load(folder / "onto.npz") if (folder / "onto.npz").exists() else None
    request = json.loads((folder / "request.json").read_text("utf-8"))
    extra = np.load(folder / "extra.npy", allow_pickle=False)
    import mer_core.atlas.layout  # noqa: F401  (the slow part of loading: umap and numba)

    tell("neighbours", 0, 1)
    fitted = fit_map(
        reference,
        MapParams(**request["params"]),
        onto=onto,
        aligned=request["aligned"],
        extra=extra if len(extra) else None,
        on_epoch=lambda done, total: tell("layout", done, total),
    )
    fitted.map.save(folder / "map.npz")
    np.save(folder / "placed.npy", fitted.extra, allow_pickle=False)
    tell("done", 1, 1)


def tell(stage: str, done: int, total: int) -> None:
    """One line for the parent."""
    print(stage, done, total, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
