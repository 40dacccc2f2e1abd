"""`python -m train atlas`: from a finished ablation to heads, reference embeddings, maps, a figure.

Each strategy has a folder, `none` included. All heads embed the same held-out pairs, and an example
is encoded once, because they share their encoders.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mer_core.atlas.analysis.mixing import mixing_of
from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.control import random_reference
from mer_core.atlas.export.figures import export
from mer_core.atlas.fitting.fit import Fitted, fit_map, fit_maps
from mer_core.atlas.fitting.frame import diagonal
from mer_core.atlas.maps import MapParams
from mer_core.atlas.placement import Placer, place_on_all
from mer_core.atlas.reference import Pairing
from mer_core.checkpoints.checkpoint import load_checkpoint
from mer_core.checkpoints.heads import load_heads
from mer_core.emotions import FOUR
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import Framework
from mer_core.frameworks.descriptor import BEFORE, DESCRIPTORS
from mer_core.types import FloatArray
from train.ablation.runs import RunPaths
from train.config import Experiment
from train.publish.heads import export_heads
from train.publish.references import balanced_pairs, embed_all, reference_of

HELD_OUT = 100  # pairs an emotion, at most, on which placing is measured
ABLATION_FILE, FIGURE_FILE = "ablation.json", "maps.png"
FIGURE_DPI = 150


@dataclass(frozen=True, eq=False)
class BuiltAtlas:
    """What `build_atlas` made, and how long placing took.

    Attributes:
        atlas: As it is stored.
        milliseconds: To place one point on the maps of all strategies together, the median.
    """

    atlas: Atlas
    milliseconds: float


def make_atlas(
    experiment: Experiment, paths: RunPaths, model: Path, folder: Path, *, pairs: int, seed: int = 0
) -> BuiltAtlas:
    """Write everything that the page shows of one framework to `folder`.

    Args:
        experiment: Of the ablation; its seed selects the runs.
        paths: The ablation (`out`), its data and its cache.
        model: Checkpoint whose encoders the heads will use.
        folder: Made if missing.
        pairs: Of the reference, all emotions together.
        seed: Of the choice of pairs and the maps.

    Raises:
        ValueError: Runs or tables are missing, `folder` holds a head of something else, or the
            encoders are not those of the ablation.
    """
    table = paths.out / ABLATION_FILE
    if not table.is_file():
        raise ValueError(f"{paths.out} holds no finished ablation: {ABLATION_FILE} is missing.")
    export_heads(experiment, paths, model, folder, seed=experiment.seed)
    heads = strategy_heads(folder, load_checkpoint(model).framework.encoders())
    built = build_atlas(
        heads, experiment, paths.root, folder,
        pairs=pairs, seed=seed, device=paths.device, cache=paths.cache,
    )  # fmt: skip
    shutil.copyfile(table, folder / ABLATION_FILE)
    return built


def build_atlas(
    heads: Mapping[str, Framework],
    experiment: Experiment,
    root: Path,
    folder: Path,
    *,
    pairs: int,
    seed: int = 0,
    device: torch.device | None = None,
    cache: Path | None = None,
) -> BuiltAtlas:
    """Write references and maps of `heads` to `folder`; detaches the heads' encoders.

    The reference is of the test split; placing is measured on the development split, which no map
    was fitted to. Raises what `balanced_pairs` raises.
    """
    generator = np.random.default_rng(seed)
    reference_pairs = balanced_pairs(experiment, root, "test", pairs, generator)
    held_out_pairs = balanced_pairs(
        experiment, root, "dev", HELD_OUT * len(FOUR), generator, repeat=False
    )
    embedded = embed_all(heads, [*reference_pairs, *held_out_pairs], experiment, device, cache)
    read = {name: encoder.modality for name, encoder in heads[BEFORE].encoders().items()}
    references = {
        name: reference_of(vectors, reference_pairs, read, Pairing(experiment.pairing))
        for name, vectors in embedded.items()
    }
    held_out = {
        name: np.concatenate([vectors[len(reference_pairs) :] for vectors in by_modality.values()])
        for name, by_modality in embedded.items()
    }
    fitted = fit_maps(references, MapParams(seed=seed))
    charts = {name: Chart(references[name], fit.map) for name, fit in fitted.items()}
    placers = {name: chart.placer for name, chart in charts.items()}
    errors = {n: placement_error(fit, placers[n], held_out[n]) for n, fit in fitted.items()}
    framework = str(heads[BEFORE].architecture()["framework"])
    mixing = {n: mixing_of(chart.reference, chart.map.points) for n, chart in charts.items()}
    control = control_chart(charts[BEFORE], MapParams(seed=seed))
    atlas = Atlas(framework, charts, errors, mixing, control)
    atlas.save(folder)
    figure = export(atlas.all_maps(), "png", columns=3, dots_per_inch=FIGURE_DPI)
    (folder / FIGURE_FILE).write_bytes(figure)
    return BuiltAtlas(atlas, placing_time(placers, held_out))


def strategy_heads(folder: Path, encoders: Mapping[str, Encoder]) -> dict[str, Framework]:
    """Strategy → framework, in the descriptor's order; other heads come last.

    Raises:
        ValueError: `BEFORE` is missing, or a head has no space in common for its modalities.
    """
    loaded = load_heads(folder, encoders)
    heads = {name: checkpoint.framework for name, checkpoint in loaded.items()}
    if BEFORE not in heads:
        names = ", ".join(heads) or "no head"
        raise ValueError(f"{folder} holds {names}; the one named {BEFORE!r} is missing.")
    for name, head in heads.items():
        if head.architecture().get("width", 0) is None:
            raise ValueError(f"{name} has no `width`: its modalities have no space in common.")
    descriptor = DESCRIPTORS[heads[BEFORE].architecture()["framework"]]
    strategies = [name for name in descriptor.strategies if name in heads]
    return {name: heads[name] for name in [*strategies, *sorted(set(heads) - set(strategies))]}


def control_chart(before: Chart, params: MapParams) -> Chart:
    """Random vectors, fitted as the map before alignment was and turned into its frame."""
    random = random_reference(before.reference)
    return Chart(random, fit_map(random, params, onto=before.map).map)


def placement_error(fitted: Fitted, placer: Placer, held_out: FloatArray) -> dict[str, float]:
    """Distance of placing from umap-learn's `transform`, in percent of the map's diagonal."""
    transformed = fitted.frame.apply(fitted.model.transform(held_out))
    distances = np.linalg.norm(placer.place(held_out) - transformed, axis=1)
    median, ninetieth = np.percentile(100 * distances / diagonal(fitted.map.points), [50, 90])
    return {"median_percent": float(median), "p90_percent": float(ninetieth)}


def placing_time(placers: Mapping[str, Placer], held_out: Mapping[str, FloatArray]) -> float:
    """Median milliseconds to place one point on all maps."""
    seconds = []
    for row in range(min(50, *(len(vectors) for vectors in held_out.values()))):
        point = {name: vectors[row : row + 1] for name, vectors in held_out.items()}
        started = time.perf_counter()
        place_on_all(placers, point)
        seconds.append(time.perf_counter() - started)
    return 1_000 * float(np.median(seconds))


def atlas_table(built: BuiltAtlas, folder: Path) -> str:
    """Quality, mixing and placement by strategy, then time and size."""
    lines = [
        "| strategy | trustworthiness | neighbours kept | mixing: embeddings, map "
        "| placement error: median, p90 | KB |",
        "|---|---|---|---|---|---|",
    ]
    for name, chart in built.atlas.charts.items():
        error, mixed = built.atlas.placement[name], built.atlas.mixing[name]
        size = sum(file.stat().st_size for file in (folder / name).glob("*.npz"))
        lines.append(
            f"| {name} | {chart.map.quality.trustworthiness:.3f} "
            f"| {chart.map.quality.preservation:.3f} | {mixed.embeddings:.3f}, {mixed.map:.3f} "
            f"| {error['median_percent']:.2f} %, "
            f"{error['p90_percent']:.2f} % of the diagonal | {size / 1024:.0f} |"
        )
    lines.append(f"One point on all maps: {built.milliseconds:.1f} ms.")
    return "\n".join(lines)
