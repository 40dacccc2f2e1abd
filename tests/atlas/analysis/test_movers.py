"""Largest movers, against neighbours counted one by one and points moved on purpose."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mer_core.atlas.analysis.movers import moved_halves, moved_points
from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.reference import Reference
from mer_core.atlas.visitor import VisitorClip
from mer_core.types import Prediction
from tests.atlas.conftest import make_map, make_reference
from tests.demo.clip_ids import recorded

K = 15


def atlas_of(before: Reference, after: Reference) -> Atlas:
    charts = {"none": before, "token": after}
    return Atlas("mgcma", {name: Chart(r, make_map(r)) for name, r in charts.items()}, {})


def kinds_near(reference: Reference, vector: np.ndarray, skip: int | None = None) -> Counter[str]:
    """Kinds of the K rows with the largest cosine."""
    rows = reference.joint.astype(np.float64)
    cosine = rows @ vector / np.linalg.norm(rows, axis=1) / np.linalg.norm(vector)
    if skip is not None:
        cosine[skip] = -np.inf
    order = np.argsort(-cosine, kind="stable")[:K]
    labels = np.tile(reference.labels, 2)
    return Counter(f"{labels[i]} {i // len(reference)}" for i in order)


def exchanged(before: Counter[str], after: Counter[str]) -> float:
    """Share of the neighbours whose kind is new."""
    return sum((after - before).values()) / K


@pytest.fixture
def atlas() -> Atlas:
    return atlas_of(make_reference(20, gap=1.5, seed=1), make_reference(20, gap=0.0, seed=2))


def test_the_change_is_the_share_of_neighbours_of_new_kinds(atlas: Atlas) -> None:
    before, after = (atlas.charts[name].reference for name in ("none", "token"))
    expected = [
        exchanged(kinds_near(before, before.joint[i], i), kinds_near(after, after.joint[i], i))
        for i in range(len(before.joint))
    ]
    movers = moved_points(atlas, "token", 160)
    assert {m.point for m in movers} == set(np.flatnonzero(expected))
    for mover in movers:
        assert mover.point is not None
        assert mover.change == pytest.approx(expected[mover.point])
        assert mover.modality == ("speech", "text")[mover.point // 80]
    changes = [mover.change for mover in movers]
    assert changes == sorted(changes, reverse=True)


def test_a_point_that_was_moved_on_purpose_is_found_and_described() -> None:
    before = make_reference(30, gap=3.0, seed=1)
    speech = before.embeddings["speech"].copy()
    speech[4] = before.embeddings["text"][70]  # an angry voice among happy or neutral words
    after = replace(before, embeddings={**before.embeddings, "speech": speech})
    first = moved_points(atlas_of(before, after), "token", 3)[0]
    assert (first.point, first.modality) == (4, "speech")
    assert first.change > 0.9
    assert (first.before.emotion, first.before.modalities) == ("angry", ("speech",))
    assert (first.after.emotion, first.after.modalities) == ("neutral", ("text",))


def test_the_map_has_no_say(atlas: Atlas) -> None:
    shuffled = {}
    for name, chart in atlas.charts.items():
        points = np.random.default_rng(0).permutation(chart.map.points)
        shuffled[name] = Chart(chart.reference, replace(chart.map, points=points))
    expected = moved_points(atlas, "token", 9)
    assert len(expected) == 9
    assert moved_points(Atlas("mgcma", shuffled, {}), "token", 9) == expected


def test_from_a_strategy_to_itself_nothing_moves_and_the_way_back_is_as_long(atlas: Atlas) -> None:
    for name in atlas.charts:
        assert moved_points(atlas, name, 9, start=name) == ()
    there, back = moved_points(atlas, "token", 160), moved_points(atlas, "none", 160, "token")
    assert {(m.point, m.change) for m in there} == {(m.point, m.change) for m in back}
    assert {(m.point, m.before, m.after) for m in there} == {
        (m.point, m.after, m.before) for m in back
    }


def test_a_recording_of_several_pairs_is_listed_once() -> None:
    before, after = make_reference(30, gap=3.0, seed=1), make_reference(30, gap=0.0, seed=2)
    for reference in (before, after):
        reference.embeddings["text"][1:3] = reference.embeddings["text"][0]
    points = [mover.point for mover in moved_points(atlas_of(before, after), "token", 240)]
    assert len({120, 121, 122} & set(points)) == 1


def test_halves_of_clips_are_measured_among_the_reference(atlas: Atlas) -> None:
    random = np.random.default_rng(5)
    clips, expected = [], {}
    for number, modalities in enumerate((("speech", "text"), ("text",))):
        vectors = {
            name: {m: random.standard_normal(8).astype(np.float32) for m in modalities}
            for name in atlas.charts
        }
        predictions = {n: Prediction("sad", {}, {}, embeddings_after=v) for n, v in vectors.items()}
        clips.append(VisitorClip(recorded(str(number)), "Clip", "mgcma", predictions))
        for m in modalities:
            near = [kinds_near(atlas.charts[n].reference, v[m]) for n, v in vectors.items()]
            expected[recorded(str(number)), m] = exchanged(*near)
    movers = moved_halves(atlas, "token", clips, 9)
    assert movers
    for mover in movers:
        assert mover.change == pytest.approx(expected[mover.clip, mover.modality])
    assert {(m.clip, m.modality) for m in movers} == {k for k, share in expected.items() if share}
    assert len(moved_halves(atlas, "token", clips, 2)) == 2
    assert moved_halves(atlas, "token", (), 2) == ()
