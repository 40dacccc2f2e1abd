"""The common frame: known transforms are undone; scipy's Procrustes is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import procrustes

from mer_core.atlas.fitting.frame import align, diagonal, first_frame


def cloud(seed: int, count: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 2)) * (3, 1) + (5, -2)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 30, 145, 270])
def test_a_known_transform_is_undone(degrees: int, mirrored: bool) -> None:
    points = cloud(0)
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    rotation = rotation @ np.diag([-1, 1]) if mirrored else rotation
    moved = 7.5 * points @ rotation + (11, -4)
    frame = align(moved, points)
    np.testing.assert_allclose(frame.apply(moved), points, atol=1e-4)
    assert frame.scale == pytest.approx(1 / 7.5)
    np.testing.assert_allclose(frame.rotation @ frame.rotation.T, np.eye(2), atol=1e-12)
    assert (np.linalg.det(frame.rotation) < 0) == mirrored


def test_the_rotation_is_scipys() -> None:
    points, onto = cloud(1), cloud(2)
    _, theirs, _ = procrustes(onto, points)
    ours = align(points, onto).apply(points).astype(float)
    ours -= ours.mean(axis=0)
    theirs -= theirs.mean(axis=0)
    # Theirs is shrunk to the least-squares size; ours keeps its own.
    ratio = np.linalg.norm(ours) / np.linalg.norm(theirs)
    np.testing.assert_allclose(ours, ratio * theirs, atol=1e-5)


def test_maps_that_disagree_keep_their_size() -> None:
    points, onto = cloud(1), cloud(2)
    framed = align(points, onto).apply(points)

    def size(x: np.ndarray) -> float:
        return float(np.sqrt(np.square(x - x.mean(axis=0)).sum(axis=1).mean()))

    assert size(framed) == pytest.approx(size(onto), rel=1e-5)


def test_the_first_map_is_centred_and_of_size_one() -> None:
    points = cloud(3)
    framed = first_frame(points).apply(points)
    np.testing.assert_allclose(framed.mean(axis=0), 0, atol=1e-6)
    assert np.square(framed).sum(axis=1).mean() == pytest.approx(1, rel=1e-5)


def test_degenerate_maps() -> None:
    same = np.ones((5, 2))
    assert np.isfinite(first_frame(same).apply(same)).all()
    with pytest.raises(ValueError, match="5 and 4 points"):
        align(same, same[:4])
    assert diagonal(np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 2.0]])) == 5
