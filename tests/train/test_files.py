"""A file is complete or missing, and a damaged one costs time, not the run."""

from __future__ import annotations

import errno
from pathlib import Path

import cv2
import numpy as np
import pytest

from mer_core.data import Example
from train.data.portraits import SIDE, Portraits
from train.data.recordings import Recordings
from train.files import cached


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), False),
        (OSError(errno.EIO, "Input/output error"), False),
        (OSError("No such device (os error 19)"), False),  # as safetensors raises it, without errno
        (OSError(errno.EINVAL, "Invalid argument"), True),
        (EOFError("No data left in file"), True),
    ],
)
def test_a_file_that_cannot_be_read_is_not_computed_again(
    error: Exception, again: bool, tmp_path: Path
) -> None:
    path = tmp_path / "kept"
    path.write_text("old")

    def read(file: Path) -> str:
        raise error

    def keep() -> str:
        return cached(path, lambda: "new", read=read, write=lambda v, file: file.write_text(v))

    if again:
        assert keep() == "new"
    else:
        with pytest.raises(OSError, match=str(error.args[-1])[:10]):
            keep()
    assert path.read_text() == ("new" if again else "old")


def test_an_archive_that_points_before_its_start_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one damage that NumPy reports as an error of the system."""
    path = tmp_path / "a.npz"

    def read(file: Path) -> np.ndarray:
        with np.load(file) as archive:
            return archive["a"]

    np.savez(path, a=np.arange(9))
    data = bytearray(path.read_bytes())
    data[-4] ^= 0xFF  # of the offset of the central directory
    path.write_bytes(data)
    with pytest.raises(OSError, match="Invalid argument"):
        read(path)
    found = cached(path, lambda: np.arange(9), read=read, write=lambda v, file: file.write_bytes(v))
    np.testing.assert_array_equal(found, np.arange(9))
    assert "is damaged and computed again" in capsys.readouterr().out


def test_a_cached_value_is_computed_once(tmp_path: Path) -> None:
    made = []

    def make() -> str:
        made.append(1)
        return "value"

    def write(value: str, file: Path) -> None:
        file.write_text(value)

    for _ in range(2):
        assert cached(tmp_path / "a", make, read=Path.read_text, write=write) == "value"
    assert len(made) == 1
    assert cached(None, make, read=Path.read_text, write=write) == "value"
    assert len(made) == 2


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_damaged_clips_and_pictures_are_decoded_again(
    share: float, corpora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = sorted((corpora / "ravdess").rglob("*.wav"))[:3]
    picture = tmp_path / "face.png"
    cv2.imwrite(str(picture), np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE))
    spoken = [Example("ravdess", "train", "happy", "a", path=clip) for clip in clips]
    seen = [Example("fer2013", "train", "happy", "b", image=picture)]

    def read() -> list[np.ndarray]:
        recordings, portraits = Recordings(spoken, tmp_path / "c"), Portraits(seen, tmp_path / "c")
        return [*(recordings.waveform(clip) for clip in clips), portraits.picture(picture)]

    first = read()
    stored = sorted((tmp_path / "c").iterdir())
    assert [file.name[:9] for file in stored] == ["portraits", "waveforms"]
    contents = [file.read_bytes() for file in stored]
    for file, data in zip(stored, contents, strict=True):
        file.write_bytes(data[: int(share * len(data))])
    for expected, found in zip(first, read(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert capsys.readouterr().out.count("is damaged and computed again") == 2
    assert sorted((tmp_path / "c").iterdir()) == stored
    for expected, found in zip(first, read(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert "damaged" not in capsys.readouterr().out
