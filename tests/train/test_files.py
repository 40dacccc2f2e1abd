"""A file is whole or it is not there, and a damaged one costs time, not the run."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mer_core.data import Example
from train.files import kept, write_whole
from train.portraits import SIDE, Portraits
from train.recordings import Recordings


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path) -> None:
    def interrupted(file: Path) -> None:
        file.write_text("hal")
        raise KeyboardInterrupt

    path = tmp_path / "new" / "kept.txt"
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, interrupted)
    assert not path.exists()
    write_whole(path, lambda file: file.write_text("whole"))
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, interrupted)
    assert [file.name for file in path.parent.iterdir()] == ["kept.txt"]
    assert path.read_text() == "whole"


def test_what_is_kept_is_made_once(tmp_path: Path) -> None:
    made = []

    def make() -> str:
        made.append(1)
        return "value"

    def write(value: str, file: Path) -> None:
        file.write_text(value)

    for _ in range(2):
        assert kept(tmp_path / "a", make, read=Path.read_text, write=write) == "value"
    assert len(made) == 1
    assert kept(None, make, read=Path.read_text, write=write) == "value"
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
    whole = [file.read_bytes() for file in stored]
    for file, data in zip(stored, whole, strict=True):
        file.write_bytes(data[: int(share * len(data))])
    for expected, found in zip(first, read(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert capsys.readouterr().out.count("is damaged and made again") == 2
    assert sorted((tmp_path / "c").iterdir()) == stored
    for expected, found in zip(first, read(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert "damaged" not in capsys.readouterr().out
