"""Neighbours against scikit-learn, movements on references whose structure is known."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from mer_core.atlas.analysis.neighbours import movement, nearest
from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.reference import Reference
from mer_core.atlas.visitor import VisitorClip
from mer_core.types import FloatArray, Prediction
from tests.atlas.conftest import EMOTIONS, make_map, make_reference


def unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def clip_of(**vectors: dict[str, FloatArray]) -> VisitorClip:
    """Strategy → modality → vector."""
    predictions = {
        strategy: Prediction("sad", {"sad": 1.0}, {}, embeddings_after=halves)
        for strategy, halves in vectors.items()
    }
    return VisitorClip("c1", "Clip 1", "mgcma", predictions)


@pytest.fixture
def atlas() -> Atlas:
    """Two strategies: modalities far apart, and modalities on top of each other."""
    references = {"none": make_reference(gap=9.0), "on": make_reference(gap=0.0, seed=1)}
    return Atlas("mgcma", {n: Chart(r, make_map(r)) for n, r in references.items()}, {})


@pytest.mark.parametrize("k", [1, 5, 15])
def test_neighbours_agree_with_scikit_learn(reference: Reference, k: int) -> None:
    oracle = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute")
    oracle.fit(reference.joint.astype(np.float64))
    for vector in np.random.default_rng(3).standard_normal((20, 8)).astype(np.float32):
        distances, points = oracle.kneighbors(vector[None].astype(np.float64))
        found = nearest(reference, vector, k)
        assert [n.point for n in found] == points[0].tolist()
        assert [n.distance for n in found] == pytest.approx(distances[0].tolist(), abs=1e-5)
        assert [n.rank for n in found] == list(range(1, k + 1))


def test_a_neighbour_has_its_origin(reference: Reference) -> None:
    first, *_ = nearest(reference, reference.embeddings["text"][20])
    assert (first.modality, first.row, first.point) == ("text", 20, 20 + len(reference))
    assert first.emotion == EMOTIONS[reference.labels[20]]
    assert (first.corpus, first.group) == ("corpus 2", "speaker 6")
    assert first.distance == pytest.approx(0, abs=1e-5)


def test_a_recording_in_several_pairs_is_listed_once(reference: Reference) -> None:
    speech = reference.embeddings["speech"].copy()
    speech[7] = speech[0]  # one emotion and, by 7 speakers in turn, one speaker
    repeated = dataclasses.replace(
        reference, embeddings={"speech": speech, "text": reference.embeddings["text"]}
    )
    points = [n.point for n in nearest(repeated, speech[0], 12)]
    assert points[0] == 0
    assert 7 not in points
    assert len(points) == 12


def test_neighbours_depend_on_the_direction_alone(reference: Reference) -> None:
    vector = reference.embeddings["speech"][3]
    assert nearest(reference, vector, 9) == nearest(reference, vector.copy(), 9)
    assert nearest(reference, vector, 3) == nearest(reference, vector, 9)[:3]
    assert nearest(reference, vector, 9) == nearest(reference, 4 * vector, 9)


def test_vectors_without_neighbours_are_refused(reference: Reference) -> None:
    with pytest.raises(ValueError, match="not \\(3,\\)"):
        nearest(reference, np.zeros(3, dtype=np.float32))
    with pytest.raises(ValueError, match="finite"):
        nearest(reference, np.full(8, np.nan, dtype=np.float32))
    with pytest.raises(ValueError, match="k must be"):
        nearest(reference, np.ones(8, dtype=np.float32), 0)


def centre(reference: Reference, modality: str, emotion: int) -> FloatArray:
    return unit(reference.embeddings[modality][reference.labels == emotion].mean(axis=0))


def test_a_clip_moves_from_voices_to_words_and_voices(atlas: Atlas) -> None:
    before, after = (atlas.charts[name].reference for name in ("none", "on"))
    clip = clip_of(
        none={m: centre(before, m, 0) for m in before.modalities},
        on={m: centre(after, m, 2) for m in after.modalities},
    )
    found = movement(atlas, "on", clip)
    old, new = found.surroundings["speech"]
    assert (old.emotion, old.modalities) == ("angry", ("speech",))
    assert new.emotion == "neutral"
    assert set(new.modalities) == {"speech", "text"}
    assert found.halves is not None
    assert found.halves[1].distance < found.halves[0].distance
    assert new.share > 0.5


def test_halves_are_ranked_among_pairs_of_one_emotion(atlas: Atlas) -> None:
    for name, chart in atlas.charts.items():
        reference = chart.reference
        halves = {"speech": centre(reference, "speech", 0), "text": centre(reference, "text", 1)}
        clip = clip_of(none=halves, **({} if name == "none" else {name: halves}))
        found = movement(atlas, name, clip).halves
        assert found is not None
        own = 1 - float(halves["speech"] @ halves["text"])
        farther, count = 0, 0
        for i, j in itertools.product(range(len(reference)), repeat=2):
            if reference.labels[i] == reference.labels[j]:
                speech, text = reference.embeddings["speech"][i], reference.embeddings["text"][j]
                lengths = float(np.linalg.norm(speech) * np.linalg.norm(text))
                farther += 1 - float(speech @ text) / lengths > own
                count += 1
        assert found[1].distance == pytest.approx(own, abs=1e-5)
        assert found[1].closer_than == pytest.approx(farther / count, abs=2e-3)


def test_one_half_has_no_distance_and_none_has_no_movement(atlas: Atlas) -> None:
    reference = atlas.charts["none"].reference
    clip = clip_of(none={"speech": centre(reference, "speech", 3)})
    found = movement(atlas, "none", clip)
    assert found.halves is None
    before, after = found.surroundings["speech"]
    assert before == after
    assert before.emotion == "sad"
