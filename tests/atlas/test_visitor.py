"""A visitor's clip on every map: each half where the placer places it, computed once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_distances

from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.visitor import VisitorClip, on_map, stars
from mer_core.types import Prediction
from tests.atlas.conftest import make_map, make_reference
from tests.demo.clip_ids import recorded

A, B = recorded("a"), recorded("b")


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    charts = {}
    for seed, name in enumerate(("none", "token")):
        reference = make_reference(seed=seed)
        charts[name] = Chart(reference, make_map(reference))
    return Atlas("mgcma", charts, {})


def clip(name: str, *modalities: str) -> VisitorClip:
    random = np.random.default_rng(3)
    return VisitorClip(
        recorded(name),
        name,
        "mgcma",
        {
            strategy: Prediction(
                "happy", {"happy": 1.0}, {},
                embeddings_after={m: random.normal(size=8).astype("float32") for m in modalities},
            )
            for strategy in ("none", "token")
        },
    )  # fmt: skip


def test_every_half_is_placed_on_its_strategys_map(atlas: Atlas) -> None:
    both, words = clip("a", "speech", "text"), clip("b", "text")
    placed = stars(atlas, [both, words])
    assert both.modalities == ("speech", "text")
    assert {name: {k: set(v) for k, v in of.items()} for name, of in placed.items()} == {
        name: {A: {"speech", "text"}, B: {"text"}} for name in ("none", "token")
    }
    vector = both.vector("token", "speech")
    assert vector is not None
    expected = atlas.charts["token"].placer.place(vector[None])[0]
    assert placed["token"][A]["speech"] == pytest.approx(tuple(map(float, expected)), abs=0)
    assert placed["none"][A]["speech"] != placed["token"][A]["speech"]
    assert words.vector("none", "speech") is None


def test_a_place_is_computed_once(atlas: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    once = clip("a", "speech", "text")
    first = stars(atlas, [once])
    monkeypatch.setattr("mer_core.atlas.placement.Placer.place", None)
    assert stars(atlas, [once]) == first


def test_a_half_has_its_own_category_and_never_that_of_both() -> None:
    vectors = dict.fromkeys(("speech", "text"), np.ones(8, np.float32))
    judged = {"speech": {"sad": 0.9, "happy": 0.1}, "text": None, "both": {"happy": 1.0}}
    prediction = Prediction("happy", {"happy": 1.0}, judged, embeddings_after=vectors)
    one = VisitorClip("a", "a", "mgcma", {"none": prediction})
    assert one.emotion_of("none", "speech") == "sad"
    assert one.emotion_of("none", "text") is None
    assert clip("b", "text").emotion_of("none", "text") == "happy"  # the only half that there is


def test_a_figures_visitors_have_the_distance_of_their_halves(atlas: Atlas) -> None:
    both, words = clip("a", "speech", "text"), clip("b", "text")
    first, second = on_map(atlas, "token", [both, words])
    halves = [both.vector("token", modality) for modality in ("speech", "text")]
    assert first.halves_distance == pytest.approx(
        cosine_distances([halves[0]], [halves[1]])[0, 0], rel=1e-5
    )
    assert (first.name, first.emotion, dict(first.places)) == (
        "a", "happy", stars(atlas, [both])["token"][A],
    )  # fmt: skip
    assert (first.halves, second.halves) == ({}, {"text": "happy"})
    assert math.isnan(second.halves_distance)
    assert set(second.places) == {"text"}
