"""Which utterances of IEMOCAP are read, and in which split."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mer_core.data import load_corpus
from mer_core.data.iemocap import speaker
from tests.data.test_corpora import make_iemocap


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
