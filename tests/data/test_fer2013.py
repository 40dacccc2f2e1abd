"""FER2013's loader on a tiny corpus, zipped as published and unpacked."""

from __future__ import annotations

import csv
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from mer_core.data import Example, load_corpus
from mer_core.emotions import FACE

SPLITS = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}
PUBLISHED = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
FLAGS = ((0, 0), (1, 0), (0, 1), (1, 1))  # duplicate, ambiguous


def make(root: Path, *, zipped: bool) -> None:
    """Of every split, every emotion with every combination of flags."""
    rows = [
        (f"{split}/{emotion}/{SPLITS[split]}_{i}{j}.jpg", split, emotion, *flags)
        for split in SPLITS
        for i, emotion in enumerate(PUBLISHED)
        for j, flags in enumerate(FLAGS)
    ]
    folder = root / "fer2013"
    folder.mkdir(parents=True)
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "split", "emotion", "duplicate", "ambiguous"))
        writer.writerows(rows)
    if zipped:
        with zipfile.ZipFile(folder / "images.zip", "w") as archive:
            for path, *_ in rows:
                archive.writestr(path, path)
    else:
        for path, *_ in rows:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(path)


@pytest.fixture(params=[True, False], ids=["zip", "folder"])
def examples(request: pytest.FixtureRequest, tmp_path: Path) -> list[Example]:
    make(tmp_path, zipped=request.param)
    return load_corpus("fer2013", tmp_path)


def content(image: Path) -> str:
    """The content at a path that may be inside a zip."""
    if image.exists():
        return image.read_text()
    archive = next(parent for parent in image.parents if parent.suffix == ".zip")
    with zipfile.ZipFile(archive) as opened:
        return opened.read(image.relative_to(archive).as_posix()).decode()


def test_flagged_pictures_are_left_out_of_training_only(examples: list[Example]) -> None:
    counts = Counter(example.split for example in examples)
    assert counts == {"train": 7, "dev": 4 * 7, "test": 4 * 7}
    train = [example.image for example in examples if example.split == "train"]
    assert all(image is not None and image.stem.endswith("0") for image in train)


def test_the_official_splits_are_kept(examples: list[Example]) -> None:
    names = {"train": "Training", "dev": "PublicTest", "test": "PrivateTest"}
    for example in examples:
        assert example.image is not None
        assert example.image.stem.split("_")[0] == names[example.split]


def test_labels_are_ours(examples: list[Example]) -> None:
    for split in ("train", "dev", "test"):
        assert {e.emotion for e in examples if e.split == split} == set(FACE)
    ours = dict(zip(PUBLISHED, FACE, strict=True))
    for example in examples:
        assert example.image is not None
        assert example.emotion == ours[example.image.parent.name]


def test_every_picture_is_its_own_group(examples: list[Example]) -> None:
    assert len({example.group for example in examples}) == len(examples)
    assert all(example.group.startswith("fer2013_") for example in examples)


def test_pictures_are_found_in_the_zip_or_beside_it(examples: list[Example]) -> None:
    for example in examples:
        assert example.image is not None
        assert example.path is None
        assert example.text is None
        assert content(example.image).endswith(example.image.name)


def test_the_zip_is_preferred(tmp_path: Path) -> None:
    make(tmp_path, zipped=False)
    (tmp_path / "fer2013" / "images.zip").touch()
    images = [example.image for example in load_corpus("fer2013", tmp_path)]
    inside = tmp_path / "fer2013" / "images.zip" / "train" / "angry" / "Training_00.jpg"
    assert images[0] == inside


def test_unknown_splits_are_refused(tmp_path: Path) -> None:
    make(tmp_path, zipped=False)
    table = tmp_path / "fer2013" / "metadata.csv"
    table.write_text(table.read_text().replace(",validation,", ",holdout,"))
    with pytest.raises(KeyError, match="holdout"):
        load_corpus("fer2013", tmp_path)
