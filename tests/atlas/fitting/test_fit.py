"""Fitting: the same bits in any process, maps in one frame, placement close to `transform`."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.fitting.fit import Fitted, fit_map, fit_maps
from mer_core.atlas.fitting.frame import diagonal
from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.placement import Placer
from mer_core.atlas.reference import Reference
from tests.atlas.conftest import make_reference

ROOT = Path(__file__).resolve().parents[3]
PARAMS = MapParams(n_neighbors=10, seed=3)

FIT = """
import hashlib
from mer_core.atlas.fitting.fit import fit_maps
from mer_core.atlas.maps import MapParams
from tests.atlas.conftest import make_reference
references = {"none": make_reference(gap=1.5, width=16), "all": make_reference(gap=0.2, width=16)}
fitted = fit_maps(references, MapParams(n_neighbors=10, seed=3))
print(*(hashlib.sha256(f.map.points.tobytes()).hexdigest() for f in fitted.values()))
"""


@pytest.fixture(scope="module")
def fitted() -> dict[str, Fitted]:
    references = {
        "none": make_reference(gap=1.5, width=16),
        "all": make_reference(gap=0.2, width=16),
    }
    return fit_maps(references, PARAMS)


def digest(points: np.ndarray) -> str:
    return hashlib.sha256(points.tobytes()).hexdigest()


@pytest.mark.slow
def test_the_same_bits_in_another_process(fitted: dict[str, Fitted]) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FIT], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [digest(f.map.points) for f in fitted.values()]


@pytest.mark.slow
def test_maps_are_good_and_in_one_frame(fitted: dict[str, Fitted]) -> None:
    before, after = fitted["none"].map, fitted["all"].map
    assert list(fitted) == ["none", "all"]
    for found in (before, after):
        assert found.points.shape == (120, 2)
        assert found.points.dtype == np.float32
        assert found.quality.trustworthiness > 0.9
        np.testing.assert_allclose(found.points.mean(axis=0), 0, atol=1e-5)
        assert np.square(found.points).sum(axis=1).mean() == pytest.approx(1, rel=1e-4)
    alone = fit_map(make_reference(gap=0.2, width=16), PARAMS).map

    def moved(fitted_map: AtlasMap) -> float:
        return float(np.linalg.norm(fitted_map.points - before.points, axis=1).mean())

    assert moved(after) < moved(alone)


@pytest.mark.slow
def test_another_seed_gives_another_map_with_extra_points(fitted: dict[str, Fitted]) -> None:
    reference = make_reference(gap=1.5, width=16)
    extra = make_reference(each=2, gap=1.5, width=16, seed=1).joint
    seen: list[tuple[int, int]] = []
    other = fit_map(
        reference, MapParams(n_neighbors=10, seed=4), onto=fitted["none"].map, aligned=True,
        extra=extra, on_epoch=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert not np.array_equal(other.map.points, fitted["none"].map.points)
    assert other.extra.shape == (16, 2)
    assert seen[-1][0] == seen[-1][1] > 100


@pytest.mark.slow
def test_placement_is_close_to_transform(fitted: dict[str, Fitted]) -> None:
    for name, gap in (("none", 1.5), ("all", 0.2)):
        reference = make_reference(gap=gap, width=16)
        visitors = make_reference(each=10, gap=gap, width=16, seed=1).joint
        found = fitted[name]
        theirs = found.frame.apply(found.model.transform(visitors))
        ours = Placer(reference, found.map).place(visitors)
        errors = np.linalg.norm(ours - theirs, axis=1) / diagonal(found.map.points)
        assert np.median(errors) < 0.01


@pytest.mark.slow
def test_an_atlas_is_saved_and_loaded_unchanged(fitted: dict[str, Fitted], tmp_path: Path) -> None:
    charts = {
        name: Chart(make_reference(gap=gap, width=16), fitted[name].map)
        for name, gap in (("none", 1.5), ("all", 0.2))
    }
    error = {name: {"median_percent": 0.3, "p90_percent": 0.6} for name in charts}
    Atlas("mgcma", charts, error).save(tmp_path / "atlas")
    loaded = Atlas.load(tmp_path / "atlas")
    assert loaded.strategies == ("none", "all")
    assert loaded.placement == error
    for name, chart in charts.items():
        found = loaded.charts[name].map
        np.testing.assert_array_equal(found.points, chart.map.points)
        assert (found.params, found.quality) == (chart.map.params, chart.map.quality)
        assert (found.curve, found.scale) == (chart.map.curve, chart.map.scale)
        assert found.kept is not None
        np.testing.assert_array_equal(found.kept, chart.map.kept)
        assert found.kept.mean() / 15 == pytest.approx(found.quality.preservation)
        vectors = chart.reference.joint[:3] + 0.01
        np.testing.assert_array_equal(
            loaded.charts[name].placer.place(vectors), chart.placer.place(vectors)
        )
    before, after = loaded.side_by_side("none", "all")
    assert (before.strategy, before.stage, after.strategy) == ("none", "before", "all")
    assert [(p.strategy, p.stage) for p in loaded.all_maps()] == [
        ("none", "before"),
        ("all", "after"),
    ]


def test_a_missing_atlas_is_a_readable_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"index.json is missing"):
        Atlas.load(tmp_path)
    np.savez(tmp_path / "map.npz", points=np.zeros((4, 2)))
    with pytest.raises(ValueError, match="is no map"):
        AtlasMap.load(tmp_path / "map.npz")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"n_neighbors": 1}, "n_neighbors"),
        ({"n_neighbors": 9_999}, "n_neighbors"),
        ({"min_dist": 1.5}, "min_dist"),
        ({"min_dist": float("nan")}, "min_dist"),
        ({"metric": "hellinger"}, "no metric 'hellinger'"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_that_umap_fails_on(change: dict[str, object], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        MapParams(**change)  # type: ignore[arg-type]


def test_missing_maps_are_readable_errors() -> None:
    with pytest.raises(ValueError, match="no reference 'none'"):
        fit_maps({"all": make_reference()}, PARAMS)
    with pytest.raises(ValueError, match="give one as `onto`"):
        fit_map(make_reference(), PARAMS, aligned=True)


@pytest.mark.slow
def test_repeated_vectors_give_the_same_bits_again() -> None:
    """As of a clip in several pairs: UMAP's spectral start differs each time on these."""
    reference = make_reference(each=2, width=16)
    rows = np.tile(np.arange(8), 5)
    embeddings = {name: vectors[rows] for name, vectors in reference.embeddings.items()}
    names = dict.fromkeys(embeddings, ("same",) * 40)
    twice = Reference(embeddings, reference.labels[rows], reference.emotions, names, names)
    first, second = (fit_map(twice, PARAMS).map.points for _ in range(2))
    np.testing.assert_array_equal(first, second)
