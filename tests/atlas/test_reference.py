"""Reference embeddings: saved and loaded unchanged, without pickle."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mer_core.atlas.reference import Reference


def test_saved_and_loaded_unchanged(reference: Reference, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "reference.npz"
    reference.save(path)
    loaded = Reference.load(path)
    for name in reference.modalities:
        np.testing.assert_array_equal(loaded.embeddings[name], reference.embeddings[name])
        assert loaded.embeddings[name].dtype == np.float32
    np.testing.assert_array_equal(loaded.labels, reference.labels)
    assert loaded.modalities == ("speech", "text")
    for field in ("emotions", "corpora", "groups", "pairing"):
        assert getattr(loaded, field) == getattr(reference, field)


def test_embeddings_are_float16_without_pickle(reference: Reference, tmp_path: Path) -> None:
    reference.save(tmp_path / "reference.npz")
    with np.load(tmp_path / "reference.npz", allow_pickle=False) as stored:
        assert stored["speech_embedding"].dtype == np.float16
        assert all(stored[name].dtype != object for name in stored.files)
    with zipfile.ZipFile(tmp_path / "reference.npz") as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", modalities=np.array([{"run": "me"}], dtype=object))
    with pytest.raises(ValueError, match=r"bad.npz is damaged, or no npz file"):
        Reference.load(tmp_path / "bad.npz")


def test_joint_is_the_leading_half_then_its_partner(reference: Reference) -> None:
    count = len(reference)
    assert reference.joint.shape == (2 * count, 8)
    np.testing.assert_array_equal(reference.joint[count + 3], reference.embeddings["text"][3])


def test_distances_are_of_pairs(reference: Reference) -> None:
    for i in (0, 7, 59):
        a, b = (reference.embeddings[m][i].astype(float) for m in ("speech", "text"))
        expected = 1 - a @ b / np.sqrt((a @ a) * (b @ b))
        assert reference.distances[i] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"labels": np.zeros(3, int)}, "60 embeddings"),
        ({"embeddings": {"speech": np.zeros((60, 8), np.float32)}}, "two modalities"),
        (
            {"embeddings": {m: np.zeros((60, w), np.float32) for m, w in (("a", 3), ("b", 4))}},
            "must be",
        ),
    ],
)
def test_fields_that_do_not_match_are_refused(
    reference: Reference, change: dict[str, object], expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        dataclasses.replace(reference, **change)
