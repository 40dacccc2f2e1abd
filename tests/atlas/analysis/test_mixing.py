"""Mixing of a reference and its map, and its way through an atlas on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from mer_core.atlas.analysis.mixing import Mixing, mixing_of
from mer_core.atlas.collection import Atlas, Chart
from tests.atlas.conftest import make_map, make_reference


def test_it_measures_both_the_embeddings_and_the_map() -> None:
    reference = make_reference(gap=0.3)
    points = make_map(reference).points
    modality = np.repeat([0, 1], len(reference))
    expected = []
    for rows in (reference.joint, points):
        _, nearest = NearestNeighbors(n_neighbors=15).fit(rows.astype(float)).kneighbors()
        expected.append((modality[nearest] != modality[:, None]).mean())
    found = mixing_of(reference, points)
    assert (found.embeddings, found.map) == pytest.approx(tuple(expected), abs=0.002)  # fp16 ties
    assert found.by_chance == pytest.approx(60 / 119)
    assert 0 < found.map < 1


def test_a_gap_separates_and_its_absence_mixes() -> None:
    apart, together = (make_reference(gap=gap) for gap in (9.0, 0.0))
    assert mixing_of(apart, make_map(apart).points).embeddings == 0.0
    assert mixing_of(together, make_map(together).points).embeddings > 0.4


def test_an_atlas_keeps_it_and_does_without(tmp_path: Path) -> None:
    references = {"none": make_reference(), "token": make_reference(seed=1)}
    charts = {name: Chart(r, make_map(r)) for name, r in references.items()}
    mixing = {name: mixing_of(chart.reference, chart.map.points) for name, chart in charts.items()}
    Atlas("mgcma", charts, {}, mixing).save(tmp_path / "with")
    assert Atlas.load(tmp_path / "with").mixing == mixing
    Atlas("mgcma", charts, {}, {"none": Mixing(0.1, 0.2, 0.5)}).save(tmp_path / "some")
    assert Atlas.load(tmp_path / "some").mixing == {"none": Mixing(0.1, 0.2, 0.5)}
    Atlas("mgcma", charts, {}).save(tmp_path / "without")
    assert Atlas.load(tmp_path / "without").mixing == {}
