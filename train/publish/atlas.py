"""`python -m train atlas`: from a finished ablation to heads, reference embeddings, maps, a figure.

One folder holds a strategy each, `none` among them. All heads are shown the same held-out pairs,
and an example is encoded once, for all of them stand on the same encoders.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.export.figures import export
from mer_core.atlas.fitting.fit import Fitted, fit_maps
from mer_core.atlas.fitting.frame import diagonal
from mer_core.atlas.maps import MapParams
from mer_core.atlas.placement import Placer, place_on_all
from mer_core.atlas.reference import Pairing, Reference, at_half_precision
from mer_core.checkpoints.checkpoint import load_checkpoint
from mer_core.checkpoints.heads import load_heads
from mer_core.data import Example
from mer_core.data.collate import collate_features
from mer_core.emotions import FOUR
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import Framework
from mer_core.frameworks.descriptor import BEFORE
from mer_core.types import FloatArray
from train.ablation.runs import RunPaths
from train.ablation.strategies import names_of
from train.config import Experiment
from train.data.features import features_as_they_are
from train.data.material import Material
from train.data.pairs import Pair
from train.data.tasks import source_examples
from train.publish.heads import export_heads
from train.stages import detach_encoders, tokenizer_of

BATCH = 64
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
    experiment: Experiment, place: RunPaths, model: Path, folder: Path, *, pairs: int, seed: int = 0
) -> BuiltAtlas:
    """Everything that the page shows of one framework, written to `folder`.

    Args:
        experiment: Of the ablation; its seed says which runs' heads are taken.
        place: Where the ablation lies (`out`), its data and its cache.
        model: Checkpoint whose encoders the heads will be given.
        folder: Made if missing.
        pairs: Of the reference, all emotions together.
        seed: Of the choice of pairs and the maps.

    Raises:
        ValueError: Runs or tables are missing, `folder` holds a head of something else, or the
            encoders are not those of the ablation.
    """
    table = place.out / ABLATION_FILE
    if not table.is_file():
        raise ValueError(f"{place.out} holds no finished ablation: {ABLATION_FILE} is missing.")
    export_heads(experiment, place, model, folder, seed=experiment.seed)
    heads = strategy_heads(folder, load_checkpoint(model).framework.encoders())
    built = build_atlas(
        heads, experiment, place.root, folder,
        pairs=pairs, seed=seed, device=place.device, cache=place.cache,
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
    """Write references and maps of `heads` to `folder`; leaves heads without their encoders.

    The reference is of the test split; placing is measured on the development split, which no map
    has seen. Raises what `balanced_pairs` raises.
    """
    generator = np.random.default_rng(seed)
    shown = balanced_pairs(experiment, root, "test", pairs, generator)
    apart = balanced_pairs(experiment, root, "dev", HELD_OUT * len(FOUR), generator, repeat=False)
    embedded = embed_all(heads, [*shown, *apart], experiment, device, cache)
    read = {given: e.modality for given, e in heads[BEFORE].encoders().items()}
    references = {name: reference_of(vectors, shown, read) for name, vectors in embedded.items()}
    held_out = {
        name: np.concatenate([vectors[len(shown) :] for vectors in by_modality.values()])
        for name, by_modality in embedded.items()
    }
    fitted = fit_maps(references, MapParams(seed=seed))
    charts = {name: Chart(references[name], fit.map) for name, fit in fitted.items()}
    placers = {name: chart.placer for name, chart in charts.items()}
    errors = {n: placement_error(fit, placers[n], held_out[n]) for n, fit in fitted.items()}
    framework = str(heads[BEFORE].architecture()["framework"])
    atlas = Atlas(framework, charts, errors)
    atlas.save(folder)
    figure = export(atlas.all_maps(), "png", columns=3, dots_per_inch=FIGURE_DPI)
    (folder / FIGURE_FILE).write_bytes(figure)
    return BuiltAtlas(atlas, placing_time(placers, held_out))


def strategy_heads(folder: Path, encoders: Mapping[str, Encoder]) -> dict[str, Framework]:
    """Strategy → framework, in the order of `names_of`; what is none of them comes last.

    Raises:
        ValueError: `BEFORE` is missing, or a head has no space in common for its modalities.
    """
    loaded = load_heads(folder, encoders)
    found = {name: checkpoint.framework for name, checkpoint in loaded.items()}
    if BEFORE not in found:
        there = ", ".join(found) or "no head"
        raise ValueError(f"{folder} holds {there}; one named {BEFORE!r} is what others start from.")
    for name, head in found.items():
        if head.architecture().get("width", 0) is None:
            raise ValueError(f"{name} has no `width`: its modalities have no space in common.")
    order = names_of(str(found[BEFORE].architecture()["framework"]))
    known = [name for name in order if name in found]
    return {name: found[name] for name in [*known, *sorted(set(found) - set(known))]}


def balanced_pairs(
    experiment: Experiment,
    root: Path,
    split: str,
    count: int,
    generator: np.random.Generator,
    *,
    repeat: bool = True,
) -> list[Pair]:
    """Pairs of one split, as many of each of the four emotions, in their order.

    An example comes back only when its emotion has no other left, and then as rarely as possible;
    without `repeat`, there are fewer pairs instead.

    Raises:
        ValueError: `count` cannot be shared among the emotions, or one of them has no example.
    """
    if count < len(FOUR) or count % len(FOUR):
        raise ValueError(f"--pairs {count}: must be a multiple of {len(FOUR)}.")
    each = count // len(FOUR)
    pools: dict[str, dict[str, list[Example]]] = {}
    for modality, source in experiment.sources.items():
        every = source_examples(source, root, split, FOUR, modality)
        pools[modality] = {name: [e for e in every if e.emotion == name] for name in FOUR}
    smallest = min(len(pool) for of_modality in pools.values() for pool in of_modality.values())
    if not smallest:
        raise ValueError(f"The {split} split lacks an emotion in one of its modalities.")
    each = each if repeat else min(each, smallest)
    pairs = []
    for emotion in FOUR:
        drawn = {m: _drawn(pools[m][emotion], each, generator) for m in experiment.sources}
        pairs += [Pair(**{m: drawn[m][i] for m in drawn}) for i in range(each)]
    return pairs


def embed_all(
    heads: Mapping[str, Framework],
    pairs: Sequence[Pair],
    experiment: Experiment,
    device: torch.device | None = None,
    cache: Path | None = None,
) -> dict[str, dict[str, FloatArray]]:
    """Strategy → the paper's name of a modality → (N, D) embeddings, rounded as they are stored."""
    parts = {m: list(dict.fromkeys(getattr(p, m) for p in pairs)) for m in experiment.sources}
    material = Material([e for p in parts.values() for e in p], experiment.sources, cache)
    first = next(iter(heads.values()))
    tokenize = tokenizer_of(first)
    names = {encoder.modality: given for given, encoder in first.encoders().items()}
    tokens = {
        encoder.modality: features_as_they_are(
            encoder, parts[encoder.modality], material,
            tokenize=tokenize, device=device, cache=cache,
        )
        for encoder in first.encoders().values()
    }  # fmt: skip
    embedded = {}
    for name, head in heads.items():
        detach_encoders(head)
        embedded[name] = _embed(head.eval(), pairs, tokens, names)
    return embedded


