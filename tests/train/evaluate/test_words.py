"""Word error rates, against a slow recursion and by hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mer_core.data import Example
from mer_core.types import Transcript
from train.evaluate.words import (
    SpokenSentence,
    drawn,
    edit_distance,
    evaluate_words,
    normalised,
    ravdess_sentences,
    word_figures,
    words_table,
)


def slow_distance(first: str, second: str) -> int:
    """The recursive definition of Levenshtein's distance."""

    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        changed = distance(i - 1, j - 1) + (first[i - 1] != second[j - 1])
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, changed)

    return distance(len(first), len(second))


def test_edit_distance() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        first, second = ("".join(random.choice(list("abc"), random.integers(8))) for _ in range(2))
        assert edit_distance(first, second) == slow_distance(first, second)


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert normalised(" Ucho wykrywa, dźwięki!") == ("ucho", "wykrywa", "dźwięki")


def test_figures_by_hand() -> None:
    spoken = [
        SpokenSentence("a", ("go", "home"), ("go", "home"), "en"),
        SpokenSentence("a", ("go", "home"), ("go", "on", "homes"), "en"),
        SpokenSentence("b", ("stay", "here", "now"), (), ""),
    ]
    figures = word_figures(spoken, "en", seed=0)
    assert (figures["n"], figures["speakers"], figures["words"]) == (3, 2, 7)
    assert figures["wer"] == pytest.approx(5 / 7, abs=1e-4)
    assert figures["exact"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["empty"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["language"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["wer_95"] == [0.5, 1.0]  # two speakers: one of them twice, or both


def test_ravdess_sentences_are_in_the_file_names() -> None:
    path = Path("03-01-05-02-02-01-06.wav")
    example = Example("ravdess", "test", "angry", "ravdess_06", path)
    assert ravdess_sentences(Path(), [example]) == {path: "Dogs are sitting by the door"}


def test_clips_are_drawn_in_order_and_once() -> None:
    examples = [Example("c", "test", "sad", str(index)) for index in range(20)]
    chosen = drawn(examples, 5, seed=0)
    assert len(chosen) == len(set(chosen)) == 5
    assert [examples.index(one) for one in chosen] == sorted(examples.index(one) for one in chosen)
    assert drawn(examples, None, seed=0) == drawn(examples, 99, seed=0) == examples


def test_a_table_of_two_corpora(tmp_path: Path) -> None:
    ravdess = tmp_path / "ravdess" / "Actor_06"
    nemo = tmp_path / "nemo" / "samples"
    for folder in (ravdess, nemo):
        folder.mkdir(parents=True)
    (ravdess / "03-01-05-02-01-01-06.wav").touch()
    (nemo / "MK0_sad_1.opus").touch()
    table = 'path,transcript\nsamples/MK0_sad_1.opus,"Nie, dziękuję."\n'
    (nemo.parent / "metadata.csv").write_text(table, "utf-8")

    class Fake:
        def transcribe(self, path: Path) -> Transcript:
            if path.suffix == ".wav":
                return Transcript("Kids are talking by a door.", "en", 0.9, ())
            return Transcript("nie dziękuję", "pl", 0.9, ())

    fake: Any = Fake()
    metrics = evaluate_words(fake, tmp_path)
    assert metrics["sets"]["ravdess"]["wer"] == pytest.approx(1 / 6, abs=1e-4)
    assert metrics["sets"]["nemo"]["wer"] == 0.0
    rows = words_table(metrics).splitlines()[2:]
    assert rows[0].startswith("| ravdess | 1 | 6 | 0.167 ")
    assert rows[1].startswith("| nemo | 1 | 2 | 0.000 ")
    with pytest.raises(ValueError, match="nothing found"):
        evaluate_words(fake, tmp_path / "none")
