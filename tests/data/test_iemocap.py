"""Who speaks where on IEMOCAP's split screen, and which utterances count."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mer_core.data import load_corpus
from mer_core.data.iemocap import crop_speaker, speaker, speaker_half
from tests.data.test_corpora import make_iemocap


@pytest.mark.parametrize(
    ("name", "half"),
    [
        ("Ses01F_impro04_F000", "left"),
        ("Ses01F_impro04_M012", "right"),
        ("Ses03M_script01_1_M003", "left"),
        ("Ses03M_script01_1_F003", "right"),
        ("Ses05M_impro08a_F010", "right"),
    ],
)
def test_whoever_wears_the_markers_sits_on_the_left(name: str, half: str) -> None:
    assert speaker_half(name) == half
    frames = np.zeros((2, 4, 6, 3), np.uint8)
    frames[:, :, 3:] = 9
    crop = crop_speaker(frames, name)
    assert crop.shape == (2, 4, 3, 3)
    assert (crop == (0 if half == "left" else 9)).all()


def test_four_classes_with_excitement_as_happiness(tmp_path: Path) -> None:
    make_iemocap(tmp_path)
    examples = load_corpus("iemocap", tmp_path)
    counts = Counter(example.emotion for example in examples)
    assert counts == {"angry": 5, "happy": 10, "neutral": 5, "sad": 5}
    for example in examples:
        assert example.path is not None
        assert example.path.exists()
        assert example.text is not None
        assert example.text.startswith("This is ")
        assert example.group[-1] == speaker(example.path.stem)
    splits = {e.split: {x.group[-2] for x in examples if x.split == e.split} for e in examples}
    assert splits == {"train": {"1", "2", "3"}, "dev": {"4"}, "test": {"5"}}
