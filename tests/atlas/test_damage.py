"""An atlas' npz files, damaged or of another kind: one sentence that names the file."""

from __future__ import annotations

import json
import pickle
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mer_core.atlas.collection import Atlas
from mer_core.atlas.maps import AtlasMap
from mer_core.atlas.reference import Reference
from tests.atlas.conftest import error_of

LOADERS = {"reference.npz": Reference.load, "map.npz": AtlasMap.load}
DAMAGED = "is damaged, or no npz file"


def write_an_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def add_an_object(path: Path) -> None:
    with np.load(path) as stored:
        np.savez(path, **stored, further=np.array([{"run": "me"}], dtype=object))


def write_another_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("labels.npy", "no array")


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def make_it_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda path: path.write_bytes(b""), DAMAGED),
        (lambda path: path.write_bytes(path.read_bytes()[:-300]), DAMAGED),
        (lambda path: path.write_bytes(path.read_bytes()[:20]), DAMAGED),
        (flip_a_byte, DAMAGED),
        (lambda path: path.write_text("<html>" * 40), DAMAGED),
        (lambda path: path.write_bytes(pickle.dumps({"points": 1})), DAMAGED),
        (write_an_array, DAMAGED),
        (add_an_object, DAMAGED),
        (write_another_zip, "is missing"),
        (lambda path: path.unlink(), "is missing"),
        (make_it_a_folder, "is missing"),
    ],
    ids=[
        "empty", "cut", "cut short", "flipped", "a web page", "a pickle", "an array alone",
        "an object in it", "another zip", "gone", "a folder",
    ],
)  # fmt: skip
def test_damaged_files(
    folder: Path, name: str, damage: Callable[[Path], None], expected: str
) -> None:
    path = folder / "token" / name
    damage(path)
    assert expected in error_of(LOADERS[name], path, f"token/{name} is ")
    error_of(Atlas.load, folder, f"token/{name} is ")


@pytest.mark.parametrize("name", LOADERS)
def test_any_byte_may_be_wrong(folder: Path, name: str) -> None:
    """Whichever it is: one readable error, or a file that is still valid."""
    path = folder / "none" / name
    content = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for position in random.integers(0, len(content), 300):
        wrong = bytearray(content)
        wrong[position] ^= int(random.integers(1, 256))
        path.write_bytes(wrong)
        try:
            LOADERS[name](path)
        except ValueError as error:
            assert str(error).startswith(f"none/{name} is ")
            refused += 1
    assert refused > 200  # a checksum covers all but a few names and dates


@pytest.mark.parametrize("name", LOADERS)
def test_the_original_error_is_the_cause(folder: Path, name: str) -> None:
    flip_a_byte(folder / "none" / name)
    with pytest.raises(ValueError, match=DAMAGED) as caught:
        LOADERS[name](folder / "none" / name)
    assert isinstance(caught.value.__cause__, zipfile.BadZipFile | zlib.error)


def rewrite(path: Path, **changed: Any) -> None:
    """The same npz with other arrays; None leaves one out."""
    with np.load(path) as stored:
        arrays = {**stored, **changed}
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


VECTORS = np.ones((60, 8), np.float16)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"labels": None}, "'labels' is missing"),
        ({"labels": np.full(60, 4, np.uint8)}, "0 to 3"),
        ({"labels": np.full(60, -1)}, "'labels' must be counts"),
        ({"labels": np.zeros(60)}, "'labels' must be counts"),
        ({"labels": np.zeros(59, np.uint8)}, "60 embeddings"),
        ({"labels": np.zeros((60, 1), np.uint8)}, "in 1 dimensions"),
        ({"emotions": np.array([1, 2, 3, 4])}, "'emotions' must be text"),
        ({"emotions": np.array(["angry"])}, "0 to 0"),
        ({"modalities": np.array(["speech", "speech"])}, "two modalities, not 1"),
        ({"modalities": np.array(["speech", "video"])}, "'video_embedding' is missing"),
        ({"pairing": np.array("chance")}, "pairing is 'chance'"),
        ({"text_embedding": VECTORS * np.float16(np.nan)}, "finite"),
        ({"text_embedding": VECTORS * np.float16(np.inf)}, "finite"),
        ({"text_embedding": VECTORS.ravel()}, "in 2 dimensions"),
        ({"text_embedding": VECTORS.astype(str)}, "floating-point numbers"),
        ({"text_embedding": VECTORS[:, :7]}, "must be"),
        ({"text_embedding": VECTORS[:50]}, "must be"),
        ({"speech_groups_codes": np.full(60, 60_000, np.uint16)}, "counts to 60000, but names 7"),
        ({"speech_groups_codes": np.full(60, -1)}, "'speech_groups_codes' must be counts"),
        ({"speech_groups_codes": np.zeros(9, np.uint16)}, "60 embeddings"),
        ({"speech_corpora_names": None}, "'speech_corpora_names' is missing"),
    ],
)
def test_arrays_that_are_no_reference(folder: Path, changed: dict[str, Any], expected: str) -> None:
    path = folder / "none" / "reference.npz"
    rewrite(path, **changed)
    assert expected in error_of(Reference.load, path, "none/reference.npz is no reference: ")


