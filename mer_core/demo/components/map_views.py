"""What the map component is sent for its views beside UMAP: the linear one and the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mer_core.atlas.collection import CONTROL, Atlas, Chart
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.components.map_story import named_places
from mer_core.demo.components.packed import (
    Extent,
    extent_of,
    pack,
    pack_points,
    pack_shares,
)

STRIPS = 3  # clips with rows of their own below the matrix, the latest ones


class MapViews:
    """An atlas' linear views and matrices, packed.

    Args:
        atlas: Of one framework.
    """

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        charts = dict(atlas.charts)
        if atlas.control is not None:
            charts[CONTROL] = atlas.control
        self._linear = {
            name: atlas.linear.projections[name].project(chart.reference.joint)
            for name, chart in charts.items()
        }
        self._extent: Extent = extent_of(list(self._linear.values()))

    def framework(self) -> dict[str, Any]:
        """What all strategies share.

        Horizontal and vertical name the ends of the linear view's axes, as indices of modalities
        and emotions.
        """
        sorting = self._atlas.similarities.sorting
        return {
            "linear": {
                "extent": self._extent,
                "horizontal": [1, 0],
                "vertical": list(self._atlas.linear.ends),
            },
            "matrix": {
                "bins": pack(sorting.bins, "<u1"),
                "sizes": sorting.sizes.tolist(),
                "range": list(self._atlas.similarities.range),
                "strips": STRIPS,
            },
        }

    def strategy(self, name: str, chart: Chart) -> dict[str, Any]:
        """One strategy's points and cells; the upper triangle, row by row, with its diagonal."""
        points, vectors = self._linear[name], chart.reference.joint
        cells = self._atlas.similarities.matrices[name].cells
        return {
            "linear": pack_points(points, self._extent),
            "linear_places": named_places(chart.reference, points.astype(np.float32)),
            "spread": round(float(points.var(axis=0).sum() / vectors.var(axis=0).sum()), 3),
            "cells": pack_shares(
                cells[np.triu_indices(len(cells))], *self._atlas.similarities.range
            ),
        }


def visitor_views(atlas: Atlas, clips: Sequence[VisitorClip]) -> list[dict[str, Any]]:
    """Of each clip: `linear`, strategy → modality → point, and `similar`, → the matrix's row.

    Only the latest `STRIPS` clips have rows.
    """
    from_here = len(clips) - STRIPS
    return [
        {"linear": _linear(atlas, clip)}
        | ({"similar": _similar(atlas, clip)} if number >= from_here else {})
        for number, clip in enumerate(clips)
    ]


def _linear(atlas: Atlas, clip: VisitorClip) -> dict[str, dict[str, list[float]]]:
    places = {}
    for name in atlas.charts:
        project = atlas.linear.projections[name].project
        places[name] = {
            modality: [round(float(value), 5) for value in project(vector[None])[0]]
            for modality, vector in _vectors(clip, name)
        }
    return places


def _similar(atlas: Atlas, clip: VisitorClip) -> dict[str, dict[str, str]]:
    matrices, (low, high) = atlas.similarities.matrices, atlas.similarities.range
    return {
        name: {
            modality: pack_shares(matrices[name].row(vector), low, high)
            for modality, vector in _vectors(clip, name)
        }
        for name in atlas.charts
    }


def _vectors(clip: VisitorClip, strategy: str) -> list[tuple[str, Any]]:
    vectors = [(modality, clip.vector(strategy, modality)) for modality in clip.modalities]
    return [(modality, vector) for modality, vector in vectors if vector is not None]
