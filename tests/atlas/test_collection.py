"""An atlas as a whole: an index or files that do not match end in one sentence."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.reference import Reference
from mer_core.checkpoints.shipped import ATLAS
from mer_core.frameworks.descriptor import DESCRIPTORS
from tests.atlas.conftest import error_of, make_map, make_reference

MIXED = {"embeddings": 0.1, "map": 0.2, "by_chance": 0.5}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "line 1"),
        ("{", "line 1"),
        ("[]", "wrong kind"),
        ("{}", "'format' is missing"),
        ("\x00", "line 1"),
        ({"format": "x"}, "wrong kind"),
        ({"format": 2}, "newer version (2)"),
        ({"framework": 3}, "framework is 3"),
        ({"strategies": ["none"]}, "wrong kind"),
        ({"strategies": {"none": {}}}, "'placement' is missing"),
        ({"strategies": {"none": {"placement": {"median_percent": float("nan")}}}}, "finite"),
        (
            {"strategies": {"none": {"placement": {}, "mixing": MIXED | {"map": float("nan")}}}},
            "from 0 to 1",
        ),
        (
            {"strategies": {"none": {"placement": {}, "mixing": MIXED | {"more": 0.1}}}},
            "wrong kind",
        ),
        ({"strategies": {}}, "first map of an atlas must be 'none'"),
        ({"strategies": {"token": {"placement": {}}}}, "first map of an atlas must be 'none'"),
        (
            {"strategies": {name: {"placement": {}} for name in ("token", "none")}},
            "first map of an atlas must be 'none'",
        ),
        ({"pairs": 61}, "it says 61 pairs, but there are 60"),
    ],
)
def test_a_file_that_is_no_index(
    folder: Path, content: str | dict[str, Any], expected: str
) -> None:
    path = folder / "index.json"
    if not isinstance(content, str):
        content = json.dumps({**json.loads(path.read_text("utf-8")), **content})
    path.write_text(content, "utf-8")
    assert expected in error_of(Atlas.load, folder, "mgcma/index.json is no index of ")


def test_an_index_that_is_no_text(folder: Path) -> None:
    (folder / "index.json").write_bytes(b"\xff\xfe\x00")
    assert "utf-8" in error_of(Atlas.load, folder, "mgcma/index.json is no index of ")


def test_a_listed_strategy_without_files(folder: Path) -> None:
    shutil.rmtree(folder / "token")
    assert error_of(Atlas.load, folder, "token/reference.npz") == "token/reference.npz is missing."


def test_files_that_do_not_match(folder: Path) -> None:
    index = "mgcma/index.json is no index of the maps beside it: "
    stored = AtlasMap.load(folder / "token" / "map.npz")
    dataclasses.replace(stored, points=stored.points[:100]).save(folder / "token" / "map.npz")
    message = error_of(Atlas.load, folder, "token/map.npz is no map of its reference.npz: ")
    assert "100 points are not those of 60 pairs" in message
    fewer = make_reference(each=14)
    fewer.save(folder / "token" / "reference.npz")
    make_map(fewer).save(folder / "token" / "map.npz")
    assert "pairs of 'token' are not those of 'none'" in error_of(Atlas.load, folder, index)
    reference = make_reference()
    other = dataclasses.replace(reference, labels=reference.labels[::-1].copy())
    other.save(folder / "token" / "reference.npz")
    stored.save(folder / "token" / "map.npz")
    assert "pairs of 'token' are not those of 'none'" in error_of(Atlas.load, folder, index)


def test_a_map_needs_more_points_than_neighbours(reference: Reference) -> None:
    fitted = dataclasses.replace(make_map(reference), params=MapParams(n_neighbors=120))
    with pytest.raises(ValueError, match="120 points cannot have 120 neighbours"):
        Chart(reference, fitted)


@pytest.mark.parametrize("framework", DESCRIPTORS)
def test_the_shipped_atlases_are_complete(framework: str) -> None:
    atlas = Atlas.load(ATLAS / framework)
    on_disk = {path.parent.name for path in (ATLAS / framework).glob("*/map.npz")}
    assert set(atlas.strategies) == on_disk
    assert atlas.framework == framework
    assert {len(chart.reference) for chart in atlas.charts.values()} == {1000}
