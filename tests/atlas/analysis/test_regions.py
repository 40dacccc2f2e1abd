"""Named places on maps whose clusters are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gaussian_kde

from mer_core.atlas.analysis.regions import regions_of
from mer_core.atlas.reference import Reference
from tests.atlas.conftest import EMOTIONS, make_reference

EACH = 60
CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])  # of an emotion
APART = np.array([4.0, 4.0])  # of the two modalities


@pytest.fixture
def reference() -> Reference:
    return make_reference(EACH)


def clusters(reference: Reference, apart: np.ndarray, seed: int = 3) -> np.ndarray:
    """(2N, 2): a cluster of each emotion, and the same moved by `apart` for the partners."""
    random = np.random.default_rng(seed)
    halves = [CENTRES[reference.labels] + shift for shift in (np.zeros(2), apart)]
    points = np.concatenate(halves)
    return (points + 0.4 * random.standard_normal(points.shape)).astype(np.float32)


def test_every_group_has_its_name_where_it_is(reference: Reference) -> None:
    regions = regions_of(reference, clusters(reference, APART))
    assert [(r.emotion, r.modalities) for r in regions] == [
        (emotion, (modality,)) for emotion in EMOTIONS for modality in ("speech", "text")
    ]
    for region in regions:
        centre = CENTRES[EMOTIONS.index(region.emotion)] + APART * (region.modalities == ("text",))
        assert np.linalg.norm(np.array(region.at) - centre) < 0.6


def test_modalities_that_mix_share_one_name(reference: Reference) -> None:
    regions = regions_of(reference, clusters(reference, np.zeros(2)))
    assert [(r.emotion, r.modalities) for r in regions] == [
        (emotion, ("speech", "text")) for emotion in EMOTIONS
    ]


def test_the_place_is_a_mode_and_not_the_mean(reference: Reference) -> None:
    """Two thirds of the angry voices in one cluster, one third far away: the mean is in neither."""
    points = clusters(reference, APART)
    angry = np.flatnonzero(reference.labels == 0)
    points[angry[: EACH // 3]] += [-40.0, 0.0]
    region = regions_of(reference, points)[0]
    kernel = gaussian_kde(points[angry].T)
    at, mean = np.array(region.at), points[angry].mean(axis=0)
    assert np.linalg.norm(at - CENTRES[0]) < 1.0
    assert kernel(at)[0] > kernel(mean)[0]


def test_shuffled_labels_name_next_to_nothing(reference: Reference) -> None:
    """One cloud with labels by chance: no group has half of the density anywhere."""
    cloud = np.random.default_rng(0).standard_normal((2 * len(reference), 2)).astype(np.float32)
    assert regions_of(reference, cloud) == ()


def test_names_do_not_depend_on_scale_or_place(reference: Reference) -> None:
    points = clusters(reference, APART)
    moved = regions_of(reference, points * 50 + 7)
    for one, other in zip(regions_of(reference, points), moved, strict=True):
        assert one.emotion == other.emotion
        assert np.array(other.at) == pytest.approx(np.array(one.at) * 50 + 7, rel=1e-4)


def test_points_on_one_spot_are_no_error(reference: Reference) -> None:
    assert regions_of(reference, np.zeros((2 * len(reference), 2), dtype=np.float32)) == ()
