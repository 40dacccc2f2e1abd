"""`python -m mer_core.atlas.fitting.refit_worker FOLDER`: the process that fits maps for `refit`.

Reads `request.json` and, for job i, `i/reference.npz`, `i/extra.npy` and perhaps `i/onto.npz` from
FOLDER, writes `i/map.npz` and `i/placed.npy`, and prints a `StageReport` a line. umap is imported
and compiled once for all jobs. When its input ends, the process that started it is gone: then it
removes FOLDER and ends too.
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
from mer_core.atlas.fitting.progress import RefitStage, StageReport
from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.reference import Reference

NICENESS = 10  # added, so that predictions get the processor first


def main(folder: Path) -> None:
    """Fit what `folder` asks for."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    report(StageReport(0, RefitStage.LOADING))
    import mer_core.atlas.fitting.layout  # noqa: F401  (imports umap and numba: the slow part)

    maps: list[AtlasMap] = []
    for index, request in enumerate(json.loads((folder / "request.json").read_text("utf-8"))):
        maps.append(fit(index, request, folder / str(index), maps))
    report(StageReport(len(maps) - 1, RefitStage.DONE, 1))


def fit(job: int, request: dict[str, object], folder: Path, earlier: list[AtlasMap]) -> AtlasMap:
    """One job, whose `onto` may be a map of an earlier one."""
    report(StageReport(job, RefitStage.NEIGHBOURS))
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
        on_epoch=lambda done, total: report(StageReport(job, RefitStage.LAYOUT, done, total)),
    )
    fitted.map.save(folder / "map.npz")
    np.save(folder / "placed.npy", fitted.extra, allow_pickle=False)
    return fitted.map


def report(stage: StageReport) -> None:
    """Send one line to the parent."""
    print(stage.to_line(), flush=True)


def abandon(folder: Path) -> NoReturn:
    """End because nobody waits for the result."""
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def watch(folder: Path) -> None:
    """Abandon the work when the parent is gone: it never writes, so only its end can be read."""
    os.read(sys.stdin.fileno(), 1)  # not `sys.stdin.read`, whose lock would be held at our exit
    abandon(folder)


if __name__ == "__main__":
    work_folder = Path(sys.argv[1])
    threading.Thread(target=watch, args=(work_folder,), daemon=True).start()
    try:
        main(work_folder)
    except BrokenPipeError:
        abandon(work_folder)
