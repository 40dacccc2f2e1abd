"""What the map's component is told to say of the maps."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mer_core.atlas.analysis.mixing import Mixing
from mer_core.atlas.analysis.movers import moved_halves, moved_points
from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.components.map_story import named_places, story
from mer_core.demo.panels.apart import on_line
from mer_core.metrics.mixing import mixing
from tests.atlas.conftest import make_map, make_reference
from tests.demo.clip_ids import recorded
from tests.demo.panels.conftest import clip_of


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    references = {"none": make_reference(gap=3.0), "token": make_reference(gap=0.0, seed=1)}
    return Atlas("mgcma", {n: Chart(r, make_map(r)) for n, r in references.items()}, {})


@pytest.fixture
def clips(atlas: Atlas) -> list[VisitorClip]:
    made = [clip_of(atlas, row, f"Clip {row}") for row in (3, 40)]
    clips = [replace(one, id=recorded(str(row))) for row, one in enumerate(made)]
    return [*clips, replace(clips[0], id=recorded("0", changed=True))]


def test_mixing_is_measured_of_the_maps_that_are_shown(atlas: Atlas) -> None:
    modality = np.repeat([0, 1], 60)
    stored = story(atlas, "token", (), None)["mixing"]
    for name, told in zip(("none", "token"), stored, strict=True):
        chart = atlas.charts[name]
        assert told["map"] == pytest.approx(mixing(chart.map.points, modality), abs=1e-4)
        assert told["even"] == pytest.approx(60 / 119, abs=1e-4)
    assert stored[0]["space"] < 0.05 < 0.3 < stored[1]["space"]
    apart = stored[1]["map"]
    maps = [
        replace(c.map, points=np.concatenate([c.map.points[:60], c.map.points[60:] + 99]))
        for c in atlas.charts.values()
    ]
    refitted = story(atlas, "token", (), None, maps)["mixing"]
    assert [one["space"] for one in refitted] == [one["space"] for one in stored]
    assert refitted[1]["map"] == 0 < apart


def test_mixing_that_ships_is_told_as_it_is(atlas: Atlas) -> None:
    shipped = replace(atlas, mixing={"token": Mixing(0.21, 0.32, 0.5)})
    told = story(shipped, "token", (), None)["mixing"]
    assert told[0] == story(atlas, "token", (), None)["mixing"][0]
    assert told[1] == {"space": 0.21, "map": 0.32, "even": 0.5}


def test_the_chosen_and_the_changed_clip_are_told_of(
    atlas: Atlas, clips: list[VisitorClip]
) -> None:
    told = story(atlas, "token", clips, clips[1])
    # The chosen one first: its sentence stands where there is room for one only.
    assert list(told["apart"]) == [str(clips[1].id), str(clips[2].id)]
    assert list(story(atlas, "token", clips, clips[2])["apart"]) == [str(clips[2].id)]
    assert told["apart"][str(clips[1].id)] == [
        on_line(atlas, name, clips[1]) for name in ("none", "token")
    ]
    assert "Clip 40" in told["key"]
    assert json.loads(json.dumps(told)) == told


def test_trails_are_those_of_the_list(atlas: Atlas, clips: list[VisitorClip]) -> None:
    told = story(atlas, "token", clips, clips[0])
    points, halves = moved_points(atlas, "token", 5), moved_halves(atlas, "token", clips, 3)
    assert told["trails"]["points"] == [mover.point for mover in points]
    assert told["trails"]["halves"] == [f"{mover.clip} {mover.modality}" for mover in halves]
    assert told["movers"].count("<button") == len(points) + len(halves)


def test_without_clips_there_is_no_key(atlas: Atlas) -> None:
    told = story(atlas, "none", (), None)
    assert told["key"] == ""
    assert told["apart"] == {}
    assert told["trails"] == {"points": [], "halves": []}


def test_groups_of_a_place_are_numbered_as_on_the_map(atlas: Atlas) -> None:
    reference = atlas.charts["token"].reference
    spots = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])[reference.labels]
    points = np.concatenate([spots, spots + 3]).astype(np.float32)
    places = named_places(reference, points)
    assert [place["groups"] for place in places] == [[0], [4], [1], [5], [2], [6], [3], [7]]
    assert places[1]["at"] == [3, 3]
    together = named_places(reference, np.concatenate([spots, spots]).astype(np.float32))
    assert [place["groups"] for place in together] == [[0, 4], [1, 5], [2, 6], [3, 7]]