def reference_of(
    vectors: Mapping[str, FloatArray], pairs: Sequence[Pair], read: Mapping[str, str]
) -> Reference:
    """The first `len(pairs)` rows of `vectors`, with what is known of their pairs.

    Args:
        vectors: The paper's name of a modality → (N, D), the leading one first.
        pairs: What the rows are of.
        read: The paper's name → what is read, such as audio → speech.
    """
    parts = {name: [getattr(pair, read[name]) for pair in pairs] for name in vectors}
    return Reference(
        embeddings={name: rows[: len(pairs)] for name, rows in vectors.items()},
        labels=np.array([FOUR.index(pair.emotion) for pair in pairs], dtype=np.int64),
        emotions=tuple(FOUR),
        corpora={name: tuple(part.corpus for part in found) for name, found in parts.items()},
        groups={name: tuple(part.group for part in found) for name, found in parts.items()},
        pairing=Pairing.LABEL,
    )


def placement_error(fitted: Fitted, placer: Placer, held_out: FloatArray) -> dict[str, float]:
    """How far placing is from umap-learn's own `transform`, in percent of the map's diagonal."""
    theirs = fitted.frame.apply(fitted.model.transform(held_out))
    away = np.linalg.norm(placer.place(held_out) - theirs, axis=1) / diagonal(fitted.map.points)
    median, ninetieth = np.percentile(100 * away, [50, 90])
    return {"median_percent": float(median), "p90_percent": float(ninetieth)}


def placing_time(placers: Mapping[str, Placer], held_out: Mapping[str, FloatArray]) -> float:
    """Median milliseconds to place one point on all maps."""
    spent = []
    for row in range(min(50, *(len(vectors) for vectors in held_out.values()))):
        point = {name: vectors[row : row + 1] for name, vectors in held_out.items()}
        started = time.perf_counter()
        place_on_all(placers, point)
        spent.append(time.perf_counter() - started)
    return 1_000 * float(np.median(spent))


def atlas_table(built: BuiltAtlas, folder: Path) -> str:
    """Quality and placement by strategy, then time and size."""
    lines = [
        "| strategy | trustworthiness | neighbours kept | placement error: median, p90 | KB |",
        "|---|---|---|---|---|",
    ]
    for name, chart in built.atlas.charts.items():
        error = built.atlas.placement[name]
        size = sum(file.stat().st_size for file in (folder / name).glob("*.npz"))
        lines.append(
            f"| {name} | {chart.map.quality.trustworthiness:.3f} "
            f"| {chart.map.quality.preservation:.3f} | {error['median_percent']:.2f} %, "
            f"{error['p90_percent']:.2f} % of the diagonal | {size / 1024:.0f} |"
        )
    lines.append(f"One point on all maps: {built.milliseconds:.1f} ms.")
    return "\n".join(lines)


def _drawn(pool: Sequence[Example], count: int, generator: np.random.Generator) -> list[Example]:
    """`count` examples in random order, each as often as any other, give or take one."""
    order = generator.permutation(len(pool))
    chosen = [pool[order[i % len(pool)]] for i in range(count)]
    return [chosen[i] for i in generator.permutation(count)]


def _embed(
    framework: Framework,
    pairs: Sequence[Pair],
    tokens: Mapping[str, Mapping[Example, Tensor]],
    names: Mapping[str, str],
) -> dict[str, FloatArray]:
    """What the framework calls a modality, as `names` say → (N, D)."""
    widths = {m: next(iter(rows.values())).shape[1] for m, rows in tokens.items()}
    found: dict[str, list[FloatArray]] = {given: [] for given in names.values()}
    for start in range(0, len(pairs), BATCH):
        rows: list[dict[str, Tensor | None]] = [
            {m: tokens[m][getattr(pair, m)] for m in tokens}
            for pair in pairs[start : start + BATCH]
        ]
        with torch.inference_mode():
            features = framework(collate_features(rows, widths)).features
        for given, rows_found in found.items():
            rows_found.append(features[f"{given}_embedding"].float().numpy())
    return {given: at_half_precision(np.concatenate(parts)) for given, parts in found.items()}
