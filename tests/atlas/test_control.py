"""The control: random vectors in the reference's shape, stored as a map only."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mer_core.atlas.collection import CONTROL, CONTROL_FILE, Atlas, Chart
from mer_core.atlas.control import random_reference
from mer_core.atlas.reference import Reference
from tests.atlas.conftest import error_of, make_map, make_reference


def with_control(each: int = 15) -> Atlas:
    charts = {
        name: Chart(one, make_map(one))
        for name, one in (("none", make_reference(each)), ("token", make_reference(each, seed=1)))
    }
    random = random_reference(charts["none"].reference)
    return Atlas("mgcma", charts, {}, control=Chart(random, make_map(random)))


def test_it_has_the_shape_and_labels_and_no_structure() -> None:
    reference = make_reference(each=200, width=32, gap=1.0)
    control = random_reference(reference)
    assert control.joint.shape == reference.joint.shape
    np.testing.assert_array_equal(control.labels, reference.labels)
    np.testing.assert_allclose(np.linalg.norm(control.joint, axis=1), 1, atol=1e-3)
    assert np.array_equal(control.joint, random_reference(reference).joint)

    def separation(one: Reference) -> float:
        lead, partner = (rows.mean(axis=0) for rows in one.embeddings.values())
        return float(np.linalg.norm(lead - partner))

    # Means of 800 random directions are about 1 / √800 long.
    assert separation(control) < 2 * np.sqrt(2 / 800)
    assert separation(reference) > 0.3


def test_an_atlas_keeps_it(tmp_path: Path) -> None:
    atlas = with_control()
    assert atlas.control is not None
    atlas.save(tmp_path / "mgcma")
    loaded = Atlas.load(tmp_path / "mgcma")
    assert loaded.control is not None
    np.testing.assert_array_equal(loaded.control.map.points, atlas.control.map.points)
    np.testing.assert_array_equal(loaded.control.reference.joint, atlas.control.reference.joint)
    assert loaded.strategies == ("none", "token")
    assert CONTROL in loaded.linear.projections
    assert CONTROL in loaded.similarities.matrices
    index = json.loads((tmp_path / "mgcma" / "index.json").read_text("utf-8"))
    assert index["control"]["trustworthiness"] == atlas.control.map.quality.trustworthiness


def test_an_atlas_without_one_is_read_as_before(folder: Path) -> None:
    atlas = Atlas.load(folder)
    assert atlas.control is None
    assert set(atlas.linear.projections) == {"none", "token"}
    assert set(atlas.similarities.matrices) == {"none", "token"}


def test_a_listed_control_must_be_there_and_match(tmp_path: Path) -> None:
    path = tmp_path / "mgcma"
    with_control().save(path)
    (path / CONTROL_FILE).unlink()
    assert "control.npz is missing" in error_of(Atlas.load, path, "mgcma/")
    other = with_control(20).control
    assert other is not None
    other.map.save(path / CONTROL_FILE)
    assert "not those of 60 pairs" in error_of(Atlas.load, path, "mgcma/")
