"""Gaussians of emotions and similarities of pairs, against closed forms, loops and libraries."""

from __future__ import annotations

import dataclasses
import math
from statistics import mean, pstdev

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

from mer_core.alignment.distribution import squared_wasserstein
from mer_core.alignment.gaussians import Gaussians
from mer_core.atlas.analysis.granularity import (
    MAX_PAIRS,
    default_rows,
    distinct,
    emotion_distances,
    items_of,
    rows_to_show,
    similarities,
)
from mer_core.atlas.reference import Reference
from mer_core.atlas.visitor import VisitorClip
from mer_core.metrics.clouds import squared_distances
from mer_core.types import Prediction
from tests.atlas.conftest import EMOTIONS, make_reference


def clip(name: str, emotion: str | None, **halves: list[float]) -> VisitorClip:
    vectors = {m: np.array(values, dtype=np.float32) for m, values in halves.items()}
    prediction = Prediction(emotion, {}, {}, embeddings_after=vectors)
    return VisitorClip(f"id of {name}", name, "mgcma", {"none": prediction})


def test_w2_of_known_gaussians() -> None:
    centre, std = np.array([[1.0, 2.0]]), np.array([[0.5, 1.5]])
    one = Gaussians(centre, std)
    assert squared_distances(one.points, one.points) == pytest.approx(0.0)
    other = Gaussians(centre + np.array([3.0, 0.0]), std + np.array([0.0, 4.0]))
    apart = squared_distances(one.points, other.points)
    assert np.sqrt(apart) == pytest.approx(5.0)


def test_w2_is_that_of_distribution_alignment() -> None:
    random = np.random.default_rng(0)
    arrays = [random.random(shape) for shape in ((3, 7), (3, 7), (5, 7), (5, 7))]
    mean_a, std_a, mean_b, std_b = (torch.from_numpy(array) for array in arrays)
    expected = squared_wasserstein(Gaussians(mean_a, std_a), Gaussians(mean_b, std_b)).numpy()
    a, b = Gaussians(*arrays[:2]), Gaussians(*arrays[2:])
    assert squared_distances(a.points, b.points) == pytest.approx(expected)


def test_distances_of_emotions_agree_with_slow_loops(reference: Reference) -> None:
    def column(modality: str, emotion: int, d: int) -> list[float]:
        rows = zip(reference.embeddings[modality], reference.labels, strict=True)
        own = [[float(value) for value in row] for row, label in rows if label == emotion]
        return [row[d] / math.hypot(*row) for row in own]

    found = emotion_distances(reference)
    assert found.emotions == EMOTIONS
    for a in range(4):
        for b in range(4):
            total = 0.0
            for d in range(8):
                one, other = column("speech", a, d), column("text", b, d)
                total += (mean(one) - mean(other)) ** 2 + (pstdev(one) - pstdev(other)) ** 2
            assert found.w2[a, b] == pytest.approx(math.sqrt(total), abs=1e-9)
    others = [found.w2[a, b] for a in range(4) for b in range(4) if a != b]
    own = [found.w2[a, a] for a in range(4)]
    assert found.ratio == pytest.approx((sum(own) / 4) / (sum(others) / 12))


def test_equal_modalities_have_no_distance(reference: Reference) -> None:
    speech = reference.embeddings["speech"]
    equal = dataclasses.replace(reference, embeddings={"speech": speech, "text": speech})
    found = emotion_distances(equal)
    assert found.same == pytest.approx(0.0)
    assert found.ratio == pytest.approx(0.0)
    assert found.other > 0.1


def test_a_collapsed_space_has_no_ratio(reference: Reference) -> None:
    point = np.ones((len(reference), 8), dtype=np.float32)
    collapsed = dataclasses.replace(reference, embeddings={"speech": point, "text": point})
    assert math.isnan(emotion_distances(collapsed).ratio)


def test_default_rows_are_some_of_each_emotion_and_always_the_same(reference: Reference) -> None:
    rows = default_rows(reference)
    assert np.bincount(reference.labels[list(rows)]).tolist() == [3, 3, 3, 3]
    assert rows == default_rows(reference)
    assert len(default_rows(make_reference(each=2))) == 8


def test_chosen_points_become_pairs(reference: Reference) -> None:
    count = len(reference)
    assert rows_to_show(reference, [50, 3, count + 3, 2 * count, -1]) == (3, 50)
    assert rows_to_show(reference, []) == default_rows(reference)
    assert rows_to_show(reference, [2 * count]) == default_rows(reference)
    many = rows_to_show(reference, range(2 * count))
    assert len(set(many)) == MAX_PAIRS
    assert np.bincount(reference.labels[list(many)]).min() >= 5


def test_similarities_agree_with_scikit_learn_in_the_order_of_emotions(
    reference: Reference,
) -> None:
    random = np.random.default_rng(4)
    sad, none, half = (
        clip("sad one", "sad", speech=random.random(8), text=random.random(8)),
        clip("no category", None, speech=random.random(8), text=random.random(8)),
        clip("half", "angry", speech=random.random(8)),
    )
    clips = [none, half, sad]
    items = items_of(reference, (50, 2, 40), clips, "none")
    assert [item.row for item in items] == [2, 40, 50, None, None]
    assert [item.name for item in items][-2:] == ["sad one", "no category"]
    assert [item.emotion for item in items] == ["angry", "neutral", "sad", "sad", ""]
    rows = [
        np.concatenate(
            [
                reference.embeddings[modality][[2, 40, 50]],
                np.stack([c.predictions["none"].embeddings_after[modality] for c in (sad, none)]),
            ]
        )
        for modality in ("speech", "text")
    ]
    found = similarities(reference, items, clips, "none")
    assert found == pytest.approx(cosine_similarity(*rows), abs=1e-6)


def test_a_repeated_clip_counts_once() -> None:
    first, again, other = (
        clip(name, "sad", speech=[1.0, 2.0], text=text)
        for name, text in (("a", [3.0, 4.0]), ("b", [6.0, 8.0]), ("c", [4.0, 3.0]))
    )
    half = clip("half", "sad", speech=[1.0, 2.0])
    assert distinct([first, half, again, other, again]) == (first, other)
    assert distinct([again, first]) == (again,)
    assert distinct([half]) == distinct([]) == ()


def test_clips_that_one_strategy_collapses_stay_distinct() -> None:
    point = {m: np.ones(2, dtype=np.float32) for m in ("speech", "text")}
    collapsed = Prediction("sad", {}, {}, embeddings_after=point)
    pairs = [
        clip("a", "sad", speech=[1, 0], text=[0, 1]),
        clip("b", "sad", speech=[0, 1], text=[1, 0]),
    ]
    clips = [
        dataclasses.replace(own, predictions={**own.predictions, "all": collapsed}) for own in pairs
    ]
    assert distinct(clips) == tuple(clips)