def test_a_reference_without_pairs_is_refused(reference: Reference) -> None:
    none = dict.fromkeys(reference.modalities, ())
    rows = dict.fromkeys(reference.modalities, np.zeros((0, 8), np.float32))
    with pytest.raises(ValueError, match="at least one pair"):
        Reference(rows, np.zeros(0, np.int64), reference.emotions, none, none)


POINTS = np.ones((120, 2), np.float32)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"points": None}, "'points' is missing"),
        ({"points": POINTS * np.float32(np.nan)}, "finite"),
        ({"points": POINTS * np.float32(np.inf)}, "finite"),
        ({"points": POINTS.ravel()}, "in 2 dimensions"),
        ({"points": POINTS.astype(str)}, "floating-point numbers"),
        ({"points": POINTS.T}, "(2N, 2)"),
        ({"points": POINTS[:119]}, "(2N, 2)"),
        ({"points": POINTS[:0]}, "(2N, 2)"),
        ({"about": None}, "'about' is missing"),
        ({"about": np.array("{")}, "line 1 column 2"),
        ({"about": np.array("[]")}, "wrong kind"),
        ({"about": np.array("{}")}, "'curve' is missing"),
        ({"about": np.array(3)}, "'about' must be text"),
    ],
)
def test_arrays_that_are_no_map(folder: Path, changed: dict[str, Any], expected: str) -> None:
    path = folder / "none" / "map.npz"
    rewrite(path, **changed)
    assert expected in error_of(AtlasMap.load, path, "none/map.npz is no map: ")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"scale": 0}, "scale must be a positive number, but is 0"),
        ({"scale": -1.5}, "scale"),
        ({"scale": float("nan")}, "scale"),
        ({"scale": float("inf")}, "scale"),
        ({"scale": "1"}, "wrong kind"),
        ({"scale": None}, "wrong kind"),
        ({"curve": [1, 2, 3]}, "unpack"),
        ({"curve": [1.5, 0]}, "curve's b"),
        ({"curve": [float("nan"), 1]}, "curve's a"),
        ({"params": {"n_neighbors": "x"}}, "n_neighbors must be a whole number"),
        ({"params": {"n_neighbors": 5.5}}, "n_neighbors must be a whole number"),
        ({"params": {"seed": None}}, "seed must be a whole number"),
        ({"params": {"metric": "hellinger"}}, "no metric 'hellinger'"),
        ({"params": {"metric": []}}, "wrong kind"),
        ({"params": {"colour": 1}}, "wrong kind"),
        ({"params": 3}, "wrong kind"),
        ({"quality": {"trustworthiness": 1.0}}, "wrong kind"),
        (
            {"quality": {"trustworthiness": float("nan"), "preservation": 1, "neighbours": 15}},
            "quality must be finite",
        ),
    ],
)
def test_a_maps_metadata_is_checked(folder: Path, changed: dict[str, Any], expected: str) -> None:
    path = folder / "none" / "map.npz"
    with np.load(path) as stored:
        about = json.loads(str(stored["about"]))
    rewrite(path, about=np.array(json.dumps({**about, **changed})))
    assert expected in error_of(AtlasMap.load, path, "none/map.npz is no map: ")


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (np.zeros(7, np.uint8), "have (7,) counts"),
        (np.full(120, 16, np.uint8), "keeps 0 to 15 neighbours"),
        (np.zeros(120), "must be counts"),
    ],
)
def test_a_maps_counts_of_neighbours_are_checked(
    folder: Path, kept: np.ndarray, expected: str
) -> None:
    path = folder / "none" / "map.npz"
    rewrite(path, kept=kept)
    assert expected in error_of(AtlasMap.load, path, "none/map.npz is no map: ")
