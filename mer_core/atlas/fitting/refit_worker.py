"""`python -m mer_core.atlas.fitting.refit_worker FOLDER`: fits maps in a process of its own.

Reads `request.json` and, of job i, `i/reference.npz`, `i/extra.npy` and perhaps `i/onto.npz` from
FOLDER, writes `i/map.npz` and `i/placed.npy`, and prints a line `JOB STAGE DONE TOTAL` whenever it
gets on. umap is loaded and compiled once for all jobs. When its input ends, so has the process
that started it: then it removes FOLDER and ends too.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import NoReturn

import numpy as np

from mer_core.atlas.fitting.fit import fit_map
from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.reference import Reference

COURTESY = 10  # added to the process's niceness: whoever waits for a prediction goes first


def main(folder: Path) -> None:
    """Fit what `folder` asks for."""
    if hasattr(os, "nice"):
        os.nice(COURTESY)
    tell(0, "loading", 0, 1)
    import mer_core.atlas.fitting.layout  # noqa: F401  (the slow part of loading: umap and numba)

    maps: list[AtlasMap] = []
    for number, request in enumerate(json.loads((folder / "request.json").read_text("utf-8"))):
        maps.append(fit(number, request, folder / str(number), maps))
    tell(len(maps) - 1, "done", 1, 1)


def fit(number: int, request: dict[str, object], folder: Path, earlier: list[AtlasMap]) -> AtlasMap:
    """One job, whose `onto` may be a map of an earlier one."""
    tell(number, "neighbours", 0, 1)
    reference = Reference.load(folder / "reference.npz")
    extra = np.load(folder / "extra.npy", allow_pickle=False)
    onto: AtlasMap | None = None
    if isinstance(request["onto"], int):
        onto = earlier[request["onto"]]
    elif (folder / "onto.npz").exists():
        onto = AtlasMap.load(folder / "onto.npz")
    fitted = fit_map(
        reference,
        MapParams(**request["params"]),  # type: ignore[arg-type]
        onto=onto,
        aligned=bool(request["aligned"]),
        extra=extra if len(extra) else None,
        on_epoch=lambda done, total: tell(number, "layout", done, total),
    )
    fitted.map.save(folder / "map.npz")
    np.save(folder / "placed.npy", fitted.extra, allow_pickle=False)
    return fitted.map


def tell(job: int, stage: str, done: int, total: int) -> None:
    """One line for the parent."""
    print(job, stage, done, total, flush=True)


def leave(folder: Path) -> NoReturn:
    """Nobody waits for us any more."""
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def watch(folder: Path) -> None:
    """Leave when the parent is gone: it never writes, so reading ends only then."""
    os.read(sys.stdin.fileno(), 1)  # not `sys.stdin.read`, whose lock would be held at our exit
    leave(folder)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    threading.Thread(target=watch, args=(place,), daemon=True).start()
    try:
        main(place)
    except BrokenPipeError:
        leave(place)
