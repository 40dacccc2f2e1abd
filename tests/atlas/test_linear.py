"""The linear view: exact for new points, and the directions that scikit-learn finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge

from mer_core.atlas.linear import LinearProjection, LinearView, emotion_scores, fit, fit_linear
from mer_core.atlas.reference import Reference
from tests.atlas.conftest import EMOTIONS, make_reference, with_pairs

WIDTH = 12


@pytest.fixture(scope="module")
def references() -> dict[str, Reference]:
    gaps = {"none": 1.2, "token": 0.6, "all": 0.1}
    return {
        name: make_reference(40, WIDTH, gap, seed=number)
        for number, (name, gap) in enumerate(gaps.items())
    }


@pytest.fixture(scope="module")
def view(references: dict[str, Reference]) -> LinearView:
    return fit_linear(references)


def unit_rows(reference: Reference) -> np.ndarray:
    rows = reference.joint.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_it_is_an_orthogonal_projection(view: LinearView, references: dict[str, Reference]) -> None:
    for name, projection in view.projections.items():
        np.testing.assert_allclose(projection.axes @ projection.axes.T, np.eye(2), atol=1e-12)
        rows = unit_rows(references[name])
        points = projection.project(references[name].joint)
        # No two points are farther apart than their embeddings, and the rest is at right angles.
        lifted = points @ projection.axes
        rest = rows - projection.centre - lifted
        np.testing.assert_allclose(rest @ projection.axes.T, 0, atol=1e-6)
        squares = np.square(points).sum(axis=1) + np.square(rest).sum(axis=1)
        np.testing.assert_allclose(
            squares, np.square(rows - projection.centre).sum(axis=1), atol=1e-6
        )


def test_a_new_point_lands_exactly(view: LinearView, references: dict[str, Reference]) -> None:
    for name, projection in view.projections.items():
        joint = references[name].joint
        points = projection.project(joint)
        for row in range(0, len(joint), 7):
            alone = projection.project(joint[row : row + 1])[0]
            np.testing.assert_allclose(alone, points[row], rtol=0, atol=1e-12)
        # The view has the geometry of cosine: only the direction of an embedding counts.
        np.testing.assert_allclose(projection.project(3 * joint), points, atol=1e-6)


def test_horizontal_is_a_ridge_probe_for_the_modality(
    view: LinearView, references: dict[str, Reference]
) -> None:
    for name, reference in references.items():
        rows = unit_rows(reference)
        target = np.repeat([1.0, -1.0], len(reference))
        strength = len(rows) * rows.var(axis=0).mean()
        oracle = Ridge(alpha=strength).fit(rows, target).coef_
        assert cosine(view.projections[name].axes[0], oracle) == pytest.approx(1, abs=1e-9)
        across = view.projections[name].project(reference.joint)[:, 0]
        lead, partner = np.split(across, 2)
        assert lead.mean() > partner.mean()


def test_vertical_is_the_leading_linear_discriminant(references: dict[str, Reference]) -> None:
    reference = references["none"]
    tiny = 1e-9
    projection = fit(reference, emotion_scores(reference, tiny), tiny)
    rows = unit_rows(reference) - projection.centre
    inside = np.linalg.svd(rows - np.outer(rows @ projection.axes[0], projection.axes[0]))[2][:-1]
    oracle = LinearDiscriminantAnalysis(solver="eigen").fit(
        rows @ inside.T, np.tile(reference.labels, 2)
    )
    direction = oracle.scalings_[:, 0] @ inside
    assert abs(cosine(projection.axes[1], direction)) == pytest.approx(1, abs=1e-6)


def test_up_means_the_same_emotion_under_every_strategy(
    view: LinearView, references: dict[str, Reference]
) -> None:
    lowest, highest = view.ends
    assert view.scores[highest] == np.abs(view.scores).max()
    assert view.scores.mean() == pytest.approx(0, abs=1e-9)
    assert np.square(view.scores).mean() == pytest.approx(1)
    for name, reference in references.items():
        labels = np.tile(reference.labels, 2)
        up = view.projections[name].project(reference.joint)[:, 1]
        means = [up[labels == emotion].mean() for emotion in range(len(EMOTIONS))]
        assert (np.argmin(means), np.argmax(means)) == (lowest, highest)


def test_reordering_the_pairs_reorders_the_points(
    view: LinearView, references: dict[str, Reference]
) -> None:
    count = len(references["none"])
    order = np.random.default_rng(1).permutation(count)
    both = np.concatenate([order, order + count])
    other = fit_linear({name: with_pairs(one, order) for name, one in references.items()})
    np.testing.assert_allclose(other.scores, view.scores, atol=1e-9)
    for name, projection in view.projections.items():
        expected = projection.project(references[name].joint)[both]
        found = other.projections[name].project(references[name].joint[both])
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_it_is_deterministic_and_keeps_its_axes_when_strategies_are_added(
    view: LinearView, references: dict[str, Reference]
) -> None:
    again = fit_linear({name: references[name] for name in ("none", "all")})
    for name in ("none", "all"):
        assert again.projections[name].axes.tobytes() == view.projections[name].axes.tobytes()


def test_clouds_that_nothing_tells_apart_are_still_projected() -> None:
    one = make_reference(10, 6, 0.0)
    same = dict.fromkeys(one.modalities, one.embeddings["speech"])
    reference = replace(one, embeddings=same, labels=np.zeros(len(one), dtype=np.int64))
    view = fit_linear({"none": reference})
    assert view.ends == (0, 0)
    projection = view.projections["none"]
    np.testing.assert_allclose(projection.axes @ projection.axes.T, np.eye(2), atol=1e-9)
    assert np.isfinite(projection.project(reference.joint)).all()


def test_an_emotion_without_pairs_is_no_end() -> None:
    reference = make_reference(10, 6)
    kept = np.flatnonzero(reference.labels != 1)
    few = with_pairs(reference, kept)
    view = fit_linear({"none": few})
    assert np.isnan(view.scores[1])
    assert 1 not in view.ends


def test_wrong_vectors_are_refused(view: LinearView) -> None:
    projection: LinearProjection = view.projections["none"]
    with pytest.raises(ValueError, match=r"\(M, 12\), not \(3, 5\)"):
        projection.project(np.zeros((3, 5), np.float32))
    with pytest.raises(ValueError, match="not finite"):
        projection.project(np.full((1, WIDTH), np.nan, np.float32))
