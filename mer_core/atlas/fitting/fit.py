"""Fitting maps: joint UMAP of both modalities (McInnes et al. 2018), one per strategy.

The first map, of the network trained with every alignment off, is "before" for all strategies.
Each strategy's own map is "after": it starts with every pair where the first map has it, and
Procrustes then brings it into the first map's frame. So what moves between two maps moved in the
embeddings. Measured on MGCMA heads over 1,000 pairs, as the median way of a point in percent of the
diagonal: with Procrustes alone, two maps of the *same* embeddings that differ in their seed are 4.7
apart (8.6 from UMAP's spectral start), and the head with token alignment is 6.6 from the one
without; started from it, 3.7. Large changes stay (20 either way), and no map is less faithful:
trustworthiness agrees within .001, neighbours kept within .006.

Maps are data once fitted: on another CPU than theirs, all 14 that ship come out elsewhere, by a
median of 3 to 10 % of the diagonal, because rounding steers which negative samples are drawn, and
equally faithful (trustworthiness within .002, neighbours kept within .010).

Nothing here imports umap or numba before a map is fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mer_core.atlas.analysis.quality import point_quality
from mer_core.atlas.fitting.frame import Frame, align, first_frame
from mer_core.atlas.fitting.progress import OnEpoch
from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.placement import Placer
from mer_core.atlas.reference import Reference
from mer_core.frameworks.descriptor import BEFORE
from mer_core.types import FloatArray


@dataclass(frozen=True, eq=False)
class Fitted:
    """A map, and what only the process that fitted it has.

    Attributes:
        map: Of the reference.
        extra: (M, 2) points of the vectors that were fitted with it, in the same frame.
        frame: From UMAP's own coordinates to the map's.
        model: umap-learn's, for `transform`.
    """

    map: AtlasMap
    extra: FloatArray
    frame: Frame
    model: Any


def fit_map(
    reference: Reference,
    params: MapParams,
    *,
    onto: AtlasMap | None = None,
    aligned: bool = False,
    extra: FloatArray | None = None,
    on_epoch: OnEpoch | None = None,
) -> Fitted:
    """Fit both modalities jointly, together with `extra` (M, D) vectors if there are any.

    Args:
        reference: What is fitted, and what the map's quality is measured on.
        params: The same ones give the same bits in any process on one machine.
        onto: A map of the same pairs, whose frame the new map is brought into.
        aligned: Start from that map too, instead of the embeddings' main axes.
        extra: A visitor's embeddings, which take part in the fit.
        on_epoch: Called with (epochs done, of how many) during the layout.

    Raises:
        ValueError: Fewer points than neighbours, or no map to start from.
    """
    from mer_core.atlas.fitting.layout import fit_umap

    joint = reference.joint
    vectors = joint if extra is None else np.concatenate([joint, extra.astype(np.float32)])
    if len(vectors) <= params.n_neighbors:
        raise ValueError(f"{len(vectors)} points cannot have {params.n_neighbors} neighbours each.")
    start = _start(reference, onto, extra) if aligned else None
    layout = fit_umap(vectors, params, start, on_epoch)
    own = layout.points[: len(joint)]
    frame = first_frame(own) if onto is None else align(own, onto.points)
    points, placed = np.split(frame.apply(layout.points), [len(joint)])
    quality = point_quality(joint, points, params.metric)
    fitted = AtlasMap(points, params, quality.mean, layout.curve, frame.scale, quality.kept)
    return Fitted(fitted, placed, frame, layout.model)


def fit_maps(references: Mapping[str, Reference], params: MapParams) -> dict[str, Fitted]:
    """A map per strategy, `BEFORE` first, the others started from it and in its frame.

    Raises:
        ValueError: `BEFORE` is missing.
    """
    if BEFORE not in references:
        raise ValueError(f"There is no reference {BEFORE!r}, which all others are compared to.")
    first = fit_map(references[BEFORE], params)
    others = {
        name: fit_map(reference, params, onto=first.map, aligned=True)
        for name, reference in references.items()
        if name != BEFORE
    }
    return {BEFORE: first, **others}


def _start(reference: Reference, onto: AtlasMap | None, extra: FloatArray | None) -> FloatArray:
    """(2N + M, 2): where `onto` has the pairs, and where it would place the others."""
    if onto is None:
        raise ValueError("There is no map to start from: give one as `onto`.")
    if extra is None:
        return onto.points
    return np.concatenate([onto.points, Placer(reference, onto).place(extra)])
